"""Every factor's level reaches a role: what nobody is told cannot be measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.config import read_targets
from rig.factors import FACTORS, Choice, Natural, apply, bind
from rig.model import Level
from rig.plan import Arrivals, Closed, Data, Django, Draft, Load, Open, Users
from tests.runs import ROOT
from tests.unit.backends.hosts import every_spec

OURS = read_targets([ROOT], ROOT / "stack" / "routes.yaml")
SHOP = replace(
    OURS["sync"], name="shop", start=(), django=Django("shop.settings", "shop:wsgi", "shop:asgi")
)
TARGETS = {**OURS, "shop": SHOP}
OF_DJANGO = {"server": "shop", "middleware": "shop"}
"""Factors that only a target that the rig serves carries out."""
BASE: dict[str, Level] = {
    **{name: factor.default for name, factor in FACTORS.items() if factor.default is not None},
    "target": "sync",
    "route": "io_create",
    "delay_ms": 50,
    "pooler": "pgbouncer",
}


def levels_of(name: str) -> list[Level]:
    """All words of a choice; of a number, three that its factor accepts."""
    levels = FACTORS[name].levels
    known = {"target": list(TARGETS), "route": list(TARGETS["sync"].routes)}.get(name, [])
    if isinstance(levels, Choice):
        return list(levels.words(known))
    return [11, 12, 13] if isinstance(levels, Natural) else [0.25, 0.5, 100]


def specs(folder: Path, **levels: Level) -> dict[str, Any]:
    """What every role is told at these levels."""
    draft = Draft("", "", load=Load(Open(Arrivals(5)), steady_s=1.0), data=Data(10, 10))
    bound, _ = bind(apply(draft, {**BASE, **levels}), TARGETS, {})
    told: dict[str, Any] = json.loads(json.dumps(every_spec(bound, folder)))
    return told


@pytest.mark.parametrize("name", FACTORS)
def test_each_level_changes_what_the_roles_are_told(name: str, tmp_path: Path) -> None:
    target = OF_DJANGO.get(name, "sync")
    told = {
        json.dumps(specs(tmp_path, **{"target": target, name: level}), sort_keys=True)
        for level in levels_of(name)
    }
    # the usual server is one of the others
    assert len(told) == len(levels_of(name)) - (name == "server") > 1


@pytest.mark.parametrize(
    ("levels", "role", "keys", "value"),
    [
        ({"target": "async"}, "app", ("env", "DJANGO_SETTINGS_MODULE"), "django_async.settings"),
        ({"route": "io_read"}, "load", ("requests", 0, "path"), "/io_read"),
        ({"delay_ms": 75}, "delay", ("delay_ms",), 75.0),
        ({"delay_path": "client"}, "delay", ("links", 1, "delayed"), False),
        ({"data_access": "orm"}, "app", ("env", "BENCH_DATA_ACCESS"), "orm"),
        ({"connections": "pool"}, "app", ("env", "BENCH_CONNECTIONS"), "pool"),
        ({"pool_size": 7}, "app", ("env", "BENCH_POOL_SIZE"), "7"),
        ({"pooler": "pgbouncer"}, "app", ("env", "BENCH_POOLER"), "pgbouncer"),
        ({"pooler_pool_size": 7}, "pooler", ("pool_size",), 7),
        ({"max_connections": 77}, "database", ("settings", "max_connections"), 77),
        ({"app_workers": 3}, "app", ("env", "BENCH_APP_WORKERS"), "3"),
        ({"app_threads": 3}, "app", ("env", "BENCH_APP_THREADS"), "3"),
        ({"target": "shop", "server": "uvicorn"}, "app", ("command", 2), "uvicorn"),
        ({"surge_per_s": 70}, "load", ("arrivals", "surge_per_s"), 70.0),
        ({"arrivals_per_s": 7.5}, "load", ("arrivals", "per_s"), 7.5),
        ({"target": "shop", "middleware": "none"}, "app", ("env", "BENCH_MIDDLEWARE"), "none"),
    ],
)
def test_where_a_level_arrives(
    levels: dict[str, Level], role: str, keys: tuple[Any, ...], value: object, tmp_path: Path
) -> None:
    told = specs(tmp_path, **levels)[role]
    for key in keys:
        told = told[key]
    assert told == value


def test_no_factor_is_missing_above() -> None:
    marks = test_where_a_level_arrives.pytestmark
    (parametrized,) = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    assert {name for levels, *_ in parametrized for name in levels} == set(FACTORS)


@pytest.mark.parametrize("name", [name for name, of in FACTORS.items() if of.default is not None])
def test_a_factor_at_its_default_leaves_a_new_draft_as_it_is(name: str) -> None:
    draft = Draft("sync", "cpu", load=Load(Closed(Users(1, 1, 1)), steady_s=1.0), data=Data(10, 10))
    level = FACTORS[name].default
    assert level is not None
    assert apply(draft, {name: level}) == draft
