"""A placement that nobody asked for is said, by the doctor and before a session."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from rig.backends.swarm import doctor
from rig.backends.swarm.backend import SwarmBackend
from rig.config import read_nodes
from rig.model import StackError
from rig.nodes import Nodes

# an engine on this machine that is fit, and none on the nodes
DOCKER = """\
#!/bin/sh
case "$1" in
  version) echo 28.0.0 ;;
  compose) echo 2.30.0 ;;
  *) echo 'Cannot connect to the Docker daemon' >&2; exit 1 ;;
esac
"""
PROPOSED = "app on a, database on b, pooler on b, load master on c, load workers on c"
SAID = f"the nodes file leaves places open: {PROPOSED}"
NODES = "nodes: {a: {context: a}, b: {context: b}, c: {context: c}}\n"
PLACE = "place: {app: b, database: a, load_worker: [c]}\n"


def nodes(folder: Path, text: str) -> Nodes:
    (folder / "nodes.yaml").write_text(text)
    return read_nodes(folder / "nodes.yaml")


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    # a backend removes what killed ones left there, and another may be running
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_doctor_proposes_one(tmp_path: Path) -> None:
    first = next(doctor.examine(nodes(tmp_path, NODES)))
    assert (first.name, first.message) == ("place", f"{PROPOSED} (proposed)")
    asked = next(doctor.examine(nodes(tmp_path, NODES + PLACE)))
    assert "(proposed)" not in asked.message


@pytest.mark.parametrize(("place", "said"), [("", [SAID]), (PLACE, [])])
def test_a_session_says_it_before_anything_is_asked_of_nodes(
    tmp_path: Path, place: str, said: list[str]
) -> None:
    lines: list[str] = []
    with pytest.raises(StackError, match=r"^node .: docker info: "):
        SwarmBackend(nodes(tmp_path, NODES + place), say=lines.append)
    assert lines == said
