"""Which roles shared a machine, as the report and a comparison of sessions say it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.comparisons.environment import differences
from analysis.reading.machines import machine_of_each_role, says_who_shared
from analysis.reading.session_files import read_session
from analysis.report import report
from analysis.summaries.trials import results
from rig.record import Record
from tests.unit.analysis.sessions import Made, make, steady
from tests.unit.plans import record

SUT: dict[str, Any] = {"boot_id": "one", "kernel": "6.1", "cpu": "x", "engine": "28",
                       "mtu": {"front": 1450}, "roles": ["app"]}  # fmt: skip
LOAD: dict[str, Any] = {**SUT, "cpu": "y", "roles": ["load_master", "load_worker"]}
DB: dict[str, Any] = {**SUT, "boot_id": "two", "roles": ["database"]}
NODES = {"sut": SUT, "load": LOAD, "db": DB}


def seen(nodes: dict[str, Any]) -> Record:
    return replace(record(), facts={"nodes": nodes})


def test_nodes_of_one_kernel_are_one_machine() -> None:
    says = "Roles by machine: app, load master, load worker; database."
    assert list(says_who_shared([seen(NODES), seen(NODES)])) == [says]
    assert list(says_who_shared([seen({"": {**SUT, "roles": ["app", "database"]}})])) == [
        "All roles shared one machine."
    ]


def test_who_does_not_tell_says_nothing() -> None:
    assert list(says_who_shared([record()])) == []
    assert machine_of_each_role(record()) == {}


def test_a_role_on_several_nodes_has_all_of_them() -> None:
    other = {**LOAD, "cpu": "z", "roles": ["load_worker"]}
    of = machine_of_each_role(seen({**NODES, "load-2": other}))
    assert (of["load_worker"]["node"], of["load_worker"]["cpu"]) == ("load and load-2", "y and z")
    assert of["app"]["mtu of front"] == "1450"


def session(folder: Path, nodes: dict[str, Any] | None) -> Path:
    made = make(folder, [Made(answers=steady(20))])
    for path in made.glob("trials/*/attempt-1/manifest.json"):
        manifest = json.loads(path.read_text())
        manifest["facts"] = {} if nodes is None else {"nodes": nodes}
        path.write_text(json.dumps(manifest))
    return made


def changed(tmp_path: Path, before: Any, after: Any) -> set[str]:
    pair = [session(tmp_path / name, nodes) for name, nodes in (("a", before), ("b", after))]
    one, other = (read_session(folder) for folder in pair)
    return {str(found) for found in differences(one, other, results(one), results(other))}


def test_sessions_of_different_nodes_are_named(tmp_path: Path) -> None:
    elsewhere = {"sut": SUT, "load": {**LOAD, "boot_id": "three"}, "db": {**DB, "kernel": "6.6"}}
    assert changed(tmp_path, NODES, elsewhere) == {
        "kernel of database: 6.1 before, 6.6 after",
        "machines: Roles by machine: app, load master, load worker; database. before, "
        "Roles by machine: app; load master, load worker; database. after",
    }


def test_a_role_on_another_node_is_named(tmp_path: Path) -> None:
    renamed = {"lab": SUT, "load": LOAD, "db": DB}
    assert changed(tmp_path, NODES, renamed) == {"node of app: sut before, lab after"}


@pytest.mark.parametrize("later", [NODES, None])
def test_a_machine_started_again_and_an_older_session_are_none(tmp_path: Path, later: Any) -> None:
    again = later and {
        name: {**node, "boot_id": node["boot_id"] + "!"} for name, node in later.items()
    }
    assert changed(tmp_path, NODES, again) == set()


@pytest.mark.usefixtures("undrawn")
def test_the_report_says_it(tmp_path: Path) -> None:
    written = report(session(tmp_path / "s", NODES))
    says = "Roles by machine: app, load master, load worker; database."
    assert says in written.html.read_text()
    assert says in written.markdown.read_text()
