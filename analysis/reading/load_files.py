"""The files of one load, read: completions, seconds and latencies.

May not know plans, verdicts or cells. docs/results-format.md describes the files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hdrh.histogram import HdrHistogram

from rig.disk.contents import rows
from rig.disk.histograms import new_histogram as new_histogram
from rig.disk.histograms import percentile_us, read_log
from rig.disk.rows import Completion as Completion
from rig.disk.rows import SecondRow, UnansweredRow
from rig.model import OUTCOME_OK, DamagedFile

STEADY = "steady"
TIMEOUT = "timeout"
"""The outcome of a request that the client gave up on."""

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Second:
    """What the users did in one second (or the part of it that lies in `phase`)."""

    second: int
    phase: str
    users: int
    """0 in an open load."""
    started: int
    in_flight: int
    dropped: int = 0


@dataclass(frozen=True)
class Unanswered:
    """A request in flight at the stop: its intended start, s since the load's, and its age."""

    started_s: float
    age_s: float
    first: bool
    """Whether its user had had no answer at all before."""


def read_seconds(path: Path) -> tuple[Second, ...]:
    """`seconds.csv`. DamagedFile, StorageError."""
    return tuple(
        Second(
            second=row.second,
            phase=row.phase,
            users=row.users or 0,
            started=row.started,
            in_flight=row.in_flight,
            dropped=row.dropped,
        )
        for row in _needed(path, rows(path, SecondRow))
    )


def read_unanswered(path: Path) -> tuple[Unanswered, ...]:
    """`unanswered.csv`. DamagedFile, StorageError."""
    return tuple(
        Unanswered(row.started_s, row.age_s, row.first == "1")
        for row in _needed(path, rows(path, UnansweredRow))
    )


def _needed(path: Path, found: tuple[Kind, ...] | None) -> tuple[Kind, ...]:
    if found is None:
        raise DamagedFile(f"{path} is missing")
    return found


def overdue_s(
    unanswered: Sequence[Unanswered],
    ramp_s: float,
    window_s: float,
    answered: HdrHistogram,
    given_up: HdrHistogram,
) -> tuple[float, ...]:
    """The ages of the requests without an answer that belong to the window's percentiles.

    Of those under way at the stop: whichever were so during all of the window, have waited longer
    than any of its correct answers (`answered`, in µs), are of users who never had an answer, or
    are old in a number that its answers do not explain. And all that the client gave up on
    (`given_up`, in µs). docs/method.md says why the others do not.
    """
    longest_s = answered.get_max_value() / 1e6 if answered.get_total_count() else 0.0
    old_s = min(longest_s, _stalled_s(unanswered, window_s, answered))
    at_stop = (
        request.age_s
        for request in unanswered
        if request.first or request.started_s < ramp_s or request.age_s > old_s
    )
    timed_out = (ms / 1000 for ms, count in counts_ms(given_up) for _ in range(count))
    return (*at_stop, *timed_out)


def _stalled_s(unanswered: Sequence[Unanswered], window_s: float, answered: HdrHistogram) -> float:
    """The 99th percentile, if more are older at the stop than ever were on average; or infinity.

    On average as many requests are older than t as the answers' times beyond t add up to, divided
    by the window (Little 1961, Operations Research 9). More by four standard deviations of a
    Poisson count, and three, is a stall.
    """
    if window_s <= 0 or not answered.get_total_count():
        return math.inf
    old_s = percentile_us(answered, 99) / 1e6
    beyond_s = sum(count * max(0.0, ms / 1000 - old_s) for ms, count in counts_ms(answered))
    expected = beyond_s / window_s
    older = sum(request.age_s > old_s for request in unanswered)
    return old_s if older > expected + 4 * math.sqrt(expected) + 3 else math.inf


def read_latencies(path: Path, phase: str = STEADY, outcome: str = OUTCOME_OK) -> HdrHistogram:
    """The merged histogram (µs) of one phase and outcome over all its seconds and routes."""

    def wanted(tag: str) -> bool:
        tag_phase, _, rest = tag.partition("|")
        return tag_phase == phase and rest.rpartition("|")[2] == outcome

    return read_log(path, wanted)


def counts_ms(histogram: HdrHistogram) -> tuple[tuple[float, int], ...]:
    """(ms, how many) of a histogram in µs, ascending, at the upper edges of its buckets."""
    return tuple(
        (
            histogram.get_highest_equivalent_value(histogram.get_value_from_index(index)) / 1000,
            count,
        )
        for index, count in enumerate(histogram.counts[:])
        if count
    )
