"""What client, target and database each counted of one load: the ledger's part of a Record.

Pure. May not know how anything was counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rig.model import Count


@dataclass(frozen=True)
class TableRows:
    """Rows of one table. `per_request`: what the request that verified the route added to it."""

    per_request: int
    before: Count
    after: Count

    @property
    def added(self) -> int:
        """By the load; below 0 where rows were taken away."""
        return self.after - self.before


ONCE_PER_APP_WORKER = 20
"""Statements that an app worker may send once, to fill caches of its own."""


@dataclass(frozen=True)
class StatementFacts:
    """SQL statements of the app over the load, as pg_stat_statements counted them by their text.

    BEGIN, COMMIT, SET and the like are not counted.
    """

    calls: Count = 0
    """All of them, those of the rig's own verifying requests included."""
    of_connections: Count = 0
    """Those that opening or checking a connection sends, or that read like one of them."""
    nested: Count = 0
    """Beside those: statements inside others, as of functions, foreign keys and cursors."""
    evicted: Count = 0
    """Times that texts were forgotten for want of room: then there were more than was counted."""
    commonest: Mapping[str, Count] = field(default_factory=dict)
    """Calls by text, of the commonest few that requests sent."""
    why: str = ""
    """Why none were counted; empty where they were."""

    @property
    def certain(self) -> int:
        """Those that requests sent, whatever a connection may have cost."""
        return self.calls - self.of_connections


@dataclass(frozen=True)
class RouteAnswers:
    """Answers to one route of a mix, over the whole load."""

    ok: Count = 0
    failed: Count = 0


@dataclass(frozen=True)
class LedgerFacts:
    """What client, target and database each counted, over the whole load.

    Counted from a baseline after `verify`, and after the users' sessions, until the app is gone and
    its database sessions have ended. None where the target lacks the power to be counted.
    """

    rows_before: int | None = None
    rows_after: int | None = None
    rows_of_successes: int | None = None
    """Rows that name a request which succeeded."""
    successes_without_row: int = 0
    rows_of_failures: Mapping[str, int] = field(default_factory=dict)
    """Rows that name a request which failed, by its failure class."""
    rows_of_unanswered: int = 0
    rows_twice: int = 0
    """Rows that name a request which another row names, too."""
    rows_foreign: int = 0
    """Rows that name a request which was never sent."""
    statements: int | None = None
    """Scans of the target's table, as Postgres counted them; older sessions only."""
    counted: StatementFacts | None = None
    """None in older sessions."""
    tables: Mapping[str, TableRows] = field(default_factory=dict)
    """By table; empty in older sessions."""
    answers: Mapping[str, RouteAnswers] = field(default_factory=dict)
    """Of a mix, by route."""
    wrote: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of a mix, by route: rows that the request which verified it added, by table."""
    naming: tuple[str, ...] = ()
    """Routes of a mix whose requests leave a row that names them."""
    names_requests: bool = True
    """Whether the row of a verifying request names it, as those of the load's then do."""
    transactions: int = 0
    """Of the target's database, log-ins included."""
    sessions: int = 0
    """Connections to the target's database."""
    verifying_requests: int = 0
    """Requests of the rig's own, before the load, that the counters hold as well."""
    answered_by_target: int | None = None
    """Correct answers, as the target itself counted them; those are taken out of it."""
    postgres_restarted: bool = False
    fingerprint_before: str = ""
    fingerprint_after: str = ""
    """Of the schema: tables, columns, indices, triggers."""
