"""The files of one load, read: completions, seconds and latencies.

May not know plans, verdicts or cells. docs/results-format.md describes the files.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from rig.disk.hdr import new_histogram as new_histogram
from rig.disk.histograms import counts_us, read_log
from rig.disk.rows import Completion as Completion
from rig.disk.sent import STEADY as STEADY
from rig.disk.sent import Counts, RawLoad
from rig.model import OUTCOME_OK


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


def seconds_of(raw: RawLoad) -> tuple[Second, ...]:
    """What the users did, second by second."""
    return tuple(
        Second(
            second=row.second,
            phase=row.phase,
            users=row.users or 0,
            started=row.started,
            in_flight=row.in_flight,
            dropped=row.dropped,
        )
        for row in raw.seconds
    )


def read_latencies(path: Path, phase: str = STEADY, outcome: str = OUTCOME_OK) -> HdrHistogram:
    """The merged histogram (µs) of one phase and outcome over all its seconds and routes."""
    return read_log(path, lambda tag: _is_of(tag, phase, outcome))


def _is_of(tag: str, phase: str, outcome: str) -> bool:
    tag_phase, _, rest = tag.partition("|")
    return tag_phase == phase and rest.rpartition("|")[2] == outcome


def by_second(raw: RawLoad) -> tuple[Counts, ...]:
    """Response times of the window's correct answers, by the second in which they came."""
    seconds: dict[int, Counter[int]] = {}
    for tag, second, counts in raw.answers:
        if _is_of(tag, STEADY, OUTCOME_OK):
            seconds.setdefault(second, Counter()).update(dict(counts))
    return tuple(tuple(sorted(seconds[second].items())) for second in sorted(seconds))


def counts_ms(histogram: HdrHistogram) -> tuple[tuple[float, int], ...]:
    """(ms, how many) of a histogram in µs, ascending, at the upper edges of its buckets."""
    return tuple((us / 1000, count) for us, count in counts_us(histogram))
