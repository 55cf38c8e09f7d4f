"""A nodes file: what it says, what is wrong with it, and where roles stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rig.config import read_nodes
from rig.config.document import parse
from rig.config.schemas import nodes_schema
from rig.config.sections import data_of
from rig.model import BadYaml, Role
from rig.nodes import Nodes, Placement, placed, without

GOOD = """\
nodes:
  sut: {context: lab-1}
  db: {context: "ssh://me@lab-2"}
  load-1: {context: "unix:///run/lab-3.sock"}
  load-2: {context: lab-4}
place: {app: sut, database: db, pooler: db, load_master: load-1, load_worker: [load-1, load-2]}
lost_load_node: go_on
mtu_bytes: 1400
registry: registry.lab:5000/rig
"""
SCHEMA = Draft202012Validator(nodes_schema())


def nodes(folder: Path, text: str = GOOD) -> Nodes:
    path = folder / "nodes.yaml"
    path.write_text(text)
    return read_nodes(path)


def test_a_file_says_where_each_role_stands(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    assert SCHEMA.is_valid(data_of(parse(GOOD, "f").root))
    assert found.place == Placement("sut", "db", "db", "load-1", ("load-1", "load-2"))
    assert (found.proposed, found.go_on_without, found.mtu_bytes) == (False, True, 1400)
    assert found.registry == "registry.lab:5000/rig"
    assert nodes(tmp_path, "nodes: {a: {context: a}}").registry == ""
    assert found.nodes["db"].options == ("--host", "ssh://me@lab-2")
    assert found.nodes["sut"].options == ("--context", "lab-1")
    where = [found.place.of(Role.LOAD_WORKER, index) for index in range(3)]
    assert where == ["load-1", "load-2", "load-1"]
    assert (found.place.of(Role.DELAY), found.place.of(Role.SERVICE)) == ("sut", "db")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lab-1}", "-lab}", ":2: `context` expects a Docker context's name"),
        ("{context: lab-4}", "{}", ":5: `context` is missing in `load-2`"),
        ("load-2:", "Load_2:", ":5: `nodes` expects a name of small letters"),
        ("app: sut", "app: sutt", ":6: `app` expects one of sut, db, load-1, load-2, not `sutt`"),
        ("[load-1, load-2]", "[]", ":6: `load_worker` expects a list that is not empty"),
        ("[load-1, load-2]", "[load-1, load-1]", ":6: `load_worker` lists load-1 twice"),
        ("go_on", "perhaps", ":7: `lost_load_node` expects one of stop, go_on, not `perhaps`"),
        ("1400", "100", ":8: `mtu_bytes` expects a whole number from 576 to 8950, not `100`"),
        ("mtu_bytes", "mtu", ":8: unknown key `mtu`"),
        ("registry.lab", "https://lab", ":9: `registry` expects a registry's address"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(BadYaml) as caught:
        nodes(tmp_path, GOOD.replace(old, new))
    assert f"nodes.yaml{said}" in str(caught.value)


def test_roles_without_a_node_are_given_one() -> None:
    four = placed(["a", "b", "c", "d"])
    assert four == Placement("a", "b", "b", "c", ("c", "d"))
    assert placed(["a", "b"]) == Placement("a", "b", "b", "b", ("b",))
    assert placed(["a"]) == Placement("a", "a", "a", "a", ("a",))
    given = placed(["a", "b", "c"], app="b", load_worker=["a"])
    assert given == Placement("b", "c", "c", "a", ("a",))


def test_a_proposal_is_told_from_what_was_asked(tmp_path: Path) -> None:
    assert nodes(tmp_path, "nodes: {a: {context: a}, b: {context: b}}").proposed
    asked = "nodes: {a: {context: a}}\nplace: {app: a, database: a, load_worker: [a]}\n"
    assert not nodes(tmp_path, asked).proposed


def test_load_nodes_can_be_done_without_and_others_cannot(tmp_path: Path) -> None:
    found = nodes(tmp_path)
    left = without(found, ["load-1"])
    assert left == Placement("sut", "db", "db", "load-2", ("load-2",))
    assert without(found, ["load-1", "load-2"]) is None
    assert without(found, ["db"]) is None
    assert without(nodes(tmp_path, GOOD.replace("go_on", "stop")), ["load-1"]) is None
