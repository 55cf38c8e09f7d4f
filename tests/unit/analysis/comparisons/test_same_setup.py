"""Whether the same thing was compared: what every side says, changed in one place at a time."""

from __future__ import annotations

import copy
import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis import derive, table
from rig.model import digest
from tests.unit.analysis.sessions import CLAIM, Made, make, steady

FACTS: dict[str, Any] = {
    "app": {
        "pid": 7, "versions": {"django": "5.2.19", "gunicorn": "27.0"}, "debug": False,
        "middleware": [], "log_level": "WARNING", "connections": "per_request",
        "worker_class": "gunicorn.workers.sync.SyncWorker", "timeout_s": 180,
        "driver": "psycopg", "event_loop": None, "conn_max_age_s": 0,
        "pool": {"max_connections": 20, "idle_connections": 3, "timeout_s": 30},
    },
    "database": {"version": "17.2", "settings": {"max_connections": "100", "fsync": "on"}},
    "roles": {"app": [4711]},
    "cpus": {"app": ["1"], "database": ["0"]},
    "nodes": {
        "sut": {"boot_id": "a", "kernel": "6.1", "cpu": "x", "mtu": {"front": 1450},
                "roles": ["app", "load_worker"]},
        "db": {"boot_id": "b", "kernel": "6.1", "cpu": "x", "roles": ["database", "pooler"]},
    },
}  # fmt: skip
POOLER = {"version": "1.2", "prepared_statements": True, "settings": {}}
BY_NATURE: dict[str, Any] = {
    "worker_class": "uvicorn_worker.UvicornWorker", "driver": "asyncpg",
    "event_loop": "uvloop.Loop",
}  # fmt: skip
PLAN: dict[str, Any] = {
    "target": {"name": "sync", "inherent": ["app.worker_class", "app.driver", "answer.server"]},
    "route": {
        "name": "io_create", "method": "POST", "path": "/io_create", "form": {"title": "{unique}"},
        "status": 201, "answer": {}, "statements": 1, "varying": ["id", "posts.id"],
    },
    "load": {"timeout_s": 400.0, "steady_s": 8.0},
    "data": {"posts": 1000},
    "delay": {"delay_ms": 100.0, "links": ["front", "data"]},
}  # fmt: skip
VERIFY: dict[str, Any] = {
    "response": {
        "status": 201, "headers": {"content-type": "application/json", "server": "gunicorn"},
        "body": json.dumps({"id": 1, "title": "x", "posts": [{"id": 1, "n": 1}, {"id": 2}]}),
        "body_bytes": 3, "body_sha256": "one",
    },
}  # fmt: skip
COUNTED: dict[str, Any] = {
    "load": {"outcomes": {"ok": 20}, "started": 20}, "ledger": {"statements": 20},
}  # fmt: skip
SIDE = {"facts": FACTS, "plan": PLAN, "verify": VERIFY, "manifest": COUNTED}

Change = Callable[[dict[str, Any]], object]


def async_side() -> dict[str, Any]:
    """The other target as it should be: different by its nature, and in what never matters."""
    side = copy.deepcopy(SIDE)
    side["facts"]["app"] |= {**BY_NATURE, "pid": 8}
    side["facts"]["app"]["pool"]["idle_connections"] = 4
    side["facts"]["roles"] = {"app": [4712]}
    # of another moment, and without a pooler there
    side["facts"]["nodes"]["db"] |= {"boot_id": "c", "roles": ["database"]}
    side["plan"]["target"] = {"name": "async", "inherent": ["app.event_loop"]}
    answer = side["verify"]["response"]
    answer["headers"]["server"] = "uvicorn"
    answer["body"] = json.dumps({"title": "x", "id": 9, "posts": [{"id": 8, "n": 1}, {"id": 7}]})
    return side


def tell(trial: Path, side: dict[str, Any]) -> None:
    """Writes what a side says into a trial's folder."""
    attempt = trial / "attempt-1"
    manifest = json.loads((attempt / "manifest.json").read_text())
    load = {**manifest["load"], **side["manifest"].get("load", {})}
    told = {"facts": side["facts"], "plan_digest": digest(side["plan"])}
    manifest |= {**told, **side["manifest"], "load": load}
    (attempt / "manifest.json").write_text(json.dumps(manifest))
    (attempt / "verify.json").write_text(json.dumps(side["verify"]))
    (trial / "plan.json").write_text(json.dumps(side["plan"]))


def session(folder: Path, change: Change = lambda _: None, **about: Any) -> Path:
    """A pair of trials; `change` changes what the async one says."""
    made = make(folder, [Made(answers=steady(20)), Made({"target": "async"}, steady(60))], **about)
    other = async_side()
    change(other)
    for trial, side in zip(sorted((made / "trials").iterdir()), (SIDE, other), strict=True):
        tell(trial, side)
    return made


def row(session: Path) -> dict[str, str]:
    derive(session)
    with (session / "derived" / "comparisons.csv").open(newline="") as file:
        (found,) = csv.DictReader(file)
    return found


