"""The files of one load, read: completions, seconds and latencies.

May not know plans, verdicts or cells. docs/results-format.md describes the files.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from rig.model import OUTCOME_OK

STEADY = "steady"
TIMEOUT = "timeout"
"""The outcome of a request that the client gave up on."""

LOWEST_US, HIGHEST_US, DIGITS = 1, 3_600_000_000, 3


@dataclass(frozen=True)
class Completion:
    """The answers of one outcome in one second; instants in s since the load's start."""

    second: int
    phase: str
    route: str
    outcome: str
    count: int
    first_s: float
    last_s: float

    @property
    def ok(self) -> bool:
        """Whether these answers were correct."""
        return self.outcome == OUTCOME_OK


@dataclass(frozen=True)
class Second:
    """What the users did in one second (or the part of it that lies in `phase`)."""

    second: int
    phase: str
    users: int
    """0 in an open load."""
    started: int
    in_flight: int
    planned_users: int = 0
    """0 in an open load, and where an older file does not say."""
    finished: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Unanswered:
    """A request in flight at the stop: its intended start, s since the load's, and its age."""

    started_s: float
    age_s: float
    first: bool = False
    """Whether its user had had no answer at all before."""


def read_completions(path: Path) -> tuple[Completion, ...]:
    """`completions.csv`; OSError, KeyError or ValueError where it is not one."""
    return tuple(
        Completion(
            second=int(line["second"]),
            phase=line["phase"],
            route=line["route"],
            outcome=line["outcome"],
            count=int(line["count"]),
            first_s=float(line["first_s"]),
            last_s=float(line["last_s"]),
        )
        for line in _lines(path)
    )


def read_seconds(path: Path) -> tuple[Second, ...]:
    """`seconds.csv`; OSError, KeyError or ValueError where it is not one."""
    return tuple(
        Second(
            second=int(line["second"]),
            phase=line["phase"],
            users=int(line["users"] or 0),
            started=int(line["started"]),
            in_flight=int(line["in_flight"]),
            planned_users=int(line.get("planned_users") or 0),
            finished=int(line.get("finished") or 0),
            dropped=int(line.get("dropped") or 0),
        )
        for line in _lines(path)
    )


def read_unanswered(path: Path) -> tuple[Unanswered, ...]:
    """`unanswered.csv`, which schema 1 did not have; OSError, KeyError or ValueError as above."""
    if not path.exists():
        return ()
    return tuple(
        Unanswered(float(line["started_s"]), float(line["age_s"]), line.get("first") == "1")
        for line in _lines(path)
    )


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
    old_s = answered.get_value_at_percentile(99) / 1e6
    beyond_s = sum(count * max(0.0, ms / 1000 - old_s) for ms, count in counts_ms(answered))
    expected = beyond_s / window_s
    older = sum(request.age_s > old_s for request in unanswered)
    return old_s if older > expected + 4 * math.sqrt(expected) + 3 else math.inf


def read_latencies(path: Path, phase: str = STEADY, outcome: str = OUTCOME_OK) -> HdrHistogram:
    """The merged histogram (µs) of one phase and outcome over all its seconds and routes."""
    merged = new_histogram()
    with path.open(encoding="ascii") as file:
        for line in file:
            if not line.startswith("Tag="):
                continue
            tag, *_, payload = line.rstrip("\n").removeprefix("Tag=").split(",")
            tag_phase, _, rest = tag.partition("|")
            if tag_phase == phase and rest.rpartition("|")[2] == outcome:
                merged.decode_and_add(payload)
    return merged


def counts_ms(histogram: HdrHistogram) -> tuple[tuple[float, int], ...]:
    """(ms, how many) of a histogram in µs, ascending, at the upper edges of its buckets."""
    return tuple(
        (
            histogram.get_highest_equivalent_value(histogram.get_value_from_index(index)) / 1000,
            count,
        )
        for index, count in enumerate(histogram.counts)
        if count
    )


def new_histogram() -> HdrHistogram:
    """An empty histogram with the bounds and digits that the recorder uses."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS)


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
