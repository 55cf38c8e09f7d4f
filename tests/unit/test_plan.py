"""The Plan: CPU sets, digests, folders' names, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from rig.model import SCHEMA, Link, Role, digest
from rig.plan import (
    Arrivals,
    Cell,
    Closed,
    Delay,
    Django,
    Ledger,
    Limits,
    Load,
    Open,
    Plan,
    Route,
    Unsupported,
    Users,
    cpu_sets,
    plan_from_json,
)
from tests.unit.plans import LEVELS, PLAN, TARGET, trial


@pytest.mark.parametrize("count", range(2, 33))
def test_the_app_shares_its_cpus_with_nobody(count: int) -> None:
    sets = cpu_sets(range(count))
    # a target's services stand on the database's, as `bind` says; here the runner observes
    assert set(sets) == {str(role) for role in Role} - {Role.SERVICE, Role.OBSERVER}
    app = set(sets["app"])
    others = [set(cpus) for role, cpus in sets.items() if role != "app"]
    assert all(cpus and not cpus & app for cpus in others)
    assert set().union(app, *others) == set(range(count))


def test_on_two_cpus_everything_but_the_app_shares_one() -> None:
    sets = cpu_sets([5, 3])
    assert sets.pop("app") == (5,)
    assert set(sets.values()) == {(3,)}


@pytest.mark.parametrize("count", range(4, 33))
def test_from_four_cpus_on_database_and_load_are_kept_apart(count: int) -> None:
    sets = cpu_sets(range(count))
    assert not set(sets["database"]) & set(sets["load_worker"])
    assert sets["database"] == sets["pooler"] == sets["delay"]
    assert sets["load_master"] == sets["load_worker"]


@pytest.mark.parametrize("available", [[], [0]])
def test_there_is_nothing_to_keep_apart_on_one_cpu(available: list[int]) -> None:
    assert cpu_sets(available) == {}


def test_equal_plans_have_equal_digests() -> None:
    assert replace(PLAN).digest == PLAN.digest
    assert len(PLAN.digest) == 64


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, max_connections=99),
        replace(PLAN, delay=Delay(1.0)),
        replace(PLAN, delay=Delay(0.0, (Link.DATA,))),
        replace(PLAN, load=replace(PLAN.load, steady_s=4.1)),
        replace(PLAN, target=replace(PLAN.target, env={"ITS_OWN": "x"})),
        replace(PLAN, cpus={"app": (1,)}),
    ],
    ids=["cap", "delay", "path", "load", "target", "cpus"],
)
def test_whatever_changes_the_trial_changes_the_digest(other: Plan) -> None:
    assert other.digest != PLAN.digest


def test_a_plan_is_json() -> None:
    told = json.loads(json.dumps(PLAN.to_json()))
    assert told["load"]["users"] == {"start_users": 2, "per_s": 4, "end_users": 10}
    assert told["schema"] == SCHEMA


CLOSED = replace(
    PLAN,
    load=Load(
        Closed(Users(2, 4.0, 10), think_time_s=0.5), steady_s=4.0, timeout_s=60.0, load_workers=3
    ),
)
OPEN = replace(PLAN, load=Load(Open(Arrivals(20.0, "even", 50, 2.0, 3)), steady_s=5.0, raw=True))
CLOSED_TEXT = """
{"users": {"start_users": 2, "per_s": 4.0, "end_users": 10}, "steady_s": 4.0, "model": "closed", \
"think_time_s": 0.5, "timeout_s": 60.0, "load_workers": 3, "arrivals": null, "raw": false}"""
OPEN_TEXT = """
{"users": {"start_users": 0, "per_s": 1.0, "end_users": 0}, "steady_s": 5.0, "model": "open", \
"think_time_s": 0.0, "timeout_s": 400.0, "load_workers": 2, "arrivals": {"per_s": 20.0, \
"pattern": "even", "max_in_flight": 50, "ramp_s": 2.0, "seed": 3}, "raw": true}"""


@pytest.mark.parametrize(
    ("plan", "load", "digest_of_plan"),
    [
        (CLOSED, CLOSED_TEXT, "20f462e00036c6868e22386941a8f5dea2e66f9fc27c5c4fe161dc895847cda9"),
        (OPEN, OPEN_TEXT, "3e0aab0b44f01c10fa8e9f9502853769e28dc1edc93c813d8786ace11cceafc5"),
    ],
    ids=["closed", "open"],
)
def test_a_plan_s_text_stays(plan: Plan, load: str, digest_of_plan: str) -> None:
    assert json.dumps(plan.to_json()) == WHOLE_TEXT.strip().replace("LOAD", load.strip())
    assert plan.digest == digest_of_plan


@pytest.mark.parametrize(
    ("plan", "load", "digest_of_plan"),
    [
        (CLOSED, CLOSED_TEXT, "bf54b3fed0b8f95f85c3ad17639c06ed36fb235ce02d6f339b8d69460e726aef"),
        (OPEN, OPEN_TEXT, "599d3634db12e8271c6171994df087a418bc102e4983d7026eec47e37a215720"),
    ],
    ids=["closed", "open"],
)
@pytest.mark.parametrize("level", ["auto", "gthread"])
def test_a_plan_of_before_servers_is_read(
    plan: Plan, load: str, digest_of_plan: str, level: str
) -> None:
    worker = f'"app_threads": 1, "wsgi_worker": "{level}", '
    text = WHOLE_TEXT.replace("LOAD", load.strip()).replace('"app_threads": 1, ', worker)
    data = json.loads(text)
    assert (digest(data) == digest_of_plan) == (level == "auto")
    assert plan_from_json({**data, "digest": digest(data)}) == plan


def test_who_sends_and_with_which_headers_stands_in_the_plan() -> None:
    routes = {**TARGET.routes, "list": replace(TARGET.routes["list"], headers={"X": "1"})}
    target = replace(CLOSED.target, routes=routes)
    plan = replace(CLOSED, load=replace(CLOSED.load, client="plain"), target=target)
    text = json.loads(json.dumps({**plan.to_json(), "digest": plan.digest}))
    assert text["load"]["client"] == "plain"
    assert text["target"]["routes"]["list"]["headers"] == {"X": "1"}
    assert "headers" not in text["target"]["routes"]["make"]
    assert plan_from_json(text) == plan


def test_how_a_project_is_served_stands_in_the_plan() -> None:
    target = replace(
        CLOSED.target, django=Django("shop.settings", wsgi="shop:app"), project="/shop"
    )
    plan = replace(CLOSED, target=target, server="uvicorn", middleware="none")
    text = json.loads(json.dumps({**plan.to_json(), "digest": plan.digest}))
    assert (text["server"], text["middleware"]) == ("uvicorn", "none")
    assert text["target"]["django"]["wsgi"] == "shop:app"
    assert plan_from_json(text) == plan


def test_what_a_target_says_stands_in_the_plan() -> None:
    limits = Limits(start_s=90.0)
    target = replace(CLOSED.target, template="posts", limits=limits, restarts_workers=True)
    plan = replace(CLOSED, target=target)
    text = json.loads(json.dumps({**plan.to_json(), "digest": plan.digest}))
    assert text["target"]["limits"] == {"start_s": 90.0, "migrate_s": 900.0, "seed_s": 900.0}
    assert plan_from_json(text) == plan != CLOSED


def test_a_ledger_of_one_table_has_the_text_that_it_always_had() -> None:
    def told(ledger: Ledger) -> object:
        plan = replace(PLAN, target=replace(TARGET, ledger=ledger))
        assert plan_from_json(written(plan)) == plan
        return written(plan)["target"]["ledger"]

    assert told(Ledger("posts", "title")) == {"table": "posts", "column": "title"}
    assert told(Ledger(tables=("a", "b"))) == {"table": "", "column": "", "tables": ["a", "b"]}


WHOLE_TEXT = """
{"target_name": "made", "route_name": "make", "load": LOAD, "data": {"posts": 100, "cpu_n": 10}, \
"delay": {"delay_ms": 0.0, "links": ["front", "data"]}, "data_access": "sql", \
"connections": "per_request", "pool_size": 20, "pooler": "direct", "pooler_pool_size": 50, \
"max_connections": 100, "app_workers": 1, "app_threads": 1, "target": {"name": "made", \
"folder": "/nowhere/made", "title": "Made for a test", \
"start": ["serve", "--bind", "{host}:{port}"], "routes": {"list": {"name": "list", \
"method": "GET", "path": "/list", "form": {}, "json": null, "status": 200, "answer": {}, \
"statements": null, "varying": []}, "make": MAKE}, "env": {"ITS_OWN": "{database_url}"}, \
"migrate": [], "seed": [], "content": [], "ready": "/", "facts": null, "ledger": null, \
"supports": {}, "refuses": [], "inherent": [], "interface": null}, "route": MAKE, "cpus": {}, \
"schema": 2}""".replace(
    "MAKE",
    '{"name": "make", "method": "POST", "path": "/make", "form": {"title": "{unique}"}, '
    '"json": null, "status": 201, "answer": {}, "statements": 1, "varying": []}',
)


def test_a_plan_s_route_is_its_target_s() -> None:
    assert PLAN.route is TARGET.routes["make"]
    unserved = replace(PLAN, route_name="other")
    assert unserved.to_json()["route"] is None
    with pytest.raises(KeyError, match="other"):
        _ = unserved.route


def test_a_plan_with_another_route_than_its_target_s_is_refused() -> None:
    data = written(PLAN)
    del data["digest"]
    data["route"]["path"] = "/other"
    with pytest.raises(ValueError, match="route"):
        plan_from_json({**data, "digest": digest(data)})


def test_the_delay_is_on_the_named_links_only() -> None:
    delay = Delay(100.0, (Link.DATA,))
    assert (delay.on(Link.DATA), delay.on(Link.FRONT)) == (100.0, 0.0)


def test_the_load_lasts_for_ramp_and_steady() -> None:
    assert PLAN.load.duration_s == 2.0 + 4.0


def test_a_cell_does_not_depend_on_the_order_of_its_levels() -> None:
    there = Cell(LEVELS)
    back = Cell(dict(reversed(list(LEVELS.items()))), because="an extra")
    assert (there.id, there) == (back.id, back)
    assert Cell({**LEVELS, "delay_ms": 1}).id != there.id


def test_a_trial_is_named_after_its_place() -> None:
    assert trial(position=7).name == "0007-made-r1"


@pytest.mark.parametrize(
    ("levels", "holds"),
    [
        ({"a": 1, "b": 1}, True),
        ({"a": 2, "b": 1}, False),
        ({"a": 1, "b": 9}, False),
        ({"b": 1}, False),
    ],
)
def test_a_refusal_holds_when_and_unless(levels: dict[str, int], holds: bool) -> None:
    refusal = Unsupported("because", when={"a": (1,)}, unless={"b": (9,)})
    assert refusal.holds(levels) is holds


def written(plan: Plan) -> dict[str, Any]:
    """The contents of a `plan.json`."""
    data: dict[str, Any] = json.loads(json.dumps({**plan.to_json(), "digest": plan.digest}))
    return data


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        CLOSED,
        OPEN,
        replace(PLAN, route_name="other"),
        replace(PLAN, delay=Delay(50.0, (Link.DATA,)), cpus=cpu_sets(range(4))),
        replace(
            PLAN,
            target=replace(
                TARGET,
                supports={"app_threads": (1, 2)},
                refuses=(Unsupported("x", {"pooler": ("direct",)}),),
                routes={"j": Route("j", "POST", "/", json={"a": [1, {"b": None}]})},
            ),
        ),
    ],
)
def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    assert plan_from_json(written(plan)) == plan


def test_what_a_plan_does_not_name_is_as_by_default() -> None:
    data = written(PLAN)
    del data["pool_size"], data["digest"]
    assert plan_from_json({**data, "digest": digest(data)}) == PLAN


def test_a_plan_with_another_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="digest"):
        plan_from_json({**written(PLAN), "pool_size": 21})


@pytest.mark.parametrize("data", [{}, {"load": 1}, {"later": True}])
def test_what_is_no_plan_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no plan"):
        plan_from_json({**data, "digest": digest(data)})
