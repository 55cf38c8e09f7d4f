"""The app role becomes the target's command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[3]


def path_of(tmp_path: Path, own: str) -> list[str]:
    """PATH as the target's command sees it."""
    (tmp_path / "password").write_text("secret\n")
    spec = {
        "command": ["/bin/sh", "-c", "echo $PATH"],
        "env": {},
        "folder": str(tmp_path),
        "password_file": str(tmp_path / "password"),
        "path": own,
    }
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    beside = os.path.dirname(sys.executable)
    command = [sys.executable, "-m", "stack.app", str(tmp_path / "spec.json"), str(tmp_path)]
    said = subprocess.run(
        command,
        env={"PATH": f"{beside}:/usr/bin:/bin"},
        cwd=TOP,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return said.stdout.strip().split(":")


def test_the_rig_s_programs_come_first(tmp_path: Path) -> None:
    beside = os.path.dirname(sys.executable)
    assert path_of(tmp_path, "")[0] == beside


def test_a_python_of_its_own_takes_their_place(tmp_path: Path) -> None:
    assert path_of(tmp_path, "/made/bin:/own/bin") == ["/made/bin", "/own/bin", "/usr/bin", "/bin"]
