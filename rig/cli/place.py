"""Where trials run: in this process, in a sandbox, or in containers; and how that ends.

One session at a time has the machine.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rig.backends import environment
from rig.backends.base import Backend
from rig.backends.compose import backend as compose
from rig.backends.compose.backend import ComposeBackend
from rig.backends.environment import locust_packages
from rig.backends.fake import FakeBackend
from rig.backends.local import doctor, sandbox
from rig.backends.local.backend import LocalBackend, remove_left_behind
from rig.backends.swarm import backend as swarm
from rig.backends.swarm.backend import SwarmBackend
from rig.cli import lock
from rig.cli.terminal import Screen
from rig.config import read_nodes
from rig.interruption import Unwinding
from rig.model import StackError, UsageError
from rig.nodes import Nodes
from rig.plan import Plan, cpu_sets


def cpus(backend: str = "") -> dict[str, tuple[int, ...]]:
    """Which CPUs each role gets on this machine; none where it runs on others."""
    if backend == SwarmBackend.name:
        return {}
    # asked of the machine, not of this process: inside, the runner keeps off the app's CPUs
    of_machine = os.environ.get("RIG_CPUS")
    if of_machine:
        return cpu_sets([int(cpu) for cpu in of_machine.split(",")])
    return cpu_sets(_own_cpus())


def _own_cpus() -> list[int]:
    if sys.platform != "linux":  # the engine's machine is another one then, and pins for itself
        return []
    return sorted(os.sched_getaffinity(0))


def nodes_for(backend: str, file: Path | None) -> Nodes | None:
    """The nodes that a backend needs, as their file has them. BadYaml, UsageError."""
    if backend != SwarmBackend.name:
        if file is not None:
            raise UsageError(f"--nodes is for --backend swarm, not for {backend}")
        return None
    if file is None:
        raise UsageError("--backend swarm needs --nodes FILE: docs/many-machines.md says which")
    return read_nodes(file)


def run_on_backend(
    wanted: str,
    go: Callable[[Backend], int],
    plans: Callable[[], Sequence[Plan]],
    confirm: Callable[[], None] = lambda: None,
    handed_on: Sequence[int] = (),
    nodes: Nodes | None = None,
) -> int:
    """Runs `go` with the backend; for the local one, inside a new sandbox.

    What `plans` need that takes a network is made before. `handed_on`: descriptors that the
    runner in a sandbox finds by their numbers. `nodes`: of a Swarm.
    """
    if wanted == "fake":
        confirm()
        return go(FakeBackend())
    if sandbox.inside():
        return _with_local(go)
    if nodes is not None:
        confirm()
        on_nodes = nodes
        with Unwinding(at_once=lambda: swarm.remove_left_behind(on_nodes)):
            return _alone_with(lambda: SwarmBackend(on_nodes, plans(), Screen(stderr=True).say), go)
    if wanted == "auto":
        wanted = "local" if doctor.fit() else "compose"
    if wanted == "compose":
        confirm()
        # containers outlive whoever started them
        with Unwinding(at_once=compose.remove_left_behind):
            return _alone_with(lambda: ComposeBackend(plans(), Screen(stderr=True).say), go)
    if unsupported_reason := sandbox.unsupported_reason():
        raise UsageError(unsupported_reason)
    confirm()
    os.environ["RIG_CPUS"] = ",".join(map(str, _own_cpus()))
    # out here, where the holder of the lock can be seen; the sandbox shares in it until it ends
    with lock.alone("(starting)") as held:
        os.environ[lock.HANDED_ON] = str(held)
        say, planned = Screen(stderr=True).say, plans()
        locust_packages.provide(planned, locust_packages.Here(), say)
        environment.provide(planned, say)
        return sandbox.enter(sys.argv, held, *handed_on)


def _with_local(go: Callable[[Backend], int]) -> int:
    if sandbox.orphaned():
        raise StackError("the runner that began this sandbox was killed")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return _alone_with(lambda: LocalBackend(Screen(stderr=True).say), go)


def _alone_with(make: Callable[[], Backend], go: Callable[[Backend], int]) -> int:
    with lock.alone("(starting)"):
        remove_left_behind()  # we are alone: nobody uses it any more
        backend = make()
        load_cpus = cpus().get("load_master")
        if load_cpus and sys.platform == "linux":
            # the runner keeps off the app's CPUs, too
            os.environ["RIG_CPUS"] = ",".join(map(str, _own_cpus()))
            os.sched_setaffinity(0, load_cpus)
        try:
            return go(backend)
        finally:
            backend.close()
