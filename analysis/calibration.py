"""What a session measured of its unloaded stacks, read from `calibration.json`.

Absent in sessions that did not calibrate. May not know what is concluded from it
(`analysis.ceilings` does).
"""

from __future__ import annotations

import json
from pathlib import Path

from rig.record import Calibration, calibration_from_json


def read_calibration(session: Path) -> tuple[Calibration | None, str]:
    """A session's calibration, and one line where its file cannot be read."""
    path = session / "calibration.json"
    if not path.exists():
        return None, ""
    try:
        return calibration_from_json(json.loads(path.read_text(encoding="utf-8"))), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return None, f"calibration.json: not readable: {error}"


def statements_of(trial: Path, route: str) -> int | None:
    """SQL statements that a request of the route declares, from the trial's `plan.json`.

    None where the route does not say, or the plan cannot be read.
    """
    try:
        plan = json.loads((trial / "plan.json").read_text(encoding="utf-8"))
        statements = plan["target"]["routes"][route]["statements"]
        return None if statements is None else int(statements)
    except (OSError, ValueError, KeyError, TypeError):
        return None
