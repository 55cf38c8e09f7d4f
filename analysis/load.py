"""The files of one load, read: completions, seconds and latencies.

May not know plans, verdicts or cells. docs/results-format.md describes the files.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from rig.model import OUTCOME_OK

STEADY = "steady"

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
    started: int
    in_flight: int


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
            users=int(line["users"]),
            started=int(line["started"]),
            in_flight=int(line["in_flight"]),
        )
        for line in _lines(path)
    )


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
