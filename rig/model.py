"""Names, units, enumerations and errors that every room shares.

May know nothing but the standard library: `rig.load`, `analysis` and the roles that run
inside hosts all import it.
"""

from __future__ import annotations

import enum
import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

SCHEMA = 2
"""Version of everything on disk. Files of another one are refused."""

VERSION = "0.1.0"
"""The rig's own; what it sends says so."""

RULES, FIRST_RULES = 2, 1
"""By which rules facts, checks and tables come of raw files; what does not say so is of the first.
Whoever changes such a rule counts it up, and says in `rig.evidence.verify` what it changes."""

Level = str | int | float
"""One value of a factor."""

RATE, SURGE = "arrivals_per_s", "surge_per_s"
"""The factors that say when the requests of an open load arrive."""


def plain(value: Level) -> Level:
    """A level in its one form: 100.0 is 100, so that equal cells have equal ids."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digest(data: object) -> str:
    """SHA-256 (hex) of data's canonical JSON."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Between:
    """The bounds of a number that is read from a file, both within."""

    least: float
    most: float


LONGEST_S = 7 * 24 * 3600
"""No load is longer, nor any moment of one later; a damaged file may say so."""


def nearest_rank(count: int, share: float) -> int:
    """Which of `count` ordered values is the quantile: the first with that share at or below it.

    Hyndman and Fan 1996, The American Statistician 50, definition 1. 0 of no values.
    """
    return max(min(count, 1), math.ceil(count * share - 1e-12 * count))


def digits(value: float) -> str:
    """A number with three significant digits, never in powers of ten."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in text else text


def percent(share: float) -> str:
    """A share, of 1, in the one way in which it is written: `2.5 %`."""
    return f"{digits(100 * share)} %"


class Interface(enum.StrEnum):
    """How a server calls a Django project."""

    WSGI = "wsgi"
    ASGI = "asgi"


Count = Annotated[int, Between(0, 10**12)]
Second = Annotated[int, Between(0, LONGEST_S)]
"""A whole second since a load began."""
AtS = Annotated[float, Between(-LONGEST_S, 2 * LONGEST_S)]
"""A moment on a load's own clock."""
LengthS = Annotated[float, Between(0, LONGEST_S)]
Index = Annotated[int, Between(0, 10**6)]

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]


class Role(enum.StrEnum):
    """One part of a stack: a JSON file in, a folder out."""

    DATABASE = "database"
    POOLER = "pooler"
    APP = "app"
    DELAY = "delay"
    LOAD_MASTER = "load_master"
    LOAD_WORKER = "load_worker"
    SERVICE = "service"
    OBSERVER = "observer"


class Link(enum.StrEnum):
    """A network between hosts. The delay may stand on each but `control`."""

    FRONT = "front"
    DATA = "data"
    SERVICES = "services"
    CONTROL = "control"


class Phase(enum.StrEnum):
    """The life of an attempt, in order."""

    PROVISION = "provision"
    IMPAIR = "impair"
    VERIFY = "verify"
    LOAD = "load"
    STOP = "stop"
    COLLECT = "collect"
    TEARDOWN = "teardown"


class Status(enum.StrEnum):
    """What one check says of one record."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Verdict(enum.StrEnum):
    """How an attempt ended. `failed`: it broke before there was anything to judge."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    FAILED = "failed"


class ExitCode(enum.IntEnum):
    """What `runner.py` exits with; documented in the README."""

    OK = 0
    BUG = 1
    USAGE = 2
    BAD_YAML = 3
    SOME_INVALID = 4
    SOME_FAILED = 5
    NO_STACK = 6
    DIFFERS = 7
    CONTRADICTED = 8
    UNDECIDED = 9
    SLOWER = 10
    STORAGE = 11
    DAMAGED = 12
    INTERRUPTED = 130


@dataclass(frozen=True)
class Annotation:
    """What a CI service shows beside a change. `level`: notice, warning or error."""

    level: str
    title: str
    text: str


@dataclass(frozen=True)
class ReportResult:
    """Where a report stands, the lines that sum it up, and how a check of it ends."""

    html: Path
    markdown: Path
    messages: Sequence[str]
    check: ExitCode
    junit: str = ""
    """The same for a CI service, as JUnit XML; empty of a comparison."""
    annotations: Sequence[Annotation] = ()


@dataclass(frozen=True)
class Export:
    """A session as a document of another tool, and one line on each thing that is not in it."""

    text: str
    left_out: Sequence[str] = ()


OUTCOME_OK = "ok"
"""The outcome of an answer that was correct; every other outcome is a failure class."""

OUTCOME_DROPPED = "dropped"
"""The failure class of an arrival that was never sent; it has no response time."""

