"""Percentiles of the requests sent in a window: a number where it is known, bounds where not.

Pure numbers in, numbers out. May not know files, cells or verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.inference import Second, ranks_around, scatter_of
from rig.disk.histograms import lowest_us
from rig.disk.sent import Counts, Sent
from rig.inference.stationarity import State, Window, users_rest
from rig.inference.survival import Survival, kaplan_meier
from rig.model import nearest_rank

BEYOND = 5
"""So many requests must lie beyond a percentile for it to be more than one user's luck."""
TOLERANCE = 0.05
"""How far from the truth a percentile may be that is given as a number."""
MEDIAN = 0.5
DEVIATIONS = 3.0
"""Of what requests still under way can change: so far an estimate must hold."""


GOES_ON = (State.STEADY, State.VARIES)
"""Windows after which the same may be expected to come."""


@dataclass(frozen=True)
class ResponseTimes:
    """The requests sent in a window, or in several of one cell; times in µs."""

    known: Counts
    """Ascending: each at its response time, or at the age at which it was last seen without."""
    answered: Counts
    """Where it is open which were sent in the window, the slowest."""
    fast: Survival
    slow: Survival
    """Where it is open: of the fastest, and of the slowest."""
    requests: int
    """Answered or still without an answer; dropped ones included, failed ones not."""
    dropped: int
    state: State

    def bounds_ms(self, share: float) -> tuple[float | None, float | None]:
        """A lower and an upper bound of a percentile, equal where it is known to `TOLERANCE`.

        No upper bound: None. (None, None): the sample cannot carry it, nothing is known of it, or
        the load is in overload, so that it has none.
        """
        rank = nearest_rank(self.requests, share)
        if self.requests - rank < BEYOND or self.state is State.OVERLOAD:
            return None, None
        lower, upper = self._extremes(rank)
        if lower is None:
            return None, None
        if self.state is State.UNSETTLED:
            return _lower_ms(lower), None
        close = upper is not None and upper <= (1 + TOLERANCE) * lower
        point = upper if lower == upper else self._estimate(share) or (upper if close else None)
        if point is not None:
            return point / 1000, point / 1000
        return _lower_ms(lower), None if upper is None else upper / 1000

    def interval_ms(
        self, share: float, by_second: Sequence[Counts]
    ) -> tuple[float | None, float | None]:
        """Where a percentile lies that is a number, with 95 %, were the load to go on.

        `by_second`: of one window's correct answers, `telling`. (None, None): no number, or no
        interval.
        """
        lower, upper = self.bounds_ms(share)
        if lower is None or lower != upper or self.state not in GOES_ON:
            return None, None
        # the median's scatter, too: a tail that happened to be calm would look better known
        scatters = [self._scatter(one, by_second) for one in {MEDIAN, share}]
        known = [one for one in scatters if one is not None]
        around = ranks_around(share, self.requests, max(known, default=0.0))
        if len(known) < len(scatters) or around is None:
            return None, None
        low, high = (self._at(one)[side] for side, one in enumerate(around))
        if low is None or high is None:
            return None, None
        at_us = round(1000 * lower)
        return _lower_ms(min(low, at_us)), max(high, at_us) / 1000

    def _scatter(self, share: float, by_second: Sequence[Counts]) -> float | None:
        """How much more than by chance the share of answers within it differs between seconds."""
        at_ms, _ = self.bounds_ms(share)
        if at_ms is None:
            return None
        at_us = round(1000 * at_ms)
        seconds = [
            Second(sum(n for _, n in counts), sum(n for us, n in counts if us <= at_us))
            for counts in by_second
        ]
        return scatter_of(share, seconds)

    def _at(self, share: float) -> tuple[int | None, int | None]:
        """A percentile at least, and at most; by Kaplan and Meier where the window was steady."""
        if self.state is not State.STEADY:
            return self._extremes(nearest_rank(self.requests, share))
        low, high = self.fast.quantile(share), self.slow.quantile(share)
        return None if low is None else round(low), None if high is None else round(high)

    def _extremes(self, rank: int) -> tuple[int | None, int | None]:
        """Each request without an answer has it now; or never. A dropped one: at once; or never."""
        lower = _ranked(self.known, rank - self.dropped) if rank > self.dropped else None
        return lower, _ranked(self.answered, rank)

    def _estimate(self, share: float) -> float | None:
        """Kaplan and Meier's, where the window was steady and the estimate is close enough."""
        sent = self.requests - self.dropped
        if self.state is not State.STEADY or not sent:
            return None
        least, most = (share * self.requests - self.dropped) / sent, share * self.requests / sent
        low, high = (
            self.fast.around(least, DEVIATIONS)[0],
            self.slow.around(most, DEVIATIONS)[1],
        )
        point = self.slow.quantile(most)
        if low is None or high is None or point is None:
            return None
        close = point <= (1 + TOLERANCE) * low and high <= (1 + TOLERANCE) * point
        return point if close else None


def telling(by_second: Sequence[Counts], window: Window) -> Sequence[Counts]:
    """The seconds, if their scatter tells how well percentiles are known.

    Not of users who think: they stay in the step in which they began, for minutes of a regular
    server, so that seconds differ by less than loads that began otherwise.
    """
    return () if users_rest(window) else by_second


def response_times(sent: Sent, state: State) -> ResponseTimes:
    """What `sent` says in a window of that state."""
    given_up = [us for us, count in sent.given_up for _ in range(count)]
    without = sorted([*sent.waiting_us, *(lowest_us(us) for us in given_up)])
    answers = sum(count for _, count in sent.answered)
    return ResponseTimes(
        known=sorted([*sent.answered, *((us, 1) for us in without)]),
        answered=sent.slowest,
        fast=kaplan_meier(sent.answered, without),
        slow=kaplan_meier(sent.slowest, without),
        requests=answers + len(without) + sent.dropped,
        dropped=sent.dropped,
        state=state,
    )


def _lower_ms(us: int) -> float:
    """As a lower bound: the lower edge of its bucket, for nobody may have waited to the upper."""
    return lowest_us(us) / 1000


def _ranked(counts: Counts, rank: int) -> int | None:
    """The value of that rank; None beyond the last."""
    for us, count in counts:
        rank -= count
        if rank <= 0:
            return us
    return None
