"""What a load cannot send of what its targets' routes, mixes and Locust files want. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rig.config.document import Map
from rig.config.findings import Finding, Place
from rig.config.load import ClosedLoad, OpenLoad
from rig.config.locustfile import THINKS
from rig.load.http.values import PER_USER
from rig.load.http.words import UNIQUE, USER, words_in
from rig.load.spec import LOCUST
from rig.plan import Cell, Route, Steps, Target


def unsendable(
    root: Map,
    load: ClosedLoad | OpenLoad,
    cells: Sequence[Cell],
    targets: Mapping[str, Target],
) -> Iterator[Finding]:
    """A finding for each route or mix of the cells that this load cannot send."""
    closed = load if isinstance(load, ClosedLoad) else None
    thinks = closed is not None and closed.think_time > 0
    in_steps = closed is not None and isinstance(closed.users, Steps)
    asked = dict.fromkeys((str(it.levels["target"]), str(it.levels["route"])) for it in cells)
    for target_name, name in asked:
        target = targets.get(target_name)
        if target is None or not target.serves(name):
            continue
        called = f"{name} of target {target_name}"
        if in_steps and name in target.locustfiles:
            what = f"users of {called}, a Locust file, would leave without their answers"
            do = "give `load.users` a `from`, `per_s` and `to`"
            yield Finding(_place(root, "users"), what, do, once=True)
        if load.client == LOCUST and (why := _of_plain_alone(target, name)):
            what = f"`client: locust` cannot send {called}, which has {why}"
            yield Finding(_place(root, "client"), what, "say `client: plain` in `load`", once=True)
        if thinks and name in target.locustfiles:
            do = f"leave it out: {THINKS}"
            what = f"`think_time` says nothing to {called}"
            yield Finding(_place(root, "think_time"), what, do, once=True)
        if closed is None and (why := _of_users(target, name)):
            what = f"`model: open` has no users to send {called}, which has {why}"
            yield Finding(_place(root, "model"), what, "say `model: closed`", once=True)


def _place(root: Map, key: str) -> Place:
    """Where the load says it, else where the load stands."""
    entry = root.entries["load"]
    section = entry.node.entries if isinstance(entry.node, Map) else {}
    return section[key].place if key in section else entry.place


def _of_plain_alone(target: Target, name: str) -> str:
    """What only the rig's own client can do; empty for nothing."""
    if name in target.locustfiles:
        return ""
    if name in target.mixes:
        return "several routes"
    if target.session_of(name):
        return "a session"
    route = target.routes[name]
    if route.values:
        return "values"
    if route.always:
        return "`always`, for which every answer is looked at"
    if _words(route) - {UNIQUE}:
        return "words"
    beside = {
        word for said in (route.path, route.headers, route.cookies) for word in words_in(said)
    }
    return "`{unique}` outside its body" if UNIQUE in beside else ""


def _of_users(target: Target, name: str) -> str:
    """What only a closed load's users can do; empty for nothing."""
    if name in target.locustfiles:
        return "users of its own"
    if target.session_of(name):
        return "a session"
    mix = target.mixes.get(name)
    if mix and mix.think:
        return "a `think_time`"
    routes = target.routes_of(name)
    if any(one.order == PER_USER for route in routes for one in route.values.values()):
        return "values of each user"
    return "a user's `{n}`" if any(USER in _words(route) for route in routes) else ""


def _words(route: Route) -> set[str]:
    said = (route.path, route.form, route.json, route.body, route.headers, route.cookies)
    return {word for one in said for word in words_in(one)} & {UNIQUE, USER}
