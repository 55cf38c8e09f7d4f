"""What roles say in files: the word of processes without rights, and read as that.

A target is somebody's code. On the local backend it runs as the user that the other unprivileged
roles run as, so that it may put anything in place of what they write. Nothing here follows a
link, waits for a FIFO, reads without end, or believes in a shape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rig.backends.base import LoadProgress
from rig.disk.files import read_ends, read_json, read_text
from rig.disk.typed import Unfit, fitted
from rig.load.counting.report import MOST_RESPONSES, MOST_TOLD, RESPONSES
from rig.load.scout import UnloadedResult
from rig.model import DamagedFile, one_line, printable

MOST_BYTES = 8 << 20
PROGRESS_BYTES = 1 << 16
RESPONSES_BYTES = MOST_TOLD << 16
START_ERROR, START_ERROR_BYTES = "start-error", 4096
"""Of the app's folder, as `stack/around/bench_project.py` writes it."""
CAUSE = "cause"
"""Of a load process's folder, as `rig/load/process.py` writes it."""
MOST_LOAD_FILES = 100
"""Of the load master's folder; it writes about fifteen."""
_ANOTHER_SHAPE = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError),
)

Kind = TypeVar("Kind")


def facts(path: Path, kind: type[Kind]) -> Kind:
    """The JSON object in a role's file, as `kind`. DamagedFile, OSError."""
    said = read_json(path, MOST_BYTES, follow=False)
    if not isinstance(said, dict):
        raise DamagedFile(f"{path} is no JSON object")
    try:
        return fitted(kind, said)
    except Unfit as error:
        raise DamagedFile(f"{path}: {error}") from error


def start_error(path: Path) -> str:
    """Why a project cannot be loaded, on one line; empty where nothing says so."""
    try:
        return one_line(read_text(path, START_ERROR_BYTES, follow=False).strip())
    except (OSError, DamagedFile):
        return ""


def progress(out: Path) -> list[LoadProgress]:
    """What the load master's folder tells of a load: its last whole lines of progress, in order.

    Without those that are no such lines. It is told to the user and to nobody else.
    """
    try:
        lines = read_ends(out / "progress.jsonl", 0, PROGRESS_BYTES).splitlines(keepends=True)
    except (OSError, DamagedFile):
        return []
    whole = [line for line in lines if line.endswith(b"\n")]
    found = (_progress(out, line) for line in whole[-MOST_TOLD - 1 :])
    return [one for one in found if one is not None]


def _progress(out: Path, line: bytes) -> LoadProgress | None:
    """A line of it; None where it is none."""
    try:
        said = json.loads(line)
        second = int(_number(said.get("second", -1)))
        return LoadProgress(
            elapsed_s=_number(said["elapsed_s"]),
            users=int(_number(said["users"])),
            goodput_rps=int(_number(said["goodput_rps"])),
            failed_rps=int(_number(said["failed_rps"])),
            outcomes={
                printable(str(outcome)): int(_number(count))
                for outcome, count in said["outcomes"].items()
            },
            second=second,
            responses=_responses(out / RESPONSES, second),
        )
    except _ANOTHER_SHAPE:
        return None


def _responses(path: Path, second: int) -> tuple[str, ...]:
    """The encoded histograms of a second; none where the file tells of others, or is no such one.

    Whoever decodes them holds them against the recorder's range.
    """
    try:
        said = read_json(path, RESPONSES_BYTES, follow=False)
        return tuple(one for one in said[str(second)][:MOST_RESPONSES] if isinstance(one, str))
    except (OSError, DamagedFile, *_ANOTHER_SHAPE):
        return ()


def scouted(path: Path, routes: Sequence[str]) -> dict[str, UnloadedResult]:
    """What came back of each route. DamagedFile, OSError."""
    said = facts(path, dict[str, Any])
    try:
        return {route: _result(said[route]) for route in routes}
    except _ANOTHER_SHAPE as error:
        raise DamagedFile(f"{path} is not what a scout writes: {error!r}") from error


def _result(said: Any) -> UnloadedResult:
    result = fitted(UnloadedResult, said)
    if not result.tells:
        raise ValueError("times")
    return result


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)
