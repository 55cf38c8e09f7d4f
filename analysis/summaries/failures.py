"""Failures by the layer that refused, what went on when the first of each class came, and why.

Pure. May not know files, verdicts or cells.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.reading.load_files import Completion, Second
from analysis.reading.probe_samples import Sample
from analysis.reading.role_logs import Logged
from rig.record import ProbeFacts

KILLED = "app_worker_killed"
UNNAMED = "app_error"
"""What is counted where the app answers 5xx and says no more."""
SILENT = "the app's log has no traceback; its LOGGING may print errors to the console"
BROKEN = ("connection_reset", "connection_refused", "kept_connection_closed")
"""What a load worker sees of a killed app worker; it cannot know why."""

PROBED_EVERY_S = 1.0
"""At most: sessions of before were looked at each second, later ones a little more often."""
CONNECTIONS_WITHIN_S = 5.0


@dataclass(frozen=True)
class Failure:
    """One class of one trial. None: nobody counted it."""

    name: str
    count: int
    first_s: float
    """When the first came, s since the load's start; the rest is of that moment."""
    users: int | None = None
    in_flight: int | None = None
    connections: tuple[int | None, int | None] = (None, None)
    """Of all clients to Postgres, those still logging in among them (they hold a slot, too), at
    the last sample before and the first one after: a probe that looks every second or so sees
    what lies between at neither."""


def attributed_to_worker_ends(
    completions: Iterable[Completion], ends_s: Sequence[float]
) -> list[Completion]:
    """The completions, with broken connections laid to the app workers that ended just then.

    `ends_s`: when app workers were last seen, s since the load's start. One that was looked at
    every second ended within the next, and its connections break by then: only a line of
    `completions.csv` whose first and last failure both lie between a second before the last
    sight and two after it is laid to it. Its requests cannot be told one by one.
    """

    def by_kill(one: Completion) -> bool:
        return one.outcome in BROKEN and any(
            end_s - PROBED_EVERY_S <= one.first_s and one.last_s <= end_s + 2 * PROBED_EVERY_S
            for end_s in ends_s
        )

    return [
        dataclasses.replace(one, outcome=KILLED) if by_kill(one) else one for one in completions
    ]


def failures(
    completions: Iterable[Completion],
    seconds: Sequence[Second],
    connections: Sequence[Sample] = (),
) -> tuple[Failure, ...]:
    """A Failure per class, the earliest first; of equals by name."""
    counts: dict[str, int] = {}
    firsts_s: dict[str, float] = {}
    for one in completions:
        if not one.ok:
            counts[one.outcome] = counts.get(one.outcome, 0) + one.count
            firsts_s[one.outcome] = min(one.first_s, firsts_s.get(one.outcome, one.first_s))
    found = []
    for name, first_s in sorted(firsts_s.items(), key=lambda item: (item[1], item[0])):
        # a second that the ramp ends in stands twice: the later line is as good
        at = [second for second in seconds if second.second == int(first_s)]
        users = at[-1].users if at else None
        in_flight = at[-1].in_flight if at else None
        held = _around(connections, first_s)
        found.append(Failure(name, counts[name], first_s, users, in_flight, held))
    return tuple(found)


def _around(samples: Sequence[Sample], at_s: float) -> tuple[int | None, int | None]:
    near = sorted(
        (one.at_s, one.value) for one in samples if abs(one.at_s - at_s) <= CONNECTIONS_WITHIN_S
    )
    before = [value for sample_s, value in near if sample_s <= at_s]
    after = [value for sample_s, value in near if sample_s > at_s]
    return (before[-1] if before else None, after[0] if after else None)


def reasons(found: Sequence[Failure], logged: Logged, probes: ProbeFacts) -> tuple[str, ...]:
    """Why the app answered 5xx, a line each; empty where it did not.

    The app alone knows which request met which refusal: that both happened is all that is said.
    """
    if not any(failure.name == UNNAMED for failure in found):
        return ()
    return tuple(f"{UNNAMED}: {line}" for line in [*_reasons(logged, probes)] or [SILENT])


def _reasons(logged: Logged, probes: ProbeFacts) -> Iterator[str]:
    refused = f"5xx of the app, while Postgres refused {_most(logged.refusals, 'connections')}"
    if logged.refusals:
        yield refused.replace(": sorry, ", ": ") + _held(probes)
    if logged.pooler_refusals:
        yield f"5xx of the app, while PgBouncer refused {_most(logged.pooler_refusals, 'clients')}"
    if logged.statement_errors:
        said = _most(logged.statement_errors, "statements")
        yield f"5xx of the app, while Postgres refused {said}"
    if logged.exceptions:
        yield f"the app's log tells of {_most(logged.exceptions, 'exceptions')}"


def _most(told: Mapping[str, int], what: str) -> str:
    """How many there were, and the words of the most frequent."""
    total = sum(told.values())
    text, count = next(iter(told.items()), ("", 0))
    times = f" ({count} times)" if count < total else ""
    return f"{total} {what if total != 1 else what[:-1]}: {text}{times}"


def _held(probes: ProbeFacts) -> str:
    """How close the app came to Postgres's cap."""
    app, cap = probes.postgres_app_sessions_max, probes.postgres_max_connections
    return f"; the app held {app} of {cap} at most" if app is not None and cap is not None else ""
