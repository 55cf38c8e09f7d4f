"""What the commands `report` and `compare` say, and what `--check` makes of it.

May not know how a report is made: `runner.py` hands that in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.cli.terminal import Screen
from rig.model import ExitCode


@dataclass(frozen=True)
class Reported:
    """What was written, the lines to print, and how a check of it ends."""

    files: Sequence[Path]
    says: Sequence[str]
    check: ExitCode = ExitCode.OK


def tell(reported: Reported, screen: Screen, check: bool) -> int:
    """Prints it; the exit code, which only a check makes other than OK."""
    for line in reported.says:
        screen.say_line(line)
    for path in reported.files:
        screen.say_line(f"report: {path}")
    if not check:
        return ExitCode.OK
    if reported.check is not ExitCode.OK:
        screen.say(f"check: exit code {int(reported.check)}")
    return reported.check
