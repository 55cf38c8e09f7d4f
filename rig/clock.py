"""One clock for a session, on however many machines it is measured. Pure.

Session time is the load master's CLOCK_MONOTONIC. Each machine counts that from its own start, so
that whoever notes times elsewhere (a load worker, an observer) has an offset to it, which is
measured by asking for the time and waiting for the answer. May not know how a clock is read, nor
how a question travels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from rig.model import Between

_MOST_S = 10**10
"""No machine has run for longer; a damaged file may say so."""
OffsetS = Annotated[float, Between(-_MOST_S, _MOST_S)]
UncertaintyS = Annotated[float, Between(0, _MOST_S)]


@dataclass(frozen=True)
class RoundTrip:
    """One question for the time: sent and answered by the asker's clock, `there_s` by the other."""

    sent_s: float
    there_s: float
    answered_s: float

    @property
    def took_s(self) -> float:
        """From question to answer."""
        return self.answered_s - self.sent_s


@dataclass(frozen=True)
class ClockOffset:
    """How far another clock is ahead of the session's, in s, and how well that is known."""

    offset_s: OffsetS = 0.0
    """As measured before the load; all times are told by it."""
    uncertainty_s: UncertaintyS = 0.0
    """The true offset is within this of it, at that moment."""
    drift_s: OffsetS | None = None
    """How much further ahead it was after the load; None where it was not asked again."""

    def there_s(self, session_s: float) -> float:
        """A moment of the session on the other clock."""
        return session_s + self.offset_s

    def session_s(self, there_s: float) -> float:
        """A moment of the other clock in session time."""
        return there_s - self.offset_s

    def measured_again(self, after: ClockOffset) -> ClockOffset:
        """With the drift that a second measurement shows."""
        return dataclasses.replace(self, drift_s=after.offset_s - self.offset_s)

    def inverse(self) -> ClockOffset:
        """The same where the other end asked."""
        return dataclasses.replace(self, offset_s=-self.offset_s)


def offset_of(trips: Sequence[RoundTrip]) -> ClockOffset:
    """How far the clock that was asked is ahead of the asker's, by the fastest of the round trips.

    The other clock's time is taken for the middle of the round trip, and cannot be further from
    it than half of it, however unequal the two ways are: Cristian 1989, Distributed Computing 3,
    p. 146-158. ValueError without a round trip.
    """
    fastest = min(trips, key=lambda trip: trip.took_s)
    middle_s = fastest.sent_s + fastest.took_s / 2
    return ClockOffset(fastest.there_s - middle_s, fastest.took_s / 2)
