"""The load's file of the stack by hand is one that the load's processes read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from rig.load.spec import read_spec

ROOT = Path(__file__).parents[3]
WRITE = "import json; from stack.prepare import specs; print(json.dumps(specs()['load_worker']))"


def test_the_load_processes_read_it(tmp_path: Path) -> None:
    networks = {"RIG_FRONT": "10.0.0", "RIG_DATA": "10.0.1", "RIG_CONTROL": "10.0.2"}
    env = {**os.environ, **networks, "TARGET": "async", "DELAY_MS": "0", "POOLER": "direct"}
    command = [sys.executable, "-c", WRITE]
    written = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert written.stderr == ""
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(json.loads(written.stdout)))
    spec = read_spec(path)
    assert [(asked.route, asked.statuses) for asked in spec.requests] == [("io_create", (201,))]
    assert not spec.headless
