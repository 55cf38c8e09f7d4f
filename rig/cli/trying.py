"""`runner.py try`: a target comes up once, and each of its routes is asked once.

For whoever writes a `target.yaml`: what a route answers, and for every failure what to mend. May
not know how a stack is started.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.backends.base import Backend, RouteReply
from rig.cli import roots
from rig.cli.place import cpus, run_on_backend
from rig.cli.terminal import Screen
from rig.config import find_target
from rig.factors import FACTORS, apply, bind
from rig.model import ExitCode, StackError, one_line
from rig.plan import Closed, Data, Draft, Load, Plan, Target, Users

POSTS, CPU_N = 100, 1000
WIDTHS = "{:<24} {:>6} {:>9} {:>10} {:>9}  {}"
WRONG_CHARS = 200


def try_target(name: str, backend: str, screen: Screen) -> int:
    """Says what each route answers; NO_STACK where one is not as declared."""
    beside = roots.others([Path.cwd()])
    target = find_target(name, own=roots.OWN, others=beside, routes_file=roots.ROUTES_FILE)
    plan = plan_for(target)
    return run_on_backend(backend, lambda chosen: _tried(plan, chosen, screen), lambda: [plan])


def plan_for(target: Target) -> Plan:
    """The smallest plan: one user, few rows, each factor at its default or at what it supports."""
    levels = {
        name: supported[0]
        for name, supported in target.supports.items()
        if FACTORS[name].default not in supported
    }
    load = Load(Closed(Users(1, 1, 1)), steady_s=1.0, load_workers=1)
    draft = Draft(target.name, _first_route(target), load=load, data=Data(POSTS, CPU_N))
    plan, _ = bind(apply(draft, levels), {target.name: target}, cpus())
    return plan


def _first_route(target: Target) -> str:
    return next(iter((*target.routes, *target.locustfiles)))


def _tried(plan: Plan, backend: Backend, screen: Screen) -> int:
    if reason := backend.unsupported_reason(plan):
        raise StackError(reason)
    screen.say_line(f"target {plan.target.name} on backend {backend.name}: starting it")
    with backend.up(plan) as stack:
        asked = stack.ask_routes()
    if not asked:
        screen.say_line("it starts; what its Locust file asks for, only a load shows")
        return ExitCode.OK
    for line in table(asked):
        screen.say_line(line)
    wrong = [one for one in asked if one.wrong]
    if wrong:
        screen.say_line(f"{len(wrong)} of {len(asked)} routes are not as target.yaml says")
        return ExitCode.NO_STACK
    screen.say_line(f"all {len(asked)} routes answer as target.yaml says")
    return ExitCode.OK


def table(replies: Sequence[RouteReply]) -> Iterator[str]:
    """A line for each route; below it, what is wrong and what to mend."""
    yield WIDTHS.format("route", "status", "ms", "statements", "bytes", "").rstrip()
    for one in replies:
        word = "as declared" if not one.wrong else "not as declared"
        sent = "?" if one.statements is None else one.statements
        took = f"{one.took_ms:.0f}"
        yield WIDTHS.format(one.route, one.status, took, sent, one.body_bytes, word)
        if one.wrong:
            yield f"  {one_line(one.wrong)[:WRONG_CHARS]}"
            yield f"  to mend: {one.cure}"
