"""The `load` section of an experiment: a closed load's users, or an open load's arrivals.

May not know the rest of the experiment.
"""

from __future__ import annotations

from rig.config.document import Map, Node
from rig.config.findings import Finding, ReadError
from rig.config.matrix import MOST_LOAD_WORKERS
from rig.config.readers import Keys, above_zero, duration, flag, whole, word
from rig.load.shape import PATTERNS
from rig.plan import NO_USERS, Arrivals, Load, Users

CLOSED, OPEN = "closed", "open"
_MOST_USERS = 1_000_000
_MOST_SEED = 10**12
_SHORTEST_RAMP_S = 1.0


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
    per_s = keys.need("per_s", above_zero)
    end = keys.need("to", whole(1, _MOST_USERS))
    keys.close()
    if end < start:
        assert isinstance(node, Map)
        what = f"`to` expects at least the {start} of `from`, not {end}"
        raise ReadError(Finding(node.entries["to"].place, what))
    return Users(start, per_s, end)


def _arrivals(node: Node) -> Arrivals:
    keys = Keys(node)
    per_s = keys.need("per_s", above_zero)
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