def drawn(session: Path) -> str:
    """The words in the figure, on one line."""
    svg = (session / "derived" / "figures" / "goodput.svg").read_text()
    return " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


def test_targets_that_differ_by_their_nature_only_keep_the_label(tmp_path: Path) -> None:
    made = session(tmp_path / "s")
    found = row(made)
    assert (found["verdict"], found["undeclared"], found["unknown"]) == ("same", "", "")
    assert found["inherent"] == (
        "answer.server uvicorn vs gunicorn; app.driver asyncpg vs psycopg; "
        "app.event_loop uvloop.Loop vs null; app.worker_class uvicorn_worker.UvicornWorker "
        "vs gunicorn.workers.sync.SyncWorker"
    )
    assert (found["factor"], found["target"]) == ("target", "")
    assert (found["numerator"], found["denominator"]) == ("async", "sync")
    said = " ".join(table(made).split())
    assert "async and sync: the same thing was compared; different by design: answer.server" in said
    assert "not the same thing" not in said
    assert "app.driver asyncpg vs psycopg" in drawn(made)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s: s["facts"]["app"].update(timeout_s=30), "app.timeout_s 30 vs 180"),
        (lambda s: s["plan"]["load"].update(timeout_s=60.0), "load.timeout_s 60.0 vs 400.0"),
        (lambda s: s["facts"]["app"].update(debug=True), "app.debug true vs false"),
        (
            lambda s: s["facts"]["nodes"].update(db2=s["facts"]["nodes"].pop("db")),
            "machines.database.node db2 vs db",
        ),
        (
            lambda s: s["facts"]["nodes"]["sut"]["mtu"].update(front=1500),
            "machines.app.mtu of front 1500 vs 1450",
        ),
        (lambda s: s["facts"]["app"].update(middleware=["x.Y"]), 'app.middleware ["x.Y"] vs []'),
        (lambda s: s["facts"]["app"].update(log_level="INFO"), "app.log_level INFO vs WARNING"),
        (
            lambda s: s["facts"]["app"]["versions"].update(django="6.0"),
            "app.versions.django 6.0 vs 5.2.19",
        ),
        (
            lambda s: s["facts"]["app"]["pool"].update(max_connections=50),
            "app.pool.max_connections 50 vs 20",
        ),
        (lambda s: s["facts"]["cpus"].update(app=["1-3"]), 'cpus.app ["1-3"] vs ["1"]'),
        (
            lambda s: s["facts"]["database"]["settings"].update(fsync="off"),
            "database.settings.fsync off vs on",
        ),
        (lambda s: s["facts"].update(pooler=POOLER), "pooler.version 1.2 vs (absent)"),
        (lambda s: s["facts"]["app"].pop("debug"), "app.debug (absent) vs false"),
        (lambda s: s["plan"]["route"].update(statements=2), "route.statements 2 vs 1"),
        (lambda s: s["plan"]["route"].update(path="/other"), "route.path /other vs /io_create"),
        (
            lambda s: s["verify"]["response"].update(body='{"id": 1, "title": "y", "posts": []}'),
            "answer.body.title y vs x",
        ),
        (lambda s: s["verify"]["response"].update(body='{"a": 1}'), "answer.body.id (absent)"),
        (lambda s: s["verify"]["response"].update(body="<p>"), "answer.body one vs (absent)"),
    ],
)  # fmt: skip
def test_any_other_difference_costs_the_label(change: Change, named: str, tmp_path: Path) -> None:
    made = session(tmp_path / "s", change)
    found = row(made)
    assert found["verdict"] == "different"
    assert named in found["undeclared"]
    text = table(made)
    assert "the same thing was compared" not in text
    said = " ".join(text.split())
    assert "3 reaches 2 single runs not the same thing: " in said
    assert named in said or "more in comparisons.csv" in said


def test_a_figure_of_what_is_not_the_same_says_so(tmp_path: Path) -> None:
    made = session(tmp_path / "s", lambda side: side["facts"]["app"].update(debug=True))
    derive(made)
    assert "NOT the same thing compared (io_create" in drawn(made)


@pytest.mark.usefixtures("undrawn")
def test_what_is_inherent_is_so_between_targets_only(tmp_path: Path) -> None:
    claim = {**CLAIM, "factor": "connections", "numerator": "pool", "denominator": "per_request"}
    trials = [Made(answers=steady(20)), Made({"connections": "pool"}, steady(60))]
    made = make(tmp_path / "s", trials, claim=claim)
    other = copy.deepcopy(SIDE)
    other["facts"]["app"] |= {"driver": "asyncpg", "connections": "pool", "conn_max_age_s": None}
    for trial, side in zip(sorted((made / "trials").iterdir()), (SIDE, other), strict=True):
        tell(trial, side)
    about = json.loads((made / "session.json").read_text())
    for factor in about["factors"]:
        if factor["name"] == "connections":
            factor["facts"] = ["app.connections", "app.conn_max_age_s"]
    (made / "session.json").write_text(json.dumps(about))
    found = row(made)
    assert found["declared"] == "app.conn_max_age_s null vs 0; app.connections pool vs per_request"
    assert (found["undeclared"], found["inherent"]) == ("app.driver asyncpg vs psycopg", "")


