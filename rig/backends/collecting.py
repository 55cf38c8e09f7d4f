"""Takes over what roles left in their folders. DamagedFile where anything else was put there."""

from __future__ import annotations

import os
from pathlib import Path

from rig.backends import said
from rig.disk.files import copy_folder, copy_regular
from rig.load.counting.report import RESPONSES


def copy_delay(out: Path, folder: Path) -> None:
    """The delay's time series, where there is one."""
    (folder / "probes").mkdir(exist_ok=True)
    probe, copy = out / "delay.csv", folder / "probes" / "delay.csv"
    if os.path.lexists(probe):
        copy.unlink(missing_ok=True)
        copy_regular(probe, copy)


def copy_load(out: Path, folder: Path) -> None:
    """All that the load master wrote."""
    (folder / "load").mkdir(exist_ok=True)
    copy_folder(out, folder / "load", _of_the_load, most_files=said.MOST_LOAD_FILES)


def _of_the_load(name: str) -> bool:
    return name not in ("ready.json", RESPONSES, said.CAUSE) and not name.endswith(".part")
