"""What became of the requests that were sent in the steady window, from the files of one load.

The log has answers by the second in which they came. Where that leaves open whether one was sent
in the window, `seconds.csv` says how many of them were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from rig.disk.contents import rows
from rig.disk.hdr import tag_of
from rig.disk.histograms import Counts as Counts
from rig.disk.histograms import lowest_us, read_lines
from rig.disk.rows import Completion, SecondRow, UnansweredRow
from rig.model import OUTCOME_OK, DamagedFile

Row = TypeVar("Row")

STEADY = "steady"
TIMEOUT = "timeout"
"""The outcome of a request that the client gave up on."""


class Answers(NamedTuple):
    """A line of `latencies.hlog`: what came in one second, by its tag `phase|route|outcome`."""

    tag: str
    second: int
    counts: Counts


@dataclass(frozen=True)
class RawLoad:
    """The files of one load that tell of its requests, each read once."""

    completions: Sequence[Completion]
    seconds: Sequence[SecondRow]
    unanswered: Sequence[UnansweredRow]
    answers: Sequence[Answers]
    """Of the steady window, and what came after it."""


@dataclass(frozen=True)
class Sent:
    """The requests meant for one steady window, or for several."""

    answered: Counts = ()
    """Response times of the correct answers: of those of the window's first answers that may have
    been sent before it, the fastest were not."""
    slowest: Counts = ()
    """The same, had the slowest not been."""
    failed: Counts = ()
    """How long those took that failed otherwise."""
    given_up: Counts = ()
    """How long the client waited for those it gave up on."""
    waiting_us: Sequence[int] = ()
    """Ages of those in flight at the stop, ascending."""
    dropped: int = 0
    """Arrivals that were never sent."""

    @property
    def ended(self) -> Counts:
        """How long those took that are not under way any more, whatever became of them."""
        return _counts(dict(self.answered), dict(self.failed), dict(self.given_up))

    @property
    def unanswered(self) -> int:
        """Sent, and without an answer."""
        return len(self.waiting_us) + sum(count for _, count in self.given_up)


class _Open(NamedTuple):
    """Answers of which it is open whether they were sent in the window."""

    before: bool
    """Whether some may have been sent before it."""
    us: int
    outcome: str
    answers: int


class _Ended(NamedTuple):
    """By outcome, µs and how many; those that are open, and how many of them were in the window."""

    surely: Mapping[str, Mapping[int, int]]
    unclear: Sequence[_Open]
    left: int


def read_raw(folder: Path, completions: Sequence[Completion]) -> RawLoad:
    """The files beside `completions`, all of which must be there. DamagedFile, StorageError."""
    return RawLoad(
        completions,
        needed_rows(folder / "seconds.csv", SecondRow),
        needed_rows(folder / "unanswered.csv", UnansweredRow),
        tuple(Answers(*line) for line in read_lines(folder / "latencies.hlog", _is_later)),
    )


def sent_from(raw: RawLoad, ramp_s: float) -> Sent:
    """The requests sent from `ramp_s` on, to the end."""
    waiting_us = sorted(round(1e6 * row.age_s) for row in raw.unanswered if row.started_s >= ramp_s)
    steady = [row for row in raw.seconds if row.phase == STEADY]
    ended = sum(row.started for row in steady) - len(waiting_us)
    found = _ended(raw, ramp_s, ended)
    fastest = _chosen(found, sorted(found.unclear))
    slowest = _chosen(found, sorted(found.unclear, key=lambda one: (one.before, -one.us)))
    others = (of for outcome, of in fastest.items() if outcome not in (OUTCOME_OK, TIMEOUT))
    return Sent(
        _counts(fastest.get(OUTCOME_OK, {})),
        _counts(slowest.get(OUTCOME_OK, {})),
        failed=_counts(*others),
        given_up=_counts(fastest.get(TIMEOUT, {})),
        waiting_us=tuple(waiting_us),
        dropped=sum(row.dropped for row in steady),
    )


def read_sent(folder: Path, ramp_s: float) -> Sent:
    """The same from a load's folder. DamagedFile, StorageError."""
    completions = needed_rows(folder / "completions.csv", Completion)
    return sent_from(read_raw(folder, completions), ramp_s)


def together(parts: Iterable[Sent]) -> Sent:
    """Several windows as one."""
    every = list(parts)
    return Sent(
        _counts(*(dict(one.answered) for one in every)),
        _counts(*(dict(one.slowest) for one in every)),
        _counts(*(dict(one.failed) for one in every)),
        _counts(*(dict(one.given_up) for one in every)),
        tuple(sorted(us for one in every for us in one.waiting_us)),
        sum(one.dropped for one in every),
    )


def needed_rows(path: Path, kind: type[Row]) -> tuple[Row, ...]:
    """The rows of a table that must be there. DamagedFile, StorageError."""
    found = rows(path, kind)
    if found is None:
        raise DamagedFile(f"{path} is missing")
    return found


def _counts(*parts: Mapping[int, int]) -> Counts:
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return tuple(sorted(total.items()))


def _ended(raw: RawLoad, ramp_s: float, ended: int) -> _Ended:
    """What ended from `ramp_s` on, of which `ended` were sent from then on, too."""
    spans = _spans(raw.completions)
    surely: dict[str, Counter[int]] = {}
    unclear: list[_Open] = []
    for tag, second, counts in raw.answers:
        outcome = tag.rpartition("|")[2]
        first_s, last_s = spans.get((second, tag), (second, second + 1.0))
        slowest_us = counts[-1][0] if counts else 0
        if slowest_us / 1e6 <= first_s - ramp_s:
            surely.setdefault(outcome, Counter()).update(dict(counts))
            continue
        for us, count in counts:
            if lowest_us(us) / 1e6 <= last_s - ramp_s:
                unclear.append(_Open(us / 1e6 > first_s - ramp_s, us, outcome, count))
    left = ended - sum(of.total() for of in surely.values())
    return _Ended(surely, unclear, left)


def _chosen(ended: _Ended, unclear: Sequence[_Open]) -> Mapping[str, Mapping[int, int]]:
    """The first of `unclear`, as many as were sent in the window, and what surely was."""
    found = {outcome: Counter(of) for outcome, of in ended.surely.items()}
    left = ended.left
    for one in unclear:
        taken = max(0, min(left, one.answers))
        found.setdefault(one.outcome, Counter())[one.us] += taken
        left -= taken
    return {outcome: +of for outcome, of in found.items()}


def _is_later(tag: str) -> bool:
    return not tag.startswith("ramp|")


def _spans(completions: Iterable[Completion]) -> dict[tuple[int, str], tuple[float, float]]:
    """When the first and the last answer of each line of the log came."""
    return {
        (row.second, tag_of(row.phase, row.route, row.outcome)): (row.first_s, row.last_s)
        for row in completions
    }
