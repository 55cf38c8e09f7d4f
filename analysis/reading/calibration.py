"""What a session measured of its unloaded stacks, read from `calibration.json`.

Absent in sessions that did not calibrate. May not know what is concluded from it
(`analysis.summaries.ceilings` does).
"""

from __future__ import annotations

from pathlib import Path

from analysis.reading.attempts import one_line
from rig.calibration import Calibration, calibration_from_json
from rig.disk.contents import decoded
from rig.model import RigError
from rig.store.names import CALIBRATION


def read_calibration(session: Path) -> tuple[Calibration | None, str]:
    """A session's calibration, and one line where its file cannot be read."""
    try:
        return decoded(session / CALIBRATION, calibration_from_json), ""
    except RigError as error:
        return None, f"not readable: {one_line(error, session)}"
