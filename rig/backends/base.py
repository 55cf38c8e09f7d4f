"""What every backend is to the rest of the rig: three small protocols.

`Backend` hands out a `Stack` for a plan; `Hosts` is what a backend of real machines provides
underneath; `LoadProgress` is what a running load tells.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rig.disk.facts import Facts, NodeFacts
from rig.endpoints import Endpoints
from rig.load.scout import ScoutSpec, UnloadedRequest, UnloadedResults
from rig.load.spec import LoadSpec
from rig.model import Link, RigError, Role
from rig.plan import Plan
from stack.app.spec import AppSpec
from stack.database.spec import DatabaseSpec
from stack.delay.spec import DelaySpec
from stack.pooler.spec import PoolerSpec

# how Python, Postgres and `stack/around` begin the line that says what went wrong
_ERROR = re.compile(
    r"\s*(request failed|([\w.]*(Error|Exception|ImproperlyConfigured)|FATAL|ERROR)\b.*):"
)
_RAISED_FROM = "The above exception was the direct cause of the following exception:"
ERROR_WITHIN_LINES, LINE_CHARS = 60, 400


@dataclass(frozen=True)
class LoadProgress:
    """What the load says of itself, about twice a second."""

    elapsed_s: float
    users: int
    goodput_rps: int
    failed_rps: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    second: int = -1
    """The last second that is surely complete, of which the rates are; -1 before there is one."""
    responses: Sequence[str] = field(default=(), compare=False)
    """Histograms of that second's correct answers, encoded; none where there would be too many."""


OnProgress = Callable[[LoadProgress], None]


@dataclass(frozen=True)
class RouteReply:
    """What one request of a route came to; status 0: nobody answered."""

    route: str
    status: int
    took_ms: float
    body_bytes: int
    wrong: str = ""
    """What is not as the route declares; empty if nothing."""
    cure: str = ""
    """What would mend it."""
    statements: int | None = None
    """SQL statements that it sent; None where nobody could count them."""


class Stack(Protocol):
    """The hosts of a plan, and what is done on them, in this order; `collect` in every case."""

    def bring_up(self) -> None:
        """Starts every role. StackError names the one that does not start."""
        ...

    def set_delay(self) -> None:
        """Delays the plan's paths and measures them. StackError where that cannot be."""
        ...

    def verify(self) -> Facts:
        """Proves that the target answers correctly; the facts of every role. StackError."""
        ...

    def endpoints(self) -> Endpoints:
        """What the runner may see of it; empty where nothing is real, or all is elsewhere."""
        ...

    def run_load(self, on_progress: OnProgress) -> None:
        """Runs the load to its end. LoadError where it breaks."""
        ...

    def stop(self) -> None:
        """Measures the delay again, ends the app, waits until its database sessions ended."""
        ...

    def scout(
        self, unloaded_requests: Sequence[UnloadedRequest], at_no_delay: bool
    ) -> list[UnloadedResults]:
        """Brings up the target alone and asks without load: first without delay, if wanted, then
        at the plan's.

        StackError.
        """
        ...

    def ask_routes(self) -> list[RouteReply]:
        """Brings up the target alone and asks each of its routes once. StackError."""
        ...

    def collect(self, folder: Path) -> None:
        """Copies load/, probes/ and logs/ into the attempt's folder."""
        ...


class Backend(Protocol):
    """A kind of place where plans can run."""

    name: str

    def unsupported_reason(self, plan: Plan) -> str:
        """Why this plan cannot run here and how to get what it needs; empty if it can."""
        ...

    def up(self, plan: Plan) -> AbstractContextManager[Stack]:
        """Fresh hosts, and everything on them gone when the context ends."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """The machine, as far as it shapes results."""
        ...

    def close(self) -> None:
        """Gives back what the backend holds for the whole session."""
        ...


class ProcessHandle(Protocol):
    """A role that was started, wherever it runs."""

    @property
    def pid(self) -> int:
        """Its process id, as its host's machine sees it; 0 where that is not known."""
        ...

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        ...

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal; nothing if it has ended."""
        ...

    def wait(self, deadline_s: float) -> int | None:
        """Its exit code, or None where it still runs after `deadline_s`."""
        ...

    def kill(self) -> None:
        """Ends it at once, with all it started."""
        ...

    def log_lines(self) -> list[str]:
        """What it printed so far."""
        ...


RoleSpec = DatabaseSpec | PoolerSpec | AppSpec | DelaySpec | LoadSpec | ScoutSpec | Endpoints
"""What a role is told."""


def spec_file(spec: RoleSpec) -> bytes:
    """The contents of a role's JSON file."""
    if isinstance(spec, Endpoints):
        return spec.to_json().encode()
    said = spec.to_json() if isinstance(spec, LoadSpec) else dataclasses.asdict(spec)
    return json.dumps(said).encode()


@dataclass(frozen=True)
class Observed:
    """What there is to see of a stack, by who can see it.

    `here`: the runner itself, in its own process. `elsewhere`: observers in processes of their
    own, one beside what each sees; the index of each is its host's.
    """

    here: Endpoints = field(default_factory=Endpoints)
    elsewhere: Sequence[Endpoints] = ()


