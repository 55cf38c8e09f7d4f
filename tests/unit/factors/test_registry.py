from __future__ import annotations

import copy
import dataclasses
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.factors import FACTORS, Choice, Natural, Number, apply, bind, impossible, label_of, slug_of
from rig.factors.services import SERVICES
from rig.model import Level, Link
from rig.plan import Arrivals, Closed, Data, Draft, Load, Open, Route, Target, Unsupported, Users

patient = settings(deadline=None)
# of each factor by itself, of which there are many and each small
few = settings(deadline=None, max_examples=30)

NAMES = ("one", "two", "three")
DRAFT = Draft("one", "one", Load(Open(Arrivals(5.0)), steady_s=1.0), Data(10, 10))


def levels_of(name: str) -> st.SearchStrategy[Level]:
    levels = FACTORS[name].levels
    if isinstance(levels, Choice):
        return st.sampled_from(list(levels.words(NAMES)))
    if isinstance(levels, Natural):
        return st.integers(levels.least, levels.most)
    assert isinstance(levels, Number)
    return st.floats(levels.least, levels.most)


some_levels = st.fixed_dictionaries({}, optional={name: levels_of(name) for name in FACTORS})
all_levels = st.fixed_dictionaries({name: levels_of(name) for name in FACTORS})


@pytest.mark.parametrize("name", FACTORS)
@few
@given(data=st.data())
def test_a_factor_is_pure(name: str, data: st.DataObject) -> None:
    plan, level = apply(DRAFT, data.draw(some_levels)), data.draw(levels_of(name))
    before = copy.deepcopy(plan)
    first, second = (FACTORS[name].change(plan, level) for _ in range(2))
    assert plan == before
    assert first == second
    assert FACTORS[name].change(first, level) == first


@pytest.mark.parametrize("name", FACTORS)
@few
@given(data=st.data())
def test_two_levels_of_a_factor_are_two_plans(name: str, data: st.DataObject) -> None:
    one, two = data.draw(levels_of(name)), data.draw(levels_of(name))
    drafts = [FACTORS[name].change(DRAFT, level) for level in (one, two)]
    targets = {name: Target(name, "", "", (), {}) for name in NAMES}
    plans = [bind(draft, targets, {})[0] for draft in drafts]
    assert (plans[0].digest == plans[1].digest) == (one == two)


@patient
@given(levels=all_levels, order=st.permutations(list(FACTORS)))
def test_the_order_in_which_factors_are_applied_does_not_matter(
    levels: dict[str, Level], order: list[str]
) -> None:
    plan = DRAFT
    for name in order:
        plan = FACTORS[name].change(plan, levels[name])
    assert plan == apply(DRAFT, levels) == apply(DRAFT, {name: levels[name] for name in order})


@patient
@given(levels=all_levels, changed=some_levels)
def test_the_last_level_of_a_factor_counts(
    levels: dict[str, Level], changed: dict[str, Level]
) -> None:
    assert apply(apply(DRAFT, levels), changed) == apply(DRAFT, levels | changed)


@pytest.mark.parametrize("name", FACTORS)
def test_a_default_is_a_level_and_what_the_plan_has_anyway(name: str) -> None:
    factor = FACTORS[name]
    if factor.default is None:
        assert name in ("target", "route") or factor.absent
        return
    assert factor.levels.accepts(factor.default, ())
    assert factor.change(DRAFT, factor.default) == DRAFT


@pytest.mark.parametrize("name", FACTORS)
@few
@given(data=st.data())
def test_a_slug_can_stand_in_a_folders_name(name: str, data: st.DataObject) -> None:
    level = data.draw(levels_of(name))
    assert re.fullmatch(r"[A-Za-z0-9_.+-]+", slug_of(name, level))
    if isinstance(level, int | float):
        assert re.match(r"[a-z]+[0-9]", slug_of(name, level))