@pytest.mark.usefixtures("undrawn")
def test_attempts_of_one_cell_must_agree_with_each_other(tmp_path: Path) -> None:
    trials = [
        Made({"target": target}, steady(20), replicate=n)
        for target in ("sync", "async")
        for n in (1, 2)
    ]
    made = make(tmp_path / "s", trials)
    sides = [copy.deepcopy(SIDE), copy.deepcopy(SIDE), async_side(), async_side()]
    for index in (1, 3):
        sides[index]["facts"]["app"]["timeout_s"] = 30
    for trial, side in zip(sorted((made / "trials").iterdir()), sides, strict=True):
        tell(trial, side)
    assert row(made)["undeclared"] == "app.timeout_s 180 and 30 vs 180 and 30"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("app", lambda side: side["facts"].pop("app")),
        ("cpus", lambda side: side["facts"].update(cpus={"app": []})),
        ("answer", lambda side: side.update(verify={})),
        ("load", lambda side: side["plan"].pop("load")),
        ("statements", lambda side: side.update(manifest={"load": {}, "ledger": {}})),
        # too long to be kept whole, so that nothing can be masked in it
        ("answer", lambda side: side["verify"]["response"].update(body_bytes=70_000)),
    ],
)
def test_what_a_side_does_not_tell_of_is_not_known(
    section: str, change: Change, tmp_path: Path
) -> None:
    made = session(tmp_path / "s", change)
    found = row(made)
    assert (found["verdict"], found["unknown"], found["undeclared"]) == ("unknown", section, "")
    said = " ".join(table(made).split())
    assert f"not known whether the same thing was compared (no facts about {section})" in said


def counted(statements: int) -> Change:
    """42 statements or so over 20 answers of 22 requests."""

    def change(side: dict[str, Any]) -> None:
        load = {"outcomes": {"ok": 20}, "started": 22}
        side["manifest"] = {"load": load, "ledger": {"statements": statements}}

    return change


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("statements", "verdict"), [(40, "same"), (44, "same"), (60, "different")])
def test_statements_as_counted(statements: int, verdict: str, tmp_path: Path) -> None:
    made = session(tmp_path / "s", counted(statements))
    first = sorted((made / "trials").iterdir())[0]
    side = copy.deepcopy(SIDE)
    counted(42)(side)
    tell(first, side)
    found = row(made)
    assert found["verdict"] == verdict
    assert found["statements_denominator"] == "1.91 to 2.1"
    if verdict == "different":
        assert found["undeclared"] == "statements 2.73 to 3 vs 1.91 to 2.1"


@pytest.mark.usefixtures("undrawn")
def test_the_rig_s_own_request_is_not_among_the_statements(tmp_path: Path) -> None:
    def change(side: dict[str, Any]) -> None:
        side["plan"]["route"] |= {"statements": 2, "form": {}, "json": None}
        book = {"statements": 42, "verifying_requests": 1}
        side["manifest"] = {"load": {"outcomes": {"ok": 20}, "started": 20}, "ledger": book}

    made = session(tmp_path / "s", change)
    assert row(made)["statements_numerator"] == "2"


@pytest.mark.usefixtures("undrawn")
def test_another_schema_is_another_thing(tmp_path: Path) -> None:
    def change(side: dict[str, Any]) -> None:
        side["manifest"] = {"ledger": {"fingerprint_before": "f", "rows_before": 7}}

    found = row(session(tmp_path / "s", change))
    assert "schema.fingerprint" in found["undeclared"]


@pytest.mark.usefixtures("undrawn")
def test_round_trips_are_those_of_the_stack_that_fits_best(tmp_path: Path) -> None:
    made = session(tmp_path / "s")
    stacks = [
        {"levels": {"target": "sync"}, "route": "io_create", "n": 7.9},
        {"levels": {"target": "sync", "pooler": "direct"}, "route": "io_create", "n": 8.0},
        {"levels": {"target": "sync", "pooler": "pgbouncer"}, "route": "io_create", "n": 1.0},
        {"levels": {"target": "async"}, "route": "cpu", "n": 0.1},
        {"levels": {"target": "async"}, "route": "io_create", "n": 7.04},
    ]
    stacks = [{**stack, "servers": 1} for stack in stacks]
    (made / "calibration.json").write_text(json.dumps({"stacks": stacks}))
    found = row(made)
    assert (found["round_trips_numerator"], found["round_trips_denominator"]) == ("7.04", "8")
    assert "round trips per request, measured: 7.04 vs 8" in table(made)


@pytest.mark.usefixtures("undrawn")
def test_without_a_claim_nothing_is_compared(tmp_path: Path) -> None:
    made = session(tmp_path / "s", claim=None)
    derive(made)
    text = (made / "derived" / "comparisons.csv").read_text()
    assert text.startswith("numerator_cell,denominator_cell,target,")
    assert text.count("\n") == 1
