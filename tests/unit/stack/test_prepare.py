"""What the stack by hand is told: the rig's own roles read it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from rig.backends.requests import route_request
from rig.config import read_targets
from rig.load.spec import read_spec
from tests.runs import ROOT

ENVIRONMENT = {
    "RIG_FRONT": "10.0.1",
    "RIG_DATA": "10.0.2",
    "RIG_CONTROL": "10.0.3",
    "TARGET": "sync",
    "POOLER": "direct",
    "DELAY_MS": "5",
}


def test_the_load_by_hand_is_that_of_the_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    prepare = importlib.import_module("stack.prepare")
    path = tmp_path / "load.json"
    path.write_text(json.dumps(prepare.specs()["load_worker"]))
    spec = read_spec(path)
    target = read_targets([ROOT], ROOT / "stack" / "routes.yaml")["sync"]
    assert spec.requests == (route_request(target, target.routes[spec.route]),)
    assert spec.target_url == "http://10.0.1.2:8000"
