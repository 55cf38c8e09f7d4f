"""The factors, each in one place: how it changes a plan's draft, and how it is named and shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rig.factors.levels import Choice, Levels, Natural, Number
from rig.factors.servers import OWN, SERVERS, unserved, usual
from rig.model import RATE, SURGE, Level, Link, Role
from rig.plan import Delay, Draft, Open, Plan, Target

Change = Callable[[Draft, Any], Draft]


@dataclass(frozen=True)
class Factor:
    """Something that can be varied."""

    name: str
    label: str
    levels: Levels
    change: Change
    unit: str = ""
    short: str = ""
    """What stands before a number in a slug: `delay100`."""
    default: Level | None = None
    """The level where neither `setup` nor `vary` names one; None if one must, or it is `absent`."""
    absent: bool = False
    """Whether cells have no level of it where nobody names one."""
    facts: tuple[str, ...] = ()
    """What differs between two levels by itself: facts by dotted path, and all below them."""
    changes_stack: bool = True
    """Whether one unloaded request of a route costs something else at another level, the delay
    aside: stacks that differ in it are calibrated apart."""


FACTORS: dict[str, Factor] = {}

LEAST_PER_S, MOST_PER_S = 0.001, 1e6
"""Of arrivals: rarer ones nobody could count, and more no load worker sends."""

DELAY_PATHS: Mapping[str, tuple[Link, ...]] = {
    "both": (Link.FRONT, Link.DATA),
    "client": (Link.FRONT,),
    "database": (Link.DATA,),
    "services": (Link.SERVICES,),
}
"""`both` is all that leaves the app: the path to its services, too, where it has some."""


def register(name: str, label: str, levels: Levels, **more: Any) -> Callable[[Change], Change]:
    """Registers the decorated function as a factor."""

    def keep(change: Change) -> Change:
        FACTORS[name] = Factor(name, label, levels, change, **more)
        return change

    return keep


@register("target", "target", Choice())
def _target(draft: Draft, level: str) -> Draft:
    return replace(draft, target_name=level)


@register("route", "route", Choice(), facts=("route", "answer"), changes_stack=False)
def _route(draft: Draft, level: str) -> Draft:
    return replace(draft, route_name=level)


@register(
    "delay_ms",
    "added delay",
    Number(0, 5000),
    unit="ms",
    short="delay",
    default=0,
    facts=("delay",),
    changes_stack=False,
)
def _delay_ms(draft: Draft, level: float) -> Draft:
    return replace(draft, delay=replace(draft.delay, delay_ms=float(level)))


@register(
    "delay_path", "delayed path", Choice(tuple(DELAY_PATHS)), default="both", facts=("delay",)
)
def _delay_path(draft: Draft, level: str) -> Draft:
    return replace(draft, delay=Delay(draft.delay.delay_ms, DELAY_PATHS[level]))


@register(
    "data_access",
    "data access",
    Choice(("sql", "orm")),
    default="sql",
    facts=(
        "app.data_access",
        "app.driver",
        "app.prepared_statements",
        "app.conn_max_age_s",
        "app.pool",
    ),
)
def _data_access(draft: Draft, level: str) -> Draft:
    return replace(draft, data_access=level)


@register(
    "connections",
    "connections",
    Choice(("per_request", "persistent", "pool")),
    default="per_request",
    facts=("app.connections", "app.conn_max_age_s", "app.pool"),
)
def _connections(draft: Draft, level: str) -> Draft:
    return replace(draft, connections=level)


@register(
    "pool_size", "pool size", Natural(1, 10_000), short="pool", default=20, facts=("app.pool",)
)
def _pool_size(draft: Draft, level: int) -> Draft:
    return replace(draft, pool_size=level)


@register(
    "pooler",
    "pooler",
    Choice(("direct", "pgbouncer")),
    default="direct",
    facts=("app.pooler", "app.prepared_statements", "pooler", "cpus.pooler"),
)
def _pooler(draft: Draft, level: str) -> Draft:
    return replace(draft, pooler=level)


@register(
    "pooler_pool_size",
    "PgBouncer pool",
    Natural(1, 10_000),
    short="bouncerpool",
    default=50,
    facts=("pooler.settings.default_pool_size",),
)
def _pooler_pool_size(draft: Draft, level: int) -> Draft:
    return replace(draft, pooler_pool_size=level)


@register(
    "max_connections",
    "max_connections",
    Natural(10, 10_000),
    short="cap",
    default=100,
    facts=("database.settings.max_connections",),
    changes_stack=False,
)
def _max_connections(draft: Draft, level: int) -> Draft:
    return replace(draft, max_connections=level)


@register(
    "app_workers", "app workers", Natural(1, 256), short="w", default=1, facts=("app.app_workers",)
)
def _app_workers(draft: Draft, level: int) -> Draft:
    return replace(draft, app_workers=level)


@register(
    "app_threads",
    "app threads",
    Natural(1, 1000),
    short="t",
    default=1,
    # the class for several threads keeps the clients' connections, the one for one thread does not
    facts=("app.app_threads", "app.worker_class", "answer.connection"),
)
def _app_threads(draft: Draft, level: int) -> Draft:
    return replace(draft, app_threads=level)


@register(
    "server",
    "server",
    Choice((OWN, *SERVERS)),
    default=OWN,
    facts=(
        *("answer.server", "answer.connection", "answer.transfer-encoding"),
        *("app.worker_class", "app.event_loop", "app.http_parser"),
        # what a server does not tell is none
        *("app.app_workers", "app.app_threads", "app.timeout_s", "app.graceful_timeout_s"),
        *("app.keepalive_s", "app.backlog_connections", "app.access_log", "app.server_log_level"),
    ),
)
def _server(draft: Draft, level: str) -> Draft:
    return replace(draft, server=level)


@register(
    "middleware",
    "middleware",
    Choice(("own", "none", "django")),
    default="own",
    facts=("app.middleware", "answer.content-encoding", "answer.transfer-encoding"),
)
def _middleware(draft: Draft, level: str) -> Draft:
    return replace(draft, middleware=level)


@register(
    RATE,
    "arrivals",
    Number(LEAST_PER_S, MOST_PER_S),
    unit="/s",
    short="rate",
    absent=True,
    changes_stack=False,
)
def _arrivals_per_s(draft: Draft, level: float) -> Draft:
    return _with_arrivals(draft, per_s=float(level))


def _with_arrivals(draft: Draft, **changes: float) -> Draft:
    """Nothing arrives in a closed load: the configuration refuses these factors beside one."""
    match draft.load.model:
        case Open(arrivals):
            model = Open(replace(arrivals, **changes))  # type: ignore[arg-type]
            return replace(draft, load=replace(draft.load, model=model))
        case _:
            return draft


@register(
    SURGE,
    "surge",
    Number(0, MOST_PER_S),
    unit="/s",
    short="surge",
    absent=True,
    changes_stack=False,
)
def _surge_per_s(draft: Draft, level: float) -> Draft:
    return _with_arrivals(draft, surge_per_s=float(level))


def of_every_cell() -> tuple[str, ...]:
    """The factors that every cell has a level of."""
    return tuple(name for name, factor in FACTORS.items() if not factor.absent)


def apply(draft: Draft, levels: Mapping[str, Level]) -> Draft:
    """The draft with each factor at its level; the order of `levels` does not matter."""
    for name in FACTORS:
        if name in levels:
            draft = FACTORS[name].change(draft, levels[name])
    return draft


def bind(
    draft: Draft, targets: Mapping[str, Target], cpus: Mapping[str, tuple[int, ...]]
) -> tuple[Plan, str]:
    """The plan that a draft becomes with its target, and why it cannot be served (or "").

    A target that lacks the route, or a level that it must carry out itself, is no error:
    the trial is skipped for that reason.
    """
    target = targets[draft.target_name]
    server = usual(target, draft.app_threads) if draft.server == OWN else draft.server
    made = {**vars(draft), "server": server, "delay": _delay_of(draft.delay, target)}
    bound = Plan(**made, target=target, cpus=_cpus_of(cpus, target))
    if not target.serves(draft.route_name):
        return bound, f"target {target.name} does not serve route {draft.route_name}"
    for factor, levels in target.supports.items():
        level = getattr(draft, factor)
        if level not in levels:
            known = ", ".join(map(str, levels))
            return bound, f"target {target.name} has {factor} {known} only, not {level}"
    if not bound.delay.links:
        return bound, f"target {target.name} has no services to delay the path to"
    return bound, unserved(draft, target)


def _delay_of(delay: Delay, target: Target) -> Delay:
    """The delay on the links that there are."""
    links = delay.links
    if not target.services:
        links = tuple(link for link in links if link != Link.SERVICES)
    elif links == DELAY_PATHS["both"]:
        links = (*links, Link.SERVICES)
    return replace(delay, links=links)


def _cpus_of(cpus: Mapping[str, tuple[int, ...]], target: Target) -> Mapping[str, tuple[int, ...]]:
    """Services stand on the database's CPUs."""
    if not target.services or Role.DATABASE not in cpus:
        return cpus
    return {**cpus, str(Role.SERVICE): cpus[Role.DATABASE]}


def impossible(levels: Mapping[str, Level], targets: Mapping[str, Target]) -> str:
    """Why this combination of levels means nothing; empty where it does.

    Unlike a cell that a target cannot serve, such a cell is an error in the YAML.
    """
    target = targets.get(str(levels.get("target")))
    for refusal in target.refuses if target else ():
        if refusal.holds(levels):
            return refusal.because
    cap, pool = levels.get("max_connections", 100), levels.get("pooler_pool_size", 50)
    if levels.get("pooler") == "pgbouncer" and int(pool) > int(cap) - 3:
        return (
            f"pooler_pool_size {pool} does not fit under max_connections {cap}: "
            "3 connections are reserved for superusers"
        )
    return ""


def slug_of(name: str, level: Level) -> str:
    """How a level stands in a folder's name."""
    return f"{FACTORS[name].short}{level:g}" if isinstance(level, int | float) else level


def label_of(name: str) -> str:
    """A factor's axis label, with its unit."""
    factor = FACTORS[name]
    return f"{factor.label} ({factor.unit})" if factor.unit else factor.label
