"""What a database would count of a simulated load: what was answered correctly, and no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rig.backends.fake.users import RoutesAsked
from rig.evidence.ledger import (
    Contents,
    Counters,
    CountsAfter,
    CountsBefore,
    Statement,
    Statements,
    Written,
)
from rig.load.counting.recorder import ranges
from rig.load.counting.report import FinalCount
from rig.plan import Ledger, Plan, Route


def counts(
    plan: Plan, left: Mapping[str, FinalCount], asked: RoutesAsked
) -> tuple[CountsBefore, CountsAfter]:
    """A database that has written and read for every correct answer, and for no other."""
    posts, ledger = plan.data.posts, plan.target.counted or Ledger()
    routes = {route.name: route for route in plan.routes}
    naming = [name for name, route in routes.items() if ledger.table and route.may_name_rows]
    numbers, answers = {}, Counter[str]()
    for load_worker, told in left.items():
        spoilt = [pair for pairs in told.not_ok.values() for pair in pairs]
        bad = {number for first, last in spoilt for number in range(first, last + 1)}
        good = {n: asked[int(load_worker), n] for n in range(1, told.highest + 1) if n not in bad}
        answers.update(good.values())
        numbers[load_worker] = ranges(n for n, name in good.items() if name in naming)
    wrote = {
        name: {table: _adds(route, table) for table in ledger.counted}
        for name, route in routes.items()
    }
    verifying = 0 if plan.session else 1
    seeded = dict.fromkeys(ledger.counted, posts)
    verified = {table: sum(of[table] for of in wrote.values()) for table in seeded}
    written = {
        table: posts + sum(of[table] * answers[name] for name, of in wrote.items())
        for table in seeded
    }
    sent = sum((it.statements or 0) * (answers[name] + verifying) for name, it in routes.items())
    counters = Counters(transactions=0, sessions=0, postgres_started_at="simulated")
    before = CountsBefore(
        counters,
        verifying_requests=verifying * len(routes),
        contents=_contents(seeded),
        unverified={name: rows - verified[name] for name, rows in seeded.items()},
        names_requests=bool(naming),
        wrote=wrote if plan.mix else {},
        naming=tuple(naming) if plan.mix else (),
        by_target=dict.fromkeys(routes, 1),
    )
    return before, CountsAfter(
        counters=counters,
        contents=_contents(written),
        by_target={name: 1 + answers[name] for name in routes},
        written=Written(numbers, rows_twice=0) if naming else None,
        statements=Statements((Statement("SELECT simulated", sent, nested=False),)),
    )


def _adds(route: Route, table: str) -> int:
    """Rows that a request adds to a table."""
    says = route.writes
    return int(table in says if isinstance(says, tuple) else route.may_name_rows)


def _contents(tables: Mapping[str, int]) -> Contents:
    return Contents(sum(tables.values()) if tables else None, "simulated", tables)
