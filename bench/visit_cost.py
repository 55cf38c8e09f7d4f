"""What do values, mixes, sessions and a look at each answer cost the load generator? In turns.

    .venv/bin/python -m bench.visit_cost [ROUNDS] [STEADY_S]     (default 7 and 3)

As `bench.client_cost`, with the rig's own client alone. What is counted is the steady window: what
users do before their first request is none of a request's cost. A cookie's is the median of what
it adds in each round, of two loads one after the other. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import math
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.client_cost import CONTROL_PORT, PORT, served
from bench.loopback import Closed, Users, run, spec
from rig.disk.contents import rows
from rig.disk.rows import LoadWorkerRow, SecondRow
from rig.load.http.asked import RouteRequest
from rig.load.http.expected import Expected
from rig.load.http.sessions import Session, Step
from rig.load.http.values import Values
from rig.load.spec import PLAIN

USERS = 50
MIX_MOST, COOKIE_MOST_US = 1.5, 2.0
"""Of a single route; µs a request."""

PK = Values("pk", span=(1, 1000), order="random")
Q = Values("q", ("async", "django", "postgres"))
SINGLE = {"requests": (RouteRequest("page", "GET", "/"),)}
VALUES = {"requests": (RouteRequest("page", "GET", "/{pk}/", words=("pk",), values=(PK,)),)}
MIX = {
    "requests": (
        *VALUES["requests"],
        RouteRequest("search", "GET", "/?q={q}", words=("q",), values=(Q,)),
        RouteRequest("home", "GET", "/"),
        RouteRequest("about", "GET", "/about/"),
    ),
    "weights": (8, 2, 1, 1),
    "route": "mix",
}


def looked_at(always: Expected) -> dict[str, Any]:
    """Each answer of a single route is held against this."""
    return {"requests": (RouteRequest("page", "GET", "/", always=always),)}


LOGIN = Session("member", (Step(RouteRequest("step 1", "GET", "/login")),))
WAYS: dict[str, dict[str, Any]] = {
    "single": SINGLE,
    "session": {**SINGLE, "session": LOGIN},
    "values": VALUES,
    "mix": MIX,
    "text": looked_at(Expected(no_text='"errors"')),
    "members": looked_at(Expected(answer={"null": True})),
}


def cost_us(way: str, steady_s: float, folder: Path) -> float:
    """CPU-µs per request of the whole load worker in the steady window."""
    model = Closed(Users(1, USERS, USERS))
    load = spec(
        PORT, CONTROL_PORT, model, steady_s=steady_s, load_workers=1, client=PLAIN, **WAYS[way]
    )
    folder.mkdir(parents=True)
    with served("kept", folder):
        said, _ = run(load, folder / "run", ("-m", "bench.client_cost", "worker"))
    if set(said["outcomes"]) != {"ok"}:
        raise SystemExit(f"{way}: {said['outcomes']}")
    seconds = range(math.ceil(load.ramp_s), math.floor(load.duration_s))
    at = folder / "run" / "master"
    used_s = sum(
        one.cpu_share
        for one in rows(at / "load_workers.csv", LoadWorkerRow) or ()
        if one.second in seconds
    )
    finished = sum(
        one.finished for one in rows(at / "seconds.csv", SecondRow) or () if one.second in seconds
    )
    return 1e6 * used_s / finished


def main() -> None:
    """Prints the cost of each way; exits with 1 where a bound was missed."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else 7
    steady_s = float(sys.argv[2]) if sys.argv[2:] else 3.0
    at = Path(tempfile.mkdtemp(prefix="visit-cost-"))
    costs_us: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in tuple(WAYS) if number % 2 == 0 else tuple(WAYS)[::-1]:
            costs_us[way].append(cost_us(way, steady_s, at / f"{way}-{number}"))
    shutil.rmtree(at)
    medians = {way: statistics.median(costs) for way, costs in costs_us.items()}
    for way, costs in costs_us.items():
        print(f"{way:8} {medians[way]:6.1f} µs a request ({min(costs):.1f} to {max(costs):.1f})")
    ratio = medians["mix"] / medians["single"]
    both = zip(costs_us["session"], costs_us["single"], strict=True)
    cookie_us = statistics.median(with_cookie - without for with_cookie, without in both)
    print(f"mix ÷ single {ratio:.2f} (at most {MIX_MOST})")
    print(f"a session cookie {cookie_us:+.1f} µs (at most {COOKIE_MOST_US:g})")
    sys.exit(0 if ratio <= MIX_MOST and cookie_us <= COOKIE_MOST_US else 1)


if __name__ == "__main__":
    main()
