"""What the commands `report` and `compare` say, and what `--check` makes of it.

May not know how a report is made: `runner.py` hands that in.
"""

from __future__ import annotations

from rig.cli.terminal import Screen
from rig.model import ExitCode, ReportResult


def print_result(result: ReportResult, screen: Screen, check: bool) -> int:
    """Prints a result; the exit code, which only a check makes other than OK."""
    for line in result.says:
        screen.say_line(line)
    screen.say_line(f"report: {result.html}")
    if not check:
        return ExitCode.OK
    if result.check is not ExitCode.OK:
        screen.say(f"check: exit code {int(result.check)}")
    return result.check
