"""The `load` section of an experiment: a closed load's users, or an open load's arrivals.

May not know the rest of the experiment.
"""

from __future__ import annotations

from rig.config.document import Map, Node
from rig.config.findings import Finding, Place, ReadError
from rig.config.matrix import MOST_LOAD_WORKERS
from rig.config.readers import LONGEST_S, Keys, above_zero, duration, flag, whole, word
from rig.load.shape import PATTERNS
from rig.plan import NO_USERS, Arrivals, Load, Users

CLOSED, OPEN = "closed", "open"
_MOST_USERS = 1_000_000
_MOST_SEED = 10**12
_SHORTEST_RAMP_S = 1.0
_MOST_ARRIVALS = 100_000_000
_rate = above_zero(1e-6, 1e6)


def read_load(node: Node) -> Load:
    """The load; ReadError with all that is wrong with it."""
    keys = Keys(node)
    model = keys.get("model", word((CLOSED, OPEN)), Load.model)
    users = keys.get("users", _users, None)
    arrivals = keys.get("arrivals", _arrivals, None)
    steady_s = keys.need("steady", duration(zero=False))
    think_time_s = keys.get("think_time", duration(zero=True), Load.think_time_s)
    timeout_s = keys.get("timeout", duration(zero=False), Load.timeout_s)
    load_workers = keys.get("load_workers", whole(1, MOST_LOAD_WORKERS), Load.load_workers)
    raw = keys.get("raw", flag, Load.raw)
    assert isinstance(node, Map)
    keys.note(_against_the_model(node, model))
    if arrivals and steady_s is not None:
        keys.note(_too_many(arrivals, steady_s, node.entries["arrivals"].place))
    if arrivals and load_workers and arrivals.max_in_flight < load_workers:
        what = f"`max_in_flight` expects at least the {load_workers} of `load_workers`"
        keys.note([Finding(node.entries["arrivals"].place, what)])
    keys.close()
    return Load(
        users=users or NO_USERS,
        steady_s=steady_s,
        model=model,
        think_time_s=think_time_s,
        timeout_s=timeout_s,
        load_workers=load_workers,
        arrivals=arrivals,
        raw=raw,
    )


def _too_many(arrivals: Arrivals, steady_s: float, place: Place) -> list[Finding]:
    count = arrivals.per_s * (arrivals.ramp_s / 2 + steady_s)
    if count <= _MOST_ARRIVALS:
        return []
    what = f"`arrivals` makes {count:,.0f} requests in a trial, expected at most {_MOST_ARRIVALS:,}"
    return [Finding(place, what)]


def _against_the_model(node: Map, model: str) -> list[Finding]:
    """Keys that the model needs and lacks, or has no use for."""
    needs, refuses = {
        CLOSED: ("users", ("arrivals",)),
        OPEN: ("arrivals", ("users", "think_time")),
    }.get(model, ("", ()))
    found = [
        Finding(node.entries[key].place, f"`{key}` says nothing to a load of `model: {model}`")
        for key in refuses
        if key in node.entries
    ]
    if needs and needs not in node.entries:
        found.append(Finding(node.place, f"`{needs}` is missing in `load`"))
    return found


def _users(node: Node) -> Users:
    keys = Keys(node)
    start = keys.need("from", whole(1, _MOST_USERS))
    per_s = keys.need("per_s", _rate)
    end = keys.need("to", whole(1, _MOST_USERS))
    keys.close()
    if end < start:
        assert isinstance(node, Map)
        what = f"`to` expects at least the {start} of `from`, not {end}"
        raise ReadError(Finding(node.entries["to"].place, what))
    users = Users(start, per_s, end)
    if users.ramp_s > LONGEST_S:
        assert isinstance(node, Map)
        what = (
            f"`per_s` {per_s:g} takes longer than {LONGEST_S / 3600:g}h from {start} to {end} users"
        )
        raise ReadError(Finding(node.entries["per_s"].place, what))
    return users


def _arrivals(node: Node) -> Arrivals:
    keys = Keys(node)
    per_s = keys.need("per_s", _rate)
    pattern = keys.get("pattern", word(PATTERNS), Arrivals.pattern)
    most = keys.get("max_in_flight", whole(1, _MOST_USERS), Arrivals.max_in_flight)
    ramp_s = keys.get("ramp", duration(zero=False), Arrivals.ramp_s)
    seed = keys.get("seed", whole(0, _MOST_SEED), Arrivals.seed)
    if ramp_s is not None and ramp_s < _SHORTEST_RAMP_S:
        assert isinstance(node, Map)
        # Locust needs part of a second to begin: those arrivals would all be late
        what = f"`ramp` expects at least {_SHORTEST_RAMP_S:g}s"
        keys.note([Finding(node.entries["ramp"].place, what)])
    keys.close()
    return Arrivals(per_s, pattern, most, ramp_s, seed)
