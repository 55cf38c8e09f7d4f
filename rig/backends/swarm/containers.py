"""Containers on nodes: made as stack/compose.yaml has them, and known to have ended by events.

May not know networks' addresses, nor what a role is told.
"""

from __future__ import annotations

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from rig.backends.docker.container import LOST_CODE, Container
from rig.backends.docker.engine import LABEL, Engine
from rig.backends.docker.stack_files import BY_HAND_PROJECT, compose
from rig.backends.processes import Piped, until
from rig.model import StackError

ATTACH_DEADLINE_S, END_DEADLINE_S = 60.0, 5.0
_SAID_HERE = {
    *("cap_add", "cap_drop", "security_opt", "tmpfs", "pids_limit", "mem_limit", "shm_size"),
    *("stop_signal", "user", "pid", "sysctls", "ulimits", "logging", "read_only"),
}
_SAID_ELSEWHERE = {
    *("image", "build", "command", "entrypoint", "labels", "networks", "volumes", "ports"),
    *("depends_on", "healthcheck", "restart", "profiles", "cpuset"),
}
"""Keys of a service that the hosts decide, or that mean nothing of one trial's containers."""
# an address is free again a moment after its container is gone; and a Swarm that has just lost a
# node or a network attaches no container for a while
TRY_AGAIN = (
    *("address already in use", "already in use", "not found"),
    *("could not attach", "attaching to network failed"),
)


def services(open_files: int) -> Mapping[str, Any]:
    """The stack's services as Compose reads its files. StackError."""
    variables = {"COMPOSE_PROFILES": "*", "RIG_OPEN_FILES": str(open_files)}
    said = compose(BY_HAND_PROJECT, variables, "config", "--format", "json")
    found: Mapping[str, Any] = json.loads(said)["services"]
    return found


def options(service: Mapping[str, Any]) -> list[str]:
    """What of a service confines it, as options of `docker create`.

    ValueError for a key that nobody would carry out.
    """
    if unknown := sorted(service.keys() - _SAID_HERE - _SAID_ELSEWHERE):
        raise ValueError(f"stack/compose.yaml: `{unknown[0]}` is not carried out on a Swarm")
    words = ["--no-healthcheck", *(["--read-only"] * bool(service.get("read_only")))]
    for option, key in (
        ("--cap-add", "cap_add"),
        ("--cap-drop", "cap_drop"),
        ("--security-opt", "security_opt"),
        ("--tmpfs", "tmpfs"),
    ):
        words += [word for value in service.get(key) or () for word in (option, str(value))]
    for option, key in (
        ("--pids-limit", "pids_limit"),
        ("--memory", "mem_limit"),
        ("--shm-size", "shm_size"),
        ("--stop-signal", "stop_signal"),
        ("--user", "user"),
        ("--pid", "pid"),
    ):
        words += [option, str(service[key])] if service.get(key) else []
    for name, value in (service.get("sysctls") or {}).items():
        words += ["--sysctl", f"{name}={value}"]
    for name, limit in (service.get("ulimits") or {}).items():
        words += ["--ulimit", f"{name}={limit['soft']}:{limit['hard']}"]
    logging = service.get("logging") or {}
    words += ["--log-driver", logging["driver"]] if logging else []
    for name, value in (logging.get("options") or {}).items():
        words += ["--log-opt", f"{name}={value}"]
    return words


def started_as(service: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Options of `docker create` before a service's image, and the words after it."""
    program, *words = service.get("entrypoint") or [""]
    return ["--entrypoint", program] * bool(program), [*words, *service["command"]]


def mounts(folders: Mapping[str, tuple[str, bool]]) -> list[str]:
    """Folders of the engine's machine, by where they stand inside; and whether to be written."""
    words = []
    for inside, (outside, writable) in folders.items():
        read_only = "" if writable else ",readonly"
        words += ["--mount", f"type=bind,source={outside},target={inside}{read_only}"]
    return words


class Ends:
    """How containers of a session end on a node, as its engine tells it."""

    def __init__(self, engine: Engine, session: str, log: Path) -> None:
        """Listens from now on. StackError."""
        events = engine.command(
            *("events", "--filter", f"label={LABEL}={session}", "--filter", "event=die"),
            *("--format", "{{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"),
        )
        # it would listen for ever, but `cat` ends with this process, however that ends
        self._told = Piped(["sh", "-c", '"$@" & cat >&2; kill $!', "sh", *events], log)
        self._codes: dict[str, int] = {}
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def _listen(self) -> None:
        for line in self._told.lines():
            name, _, code = line.partition(" ")
            self._codes[name] = int(code) if code.isdecimal() else LOST_CODE

    def code(self, name: str) -> int | None:
        """The code with which a container ended last; None while it runs, or never did."""
        return self._codes.get(name)

    def forget(self, name: str) -> None:
        """How a container ended before: it is started again."""
        self._codes.pop(name, None)

    def close(self) -> None:
        """Listens no more."""
        self._told.close(END_DEADLINE_S)
        self._listening.join(END_DEADLINE_S)


class NodeContainer(Container):
    """A role in a container on a node, whose start takes its time beside others'."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        starting: Future[None],
        ends: Ends,
        check: Callable[[], None],
        pid_of: Callable[[], int],
    ) -> None:
        """`check` raises StackError once the node is lost."""
        super().__init__(engine, name)
        self._starting, self._ends = starting, ends
        self._check, self._pid_of = check, pid_of

    @property
    def pid(self) -> int:
        """Its process id, as the node numbers it."""
        return self._pid_of()

    def code(self) -> int | None:
        """Its exit code; None while it runs. StackError where it did not start."""
        if not self._starting.done():
            return None
        self._starting.result()
        ended = self._ends.code(self._name)
        if ended is None:
            self._check()
        return ended

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to its first process, once there is one."""
        self._starting.result()
        super().signal(number)

    def kill(self) -> None:
        """Nothing: with all others of its trial, its engine removes it in one go."""

    def log_lines(self) -> list[str]:
        """What its first process printed; nothing of one that never started."""
        if not self._starting.done() or self._starting.exception():
            return []
        try:
            return super().log_lines()
        except StackError as error:  # its node is lost
            return [str(error)]


def start(engine: Engine, name: str) -> None:
    """Starts a container, as soon as its addresses are free. StackError."""
    error: StackError | None = None
    for _ in until(ATTACH_DEADLINE_S, every_s=0.3):
        try:
            engine.docker("start", name)
            return
        except StackError as failed:
            error = failed
            if not any(words in failed.what for words in TRY_AGAIN):
                raise
    raise error or StackError(f"{name} did not start")


def end(engine: Engine, name: str, ends: Ends) -> None:
    """Ends a container that runs. StackError where it does not end."""
    with contextlib.suppress(StackError):  # it has ended meanwhile
        engine.docker("kill", name)
    for _ in until(END_DEADLINE_S, every_s=0.02):
        if ends.code(name) is not None:
            return
    raise StackError(f"{name} did not end within {END_DEADLINE_S:g} s")


def create(engine: Engine, name: str, session: str, words: Sequence[str]) -> None:
    """Makes a container without starting it; `words` are options, image, command. StackError."""
    fixed = ("--name", name, "--label", f"{LABEL}={session}", "--restart", "no")
    engine.docker("create", *fixed, *words)


def connect(engine: Engine, name: str, networks: Mapping[str, str]) -> None:
    """Gives a container that does not run an address in further networks. StackError."""
    for network, address in networks.items():
        engine.docker("network", "connect", "--ip", address, network, name)
