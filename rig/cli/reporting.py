"""What the commands `report` and `compare` say, and what `--check` makes of it.

May not know how a report is made: `runner.py` hands that in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from rig.model import ExitCode


@dataclass(frozen=True)
class Reported:
    """What was written, the lines to print, and how a check of it ends."""

    files: Sequence[Path]
    says: Sequence[str]
    check: ExitCode = ExitCode.OK


def tell(reported: Reported, console: Console, check: bool) -> int:
    """Prints it; the exit code, which only a check makes other than OK."""
    for line in reported.says:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for path in reported.files:
        console.print(f"report: {path}", markup=False, highlight=False, soft_wrap=True)
    if not check:
        return ExitCode.OK
    if reported.check is not ExitCode.OK:
        console.print(f"check: exit code {int(reported.check)}", markup=False, highlight=False)
    return reported.check
