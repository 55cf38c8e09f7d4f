"""The delay role as the child of the app's container, which is told when to begin it by a file."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from rig.backends.base import spec_file
from rig.backends.processes import until
from stack.app.entry import DelayRole
from stack.delay.spec import DelaySpec, LinkSpec
from tests.runs import ROOT, read_json

LINKS = (LinkSpec("data", "127.0.0.2", 24, "127.0.0.3", delayed=False),)


def test_it_begins_with_its_file_is_handed_signals_and_leaves_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    spec, out = tmp_path / "delay.json", tmp_path / "out"
    out.mkdir()
    role = DelayRole(spec, out)
    role.look()
    role.hand_on(signal.SIGUSR1, None)  # nobody is there yet
    assert (role.linger_s(), list(out.iterdir())) == (0.0, [])
    spec.write_bytes(spec_file(DelaySpec(0.0, links=LINKS)))
    role.look()
    _await(role, out / "ready.json")
    assert role.linger_s() > 0
    role.hand_on(signal.SIGUSR1, None)
    _await(role, out / "facts.json")
    assert read_json(out / "facts.json")["why"] == "no delay was asked"
    role.hand_on(signal.SIGTERM, None)
    _await(role, out / "exit")
    assert (out / "exit").read_text() == "0"
    # what it delayed last has gone with it
    assert role.linger_s() == 0
    role.look()
    assert (out / "log").read_text() == ""


def _await(role: DelayRole, path: Path) -> None:
    for _ in until(20):
        role.look()
        if path.exists():
            return
    raise AssertionError(f"no {path.name}")