class Hosts(Protocol):
    """The hosts of one stack: a role is one JSON file in and one folder out."""

    @property
    def far(self) -> bool:
        """Whether they stand on several machines, so that each path has a length of its own."""
        ...

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> ProcessHandle:
        """Starts a role in its host."""
        ...

    def settle(self, role: Role) -> None:
        """Gives a role that is ready its CPUs and its priority for the load, where hosts can."""
        ...

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        """A role's IPv4 address on a link."""
        ...

    def peer(self, role: Role, link: Link) -> str:
        """Who answers on the way to a role over a link, as soon as its host does."""
        ...

    def out(self, role: Role, index: int = 0) -> Path:
        """The folder that a role writes, as it stands at this moment; DamagedFile."""
        ...

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        """Where the rig itself reaches a role's port, as address and port."""
        ...

    def node(self, role: Role, index: int = 0) -> str:
        """The name of the machine that a role stands on; empty where that is the runner's."""
        ...

    def machine(self, node: str) -> NodeFacts:
        """What of a node shapes results; which roles it has is nothing of this."""
        ...

    def observed(self, endpoints: Endpoints) -> Observed:
        """Who looks at what of all that there is to see."""
        ...

    def inside(self, path: Path) -> str:
        """How the roles see a path of this machine."""
        ...

    def cluster(self) -> str:
        """Where the database role keeps the trial's cluster, as it sees it."""
        ...

    def layout(self) -> Programs:
        """Where the roles find programs."""
        ...


CONTRIB = (
    *("btree_gin", "citext", "hstore", "pg_stat_statements", "pg_trgm", "pgcrypto", "unaccent"),
)
"""The extensions that Django projects ask for, and the one that counts statements."""


@dataclass(frozen=True)
class Programs:
    """Programs as the roles see them; empty where missing."""

    python: str
    postgres_dir: str
    postgres_version: str
    pgbouncer: str = ""
    own_python: str = ""
    """Of a target that has its own; empty: the same as the roles'."""
    own_path: str = ""
    """The folders that come first on such a target's PATH."""
    postgres_build: str = ""
    """What it says of itself; clusters are kept for one build alone."""
    load_folder: str = ""
    """Where load processes see a Locust file's folder; empty: where it is."""
    load_packages: str = ""
    """The folder of what a Locust file imports beside the load's own packages."""
    extensions: tuple[str, ...] = ()
    """Those of `CONTRIB` that Postgres has."""

    @property
    def counts_statements(self) -> bool:
        """Whether Postgres can count statements by their text."""
        return "pg_stat_statements" in self.extensions


FEW_HAVE = (Role.SERVICE, Role.OBSERVER)
"""Roles that not every stack has."""

SAFE_PYTHON = ("-P", "-s")
"""Options with which no module is imported from the working folder, nor from the user's own."""


def module_of(role: Role) -> str:
    """The module that is run for a role: `python -P -s -m MODULE SPEC.json OUT/`."""
    modules = {
        Role.LOAD_MASTER: "locust_master",
        Role.LOAD_WORKER: "locust_worker",
        Role.SERVICE: "stack.app",
        Role.OBSERVER: "rig.probes.observe",
    }
    return modules.get(role, f"stack.{role}")


def tail(process: ProcessHandle, lines: int = 3) -> str:
    """The last lines a role printed, and the last error among them, for an error message."""
    said = _last_lines(process)
    last, errors = said[-lines:], _errors(said)
    if errors and errors[-1] not in last:
        last = [errors[-1], *last[-1:]]
    return " / ".join(line.strip() for line in last) or "it printed nothing"


def last_error(process: ProcessHandle) -> str:
    """The last error a command printed, which is why it ended; without one, its last lines.

    With the error that it was raised from: Django hides behind one of its own why a driver fails.
    """
    errors, said = log_errors(process), process.log_lines()
    why = errors[-1] if errors else tail(process)
    if _RAISED_FROM not in said:
        return why
    before = [line for line in said[: said.index(_RAISED_FROM)] if line.strip()]
    return f"{why}, as {before[-1].strip()[:LINE_CHARS]}" if before else why


def log_errors(process: ProcessHandle) -> list[str]:
    """The lines among its last that say what went wrong."""
    return [line.strip() for line in _errors(_last_lines(process))]


def _last_lines(process: ProcessHandle) -> list[str]:
    return [line[:LINE_CHARS] for line in process.log_lines()[-ERROR_WITHIN_LINES:]]


def _errors(said: Sequence[str]) -> list[str]:
    return [line for line in said if _ERROR.match(line)]


@contextlib.contextmanager
def afterwards(step: Callable[[], object]) -> Iterator[None]:
    """Does `step` in the end, however that comes; an error before it is the one that is raised.

    What goes wrong while cleaning up after an error is most often that error's consequence.
    """
    try:
        yield
    except BaseException as first:
        try:
            step()
        except (RigError, OSError) as second:
            first.add_note(f"afterwards: {second}")
        raise
    step()