FAILURE_CLASSES: Mapping[str, str] = {
    "db_too_many_connections": "Postgres refused the connection: SQLSTATE 53300",
    "db_pool_timeout": "the app's own pool had no free connection in time",
    "pooler_refused": "PgBouncer refused the client: one of its caps",
    "pooler_wait_timeout": "PgBouncer let the client wait too long for a server connection",
    "db_connection_lost": "the database connection could not be made or broke (class 08, 57P0x)",
    "db_statement_error": "Postgres refused the statement",
    "app_error": "the app answered 5xx for another reason",
    "unexpected_status": "an answer with a status the route does not expect",
    "wrong_answer": "an answer that is not as `always` of its route says",
    "app_worker_killed": "the connection broke as an app worker ended",
    "connection_refused": "nobody listened at the target's address",
    "connection_reset": "the target closed the connection without an answer",
    "kept_connection_closed": "the target closed a kept connection as a request came over it",
    "malformed_answer": "what came back is no HTTP answer",
    "timeout": "no answer within the load's time-out",
    "client_error": "the load worker itself failed to send or read",
    OUTCOME_DROPPED: "an open load's arrival that found `max_in_flight` requests under way",
}
"""Every class a failed request can carry, by the layer that refused it."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with what the user gave: where, what, and what to do."""

    where: str
    what: str
    do: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"; {self.do}" if self.do else "")


ADVICE = "\n  "
"""In an error's text, between what went wrong and what to do."""


class RigError(Exception):
    """An error with an answer: what went wrong, what to do, and the exit code it ends with."""

    exit_code = ExitCode.BUG
    ends_session = False
    """Whether it says nothing of the trial in which it comes, and would come again in the next."""

    def __init__(self, what: str, do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return self.what + (f"{ADVICE}{self.do}" if self.do else "")


class UsageError(RigError):
    """The command line asks for what does not exist or cannot be."""

    exit_code = ExitCode.USAGE


MOST_PROBLEMS = 200
"""Problems listed of one experiment; how many more there are is said."""


class BadYaml(RigError):
    """The YAML has problems; all of them are listed, or the first ones and how many more."""

    exit_code = ExitCode.BAD_YAML

    def __init__(self, problems: Sequence[Problem]) -> None:
        lines = [str(problem) for problem in problems[:MOST_PROBLEMS]]
        more = [f"and {len(problems) - MOST_PROBLEMS} more"] * (len(problems) > MOST_PROBLEMS)
        super().__init__("\n".join([*lines, *more]))
        self.problems = tuple(problems)


class StackError(RigError):
    """A part of the stack did not start or did not answer within its deadline."""

    exit_code = ExitCode.NO_STACK


class LoadError(RigError):
    """The load generator did not run to its end."""

    exit_code = ExitCode.SOME_FAILED


class StorageError(RigError):
    """The file system refused: full, read-only, not permitted, gone."""

    exit_code = ExitCode.STORAGE
    ends_session = True


class LostNode(StackError):
    """A machine that roles stand on can be reached no more."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f"node {node} is lost: {why}", "see whether it is up and can be reached")
        self.node = node


class NoNode(StackError):
    """A role has no machine left to stand on."""

    ends_session = True


class DamagedFile(RigError):
    """A file that the rig reads is not what it must be: torn, edited, too large."""

    exit_code = ExitCode.DAMAGED


def printable(text: str) -> str:
    """Text from outside as it may be shown: what is no sign but steers or hides is spelt out.

    An ESC becomes `\\x1b`. Tabs, line feeds and spaces of any width stay.
    """
    if text.isprintable():
        return text
    return "".join(sign if _shows(sign) else _spelt(sign) for sign in text)


def one_line(text: str) -> str:
    """`printable` text that cannot pass for a line of its own either."""
    return printable(text).replace("\n", "\\n")


def _shows(sign: str) -> bool:
    return sign.isprintable() or sign in "\t\n" or unicodedata.category(sign) == "Zs"


def _spelt(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """A duration such as `81s`, `500ms` or `2m`, in seconds; ValueError otherwise."""
    match = _DURATION.match(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration")
    return float(match[1]) * _SECONDS[match[2]]


def cpus_of(ranges: Sequence[object]) -> tuple[int, ...]:
    """CPU numbers from the kernel's lists, one per process: `0-2,5` is 0, 1, 2 and 5."""
    found: set[int] = set()
    for text in ranges:
        for part in str(text).split(","):
            low, _, high = part.strip().partition("-")
            if low.isdecimal() and (not high or high.isdecimal()):
                found |= set(range(int(low), min(int(high or low), int(low) + 4096) + 1))
    return tuple(sorted(found))