def test_a_load_of_users_has_no_rate() -> None:
    closed = dataclasses.replace(DRAFT, load=Load(Closed(Users(1, 1.0, 5)), steady_s=1.0))
    assert apply(closed, {"arrivals_per_s": 7}) == closed


def test_slugs_of_numbers_differ_between_factors() -> None:
    shorts = [factor.short for factor in FACTORS.values() if factor.short]
    assert len(set(shorts)) == len(shorts)


def test_labels_carry_their_unit() -> None:
    assert label_of("delay_ms") == "added delay (ms)"
    assert label_of("pooler") == "pooler"


@pytest.mark.parametrize(
    ("path", "front_ms", "data_ms"),
    [("both", 100, 100), ("client", 100, 0), ("database", 0, 100)],
)
def test_a_delay_stands_on_the_links_of_its_path(
    path: str, front_ms: float, data_ms: float
) -> None:
    delay = apply(DRAFT, {"delay_ms": 100, "delay_path": path}).delay
    assert (delay.on(Link.FRONT), delay.on(Link.DATA)) == (front_ms, data_ms)


def target(**more: object) -> Target:
    routes = {"one": Route("one", "GET", "/")}
    return Target("one", "folder", "One", ("serve",), routes, **more)  # type: ignore[arg-type]


def test_bind_fills_target_and_route_in() -> None:
    one = target(supports={"pooler": ("direct",)})
    plan, why = bind(DRAFT, {"one": one}, {"app": (1,)})
    assert (plan.target, plan.route, why) == (one, one.routes["one"], "")
    assert plan.cpus == {"app": (1,)}


def test_bind_says_what_a_target_cannot_do() -> None:
    one = target(supports={"pooler": ("direct", "other")})
    assert bind(apply(DRAFT, {"route": "two"}), {"one": one}, {})[1] == (
        "target one does not serve route two"
    )
    assert bind(apply(DRAFT, {"pooler": "pgbouncer"}), {"one": one}, {})[1] == (
        "target one has pooler direct, other only, not pgbouncer"
    )


@pytest.mark.parametrize(
    ("levels", "reason"),
    [
        ({"target": "one", "app_threads": 1}, ""),
        ({"target": "one", "app_threads": 2}, "one thread"),
        ({"target": "two", "app_threads": 2}, ""),
        ({"pooler": "pgbouncer", "pooler_pool_size": 97, "max_connections": 100}, ""),
        ({"pooler": "direct", "pooler_pool_size": 98, "max_connections": 100}, ""),
        (
            {"pooler": "pgbouncer", "pooler_pool_size": 98, "max_connections": 100},
            "pooler_pool_size 98 does not fit under max_connections 100: "
            "3 connections are reserved for superusers",
        ),
    ],
)
def test_impossible_levels_have_a_reason(levels: dict[str, Level], reason: str) -> None:
    one = target(refuses=(Unsupported("one thread", unless={"app_threads": (1,)}),))
    assert impossible(levels, {"one": one}) == reason


def test_the_path_to_services_is_delayed_where_there_are_some() -> None:
    without, having = target(), target(services=(SERVICES["redis"],))
    both = apply(DRAFT, {"delay_path": "both", "delay_ms": 5})
    alone = apply(DRAFT, {"delay_path": "services", "delay_ms": 5})
    cpus = {"app": (1,), "database": (0,)}
    bound, _ = bind(both, {"one": having}, cpus)
    assert bound.delay.links == (Link.FRONT, Link.DATA, Link.SERVICES)
    assert bound.cpus == {**cpus, "service": (0,)}
    assert bind(alone, {"one": having}, cpus)[0].delay.links == (Link.SERVICES,)
    assert bind(both, {"one": without}, cpus)[0].delay.links == (Link.FRONT, Link.DATA)
    assert bind(both, {"one": without}, cpus)[0].cpus == cpus
    assert bind(alone, {"one": without}, cpus)[1] == (
        "target one has no services to delay the path to"
    )
