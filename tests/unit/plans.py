"""Makes small plans, trials and records."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.factors import FACTORS, of_every_cell
from rig.plan import Cell, Closed, Data, Load, Plan, Route, Target, Trial, Users
from rig.record import DelayFacts, LoadFacts, PathDelay, Record

ROUTES = {
    "list": Route("list", "GET", "/list"),
    "make": Route("make", "POST", "/make", form={"title": "{unique}"}, status=201, statements=1),
}
TARGET = Target(
    name="made",
    folder="/nowhere/made",
    title="Made for a test",
    start=("serve", "--bind", "{host}:{port}"),
    env={"ITS_OWN": "{database_url}"},
    routes=ROUTES,
)
USERS = Users(2, 4, 10)
PLAN = Plan(
    "made",
    "make",
    load=Load(Closed(USERS), steady_s=4.0),
    data=Data(posts=100, cpu_n=10),
    target=TARGET,
)
LEVELS = {name: FACTORS[name].default or name for name in of_every_cell()}


def trial(plan: Plan = PLAN, position: int = 1, skip: str = "", **levels: Any) -> Trial:
    """A trial of a plan."""
    cell = Cell({**LEVELS, **levels})
    return Trial(cell, plan, replicate=1, block=1, position=position, slug="made", skip=skip)


def routed(route: Route, plan: Plan = PLAN) -> Plan:
    """The plan of another route, or of another version of it."""
    target = replace(plan.target, routes={**plan.target.routes, route.name: route})
    return replace(plan, target=target, route_name=route.name)


def path(link: str = "data", asked_ms: float = 0.0, **changes: Any) -> PathDelay:
    """A path on which the delay is exactly as asked."""
    as_asked = (asked_ms,)
    return replace(PathDelay(link, asked_ms, as_asked, as_asked, as_asked), **changes)


def record(delay: DelayFacts | None = None, load: LoadFacts | None = None) -> Record:
    """A record with nothing wrong, but for what is given."""
    fine = LoadFacts(
        load_workers_asked=2,
        load_workers_connected=2,
        load_worker_addresses=("198.18.0.10", "198.18.0.11"),
        peak_users=USERS.end_users,
        started=41,
        in_flight_ages_s=(0.25,),
        finished=40,
        finished_by_load_worker={"198.18.0.10": 19, "198.18.0.11": 21},
        in_flight_at_stop=1,
        ramp_s=2.0,
        duration_s=6.0,
        outcomes={"ok": 39, "timeout": 1},
        complete=True,
        never_answered_users=0,
        sequences={"0": 20, "1": 21},
        planned_users=(2, 6, 10, 10, 10, 10),
        active_users=(2, 6, 10, 10, 10, 10),
        load_worker_cpu_share={"198.18.0.10": 0.21, "198.18.0.11": 0.25},
        greenlet_lag_p99_ms=1.5,
        p50_ms=80.0,
        successes_first_third=20,
        successes_last_third=19,
    )
    return Record(
        trial="0001-made-r1",
        attempt=1,
        backend="fake",
        levels=LEVELS,
        plan_digest=PLAN.digest,
        started_at="2024-01-01T00:00:00+0000",
        delay=delay or DelayFacts("netem", "the kernel has netem", (path("front"), path("data"))),
        load=load or fine,
    )


PLANNED = ("load_workers_asked", "ramp_s", "duration_s")
DERIVED = (
    *("planned_users", "active_users", "in_flight", "load_worker_cpu_share", "greenlet_lag_p99_ms"),
    *("p50_ms", "goodput_rps", "successes", "successes_first_third", "successes_last_third"),
    *("window", "objective"),
)
"""Facts of a load that are read from other files than load.json."""


def write_raw(folder: Path, seen: Record) -> None:
    """The raw files that `rig.evidence.attempt` reads a record's facts from."""
    for name in ("load", "probes", "logs"):
        (folder / name).mkdir(parents=True)
    (folder / "logs" / "app.log").write_text("said\n")
    load = {k: v for k, v in dataclasses.asdict(seen.load).items() if k not in PLANNED}
    (folder / "load" / "load.json").write_text(json.dumps(load))
    delay = seen.delay
    count = {"packets": delay.packets, "drops": delay.drops, "overruns": delay.overruns}
    paths = {path.link: path for path in delay.paths}
    said = {
        "mechanism": delay.mechanism,
        "why": delay.why,
        "counters": {**count, "alive": delay.alive_to_the_end},
        "rtt_ms": {
            link: {"before": path.before_ms, "during": path.during_ms, "after": path.after_ms}
            for link, path in paths.items()
        },
        "lost": {link: path.lost for link, path in paths.items()},
    }
    (folder / "probes" / "delay.json").write_text(json.dumps(said))
