"""Runs uv, and says in one line why it failed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rig.backends.processes import CompletedProcess, completed
from rig.backends.specs import PROJECT
from rig.model import StackError

INSTALL_DEADLINE_S = 900.0
QUICK_DEADLINE_S = 60.0
MOST_CHARS = 600
"""Of a cause, which is one line."""

_PIP = {
    "SSL_CERT_FILE": "PIP_CERT",
    "UV_DEFAULT_INDEX": "PIP_INDEX_URL",
    "UV_INDEX": "PIP_EXTRA_INDEX_URL",
    "UV_FIND_LINKS": "PIP_FIND_LINKS",
}
"""uv's variables, and pip's that say the same."""
_FOREIGN = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT")
"""What would lead uv to another environment or project than the one it is told."""

_CAUSE = re.compile(r"\s*(?:error:|cause:|Caused by:|[×✗]|[├╰]─▶)\s*(\S.*)")
_RAISED = re.compile(r"\s*(?:[\w.]*(?:Error|Exception|Exit)\b|error|fatal error)\s*:\s*\S.*")
_COMPILED = re.compile(r"\s*(\S+:\d+(?::\d+)?: (?:fatal )?error: \S.*)")
_NOT_ENDED = re.compile(r"[├╰│]|\s*(?:error|cause|hint|Caused by):|\s*\[\w+\]|\s*$")


@cache
def program() -> str:
    """Where uv is: $UV, on PATH, or where `make setup` puts it. StackError without one."""
    here = PROJECT / ".tools" / "uv" / "bin" / "uv"
    for found in (os.environ.get("UV", ""), shutil.which("uv") or "", str(here)):
        if found and os.access(found, os.X_OK):
            return found
    raise StackError(
        "uv is not here, which makes a target's own Python", "make setup, or install uv"
    )


def variables(pythons: Path | None = None, path: str = "") -> dict[str, str]:
    """uv's environment; `pythons` is where it keeps those that it fetches itself."""
    given = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    as_pip = {ours: given[pips] for ours, pips in _PIP.items() if given.get(pips)}
    fixed = {"UV_NO_PROGRESS": "1", "UV_LINK_MODE": "copy", "UV_PYTHON_DOWNLOADS": "manual"}
    if path:
        fixed["PATH"] = path
    if pythons:
        fixed["UV_PYTHON_INSTALL_DIR"] = str(pythons)
    return {**as_pip, **given, **fixed, "NO_COLOR": "1"}


def uv(
    *arguments: str,
    deadline_s: float = QUICK_DEADLINE_S,
    pythons: Path | None = None,
    path: str = "",
) -> CompletedProcess:
    """Runs uv to its end, so that all can read what it makes. StackError where it cannot run."""
    command = ["sh", "-c", 'umask 022; exec "$@"', "sh", program(), *arguments]
    try:
        return completed(command, deadline_s, variables(pythons, path))
    except StackError as error:
        what = f"uv {' '.join(arguments[:2])} did not end within {deadline_s:g} s"
        raise StackError(what, "check the network, and try again") from error


def printed(*arguments: str, deadline_s: float = QUICK_DEADLINE_S) -> str:
    """What uv prints. StackError with the cause where it fails."""
    done = uv(*arguments, deadline_s=deadline_s)
    if done.code:
        raise StackError(cause(done.err or done.out))
    return done.out


def cause(said: str) -> str:
    """Why uv failed, of all that it said, in one line."""
    lines = said.splitlines()
    causes = _causes(lines)
    if not causes:
        return next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
    raised = [line.strip(" │") for line in lines if _RAISED.match(line.lstrip(" │"))]
    raised = [line for line in raised if not _CAUSE.match(line)]
    compiled = [found[1] for line in lines if (found := _COMPILED.match(line.lstrip(" │")))]
    if any("ailed to build" in one for one in causes) and (raised or compiled):
        return f"{causes[0]}: {(compiled or raised[-1:])[0]}"[:MOST_CHARS]
    if "No solution found" in causes[0]:
        return causes[min(1, len(causes) - 1)][:MOST_CHARS]
    telling = [one for one in causes if not one.startswith("Request failed after")]
    return ": ".join(dict.fromkeys([telling[0], telling[-1]] if telling else causes[:1]))


def _causes(lines: Sequence[str]) -> list[str]:
    """uv's own chain of causes, each with the lines that it goes on in."""
    causes: list[str] = []
    going_on = False
    for line in lines:
        if found := _CAUSE.match(line):
            causes.append(found[1].strip())
            going_on = True
        elif going_on and line[:1] in " │" and not _NOT_ENDED.match(line.strip(" │") or " "):
            causes[-1] += f" {line.strip(' │')}"
        else:
            going_on = False
    return causes
