"""What the operating systems say of the roles: their processes, their CPUs, and their machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rig.backends.base import Hosts
from rig.backends.processes import cpus_of, is_real_time
from rig.disk.facts import Facts, NodeFacts
from rig.model import Link, Role

MACHINE = (
    "cat /proc/sys/kernel/random/boot_id; uname -r; "
    "grep -m 1 '^model name' /proc/cpuinfo || uname -m"
)
"""For a shell on a machine, or in a container of it; `machine` reads what it prints."""


def machine(said: str, mtu: Mapping[str, int], engine: str = "") -> NodeFacts:
    """A machine, from what `MACHINE` printed there. `mtu`: bytes, by link."""
    boot_id, kernel, cpu = [*said.splitlines(), "", "", ""][:3]
    return {
        "boot_id": boot_id.strip(),
        "kernel": kernel.strip(),
        "cpu": " ".join(cpu.rpartition(":")[2].split()),
        "engine": engine,
        "mtu": dict(mtu),
    }


def role_facts(
    hosts: Hosts, pids: Mapping[Role, Sequence[int]], here: Mapping[Role, Sequence[int]]
) -> Facts:
    """`pids`: of every role, as its machine numbers them; `here`: those of this machine."""
    return {
        "roles": {str(role): tuple(found) for role, found in pids.items()},
        "cpus": {
            str(role): tuple(sorted({cpus_of(pid) for pid in here.get(role, ())} - {""}))
            for role in pids
        },
        "real_time": tuple(
            sorted({str(role) for role, found in here.items() if any(map(is_real_time, found))})
        ),
        "nodes": _nodes(hosts, pids),
    }


def _nodes(hosts: Hosts, pids: Mapping[Role, Sequence[int]]) -> dict[str, NodeFacts]:
    """Every machine that a role stands on, and which do."""
    standing: dict[str, dict[str, None]] = {}
    for role, found in pids.items():
        for index, _ in enumerate(found):
            standing.setdefault(hosts.node(role, index), {})[str(role)] = None
    nodes: dict[str, NodeFacts] = {
        name: {**hosts.machine(name), "roles": tuple(roles)} for name, roles in standing.items()
    }
    if hosts.far:
        for name, node in nodes.items():
            node["load_workers"] = tuple(
                hosts.address(Role.LOAD_WORKER, Link.FRONT, index)
                for index, _ in enumerate(pids.get(Role.LOAD_WORKER, ()))
                if hosts.node(Role.LOAD_WORKER, index) == name
            )
    return nodes
