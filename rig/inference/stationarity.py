"""Was a window long enough, and steady enough, for its response times to mean anything?

Pure numbers in, a word out.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from rig.disk.rows import SecondRow
from rig.inference.survival import kaplan_meier
from rig.model import Between, Count, LengthS

Requests = Annotated[float, Between(-(10**9), 10**9)]

MOST_LITTLE = 1.1
"""Users under way ÷ (rate × response time), above which a window knows too few of them."""
DRIFT = 0.1
ALL_THE_TIME = 0.95
DEVIATIONS = 3.0


class State(enum.StrEnum):
    """What may be said of a window's response times."""

    STEADY = "steady"
    VARIES = "varies"
    """Requests in flight come and go by chance: those of now say little of those before."""
    DRIFT = "drift"
    """Response time or requests in flight differ between the first and the last third."""
    UNSETTLED = "unsettled"
    """A closed load before one round: its users wait for longer than the window can tell."""
    OVERLOAD = "overload"
    """An open load of which more arrives than is answered, all the time."""


@dataclass(frozen=True)
class Third:
    """A third of a window, by whole seconds; the middle one has the rest."""

    seconds: Count
    offered: Count
    """Requests begun, and arrivals dropped."""
    finished: Count
    """Requests that ended, correct or not."""
    in_flight: Requests
    """Mean over the ends of its seconds."""


@dataclass(frozen=True)
class Window:
    """The steady window of one load."""

    users: Count | None
    """The most at a time; None in an open load."""
    seconds: LengthS
    finished: Count
    in_flight: Requests
    """Mean over the ends of its seconds."""
    response_s: LengthS
    """Mean until the end of a request sent in the window, as far as the window can tell."""
    thirds: tuple[Third, ...] = ()
    """Three, or none below 3 whole seconds."""


def window_of(
    rows: Sequence[SecondRow],
    ended_us: Iterable[tuple[int, int]],
    waiting_us: Sequence[int],
    ramp_s: float,
    duration_s: float,
) -> Window:
    """From `seconds.csv`, and the times of the requests sent in the window: ended, and waiting."""
    steady = [row for row in rows if row.phase == "steady"]
    users = [row.users for row in steady if row.users is not None]
    return Window(
        users=max(users) if users else None,
        seconds=duration_s - ramp_s,
        finished=sum(row.finished for row in steady),
        in_flight=sum(row.in_flight for row in steady) / max(1, len(steady)),
        response_s=kaplan_meier(ended_us, waiting_us).mean / 1e6,
        thirds=tuple(_thirds(steady, math.ceil(ramp_s), math.floor(duration_s))),
    )


def _thirds(steady: Sequence[SecondRow], begins: int, ends: int) -> Iterator[Third]:
    third = (ends - begins) // 3
    if third < 1:
        return
    edges = (begins, begins + third, ends - third, ends)
    for first, end in itertools.pairwise(edges):
        rows = [row for row in steady if first <= row.second < end]
        yield Third(
            seconds=end - first,
            offered=sum(row.started + row.dropped for row in rows),
            finished=sum(row.finished for row in rows),
            in_flight=sum(row.in_flight for row in rows) / (end - first),
        )


def users_rest(window: Window) -> bool:
    """Whether users of a closed load are not under way all the time, as they think."""
    return window.users is not None and window.in_flight < ALL_THE_TIME * window.users


def littles_ratio(window: Window) -> float | None:
    """Users under way ÷ (rate × response time): 1 in a steady state. None in an open load.

    Little 1961, Operations Research 9.
    """
    if window.users is None:
        return None
    explained = _explained(window)
    return window.in_flight / explained if explained else math.inf if window.in_flight else 1.0


def _explained(window: Window) -> float:
    """Requests under way that the rate and the response times account for."""
    return window.finished * window.response_s / window.seconds if window.seconds else 0.0


def _unsettled(window: Window) -> bool:
    """More users wait than answers account for, by more than `MOST_LITTLE` and by chance."""
    explained = _explained(window)
    chance = DEVIATIONS * math.sqrt(explained / max(1.0, window.seconds))
    return window.in_flight > max(MOST_LITTLE * explained, explained + chance)


def state_of(window: Window) -> State:
    """The first that holds of: unsettled, overload, drift, varies; else steady.

    Below 3 whole seconds nothing shows that it was steady: drift.
    """
    if window.users is not None and _unsettled(window):
        return State.UNSETTLED
    if window.users is None and _overloaded(window):
        return State.OVERLOAD
    if drifts(window) or not window.thirds:
        return State.DRIFT
    return State.VARIES if _varies(window) else State.STEADY


def _varies(window: Window) -> bool:
    """Whether a load is open, or its requests in flight are not as many in each third."""
    counts = [third.in_flight for third in window.thirds]
    return window.users is None or max(counts) > (1 + DRIFT) * min(counts)


def _overloaded(window: Window) -> bool:
    """More offered than finished in each third by more than chance, and in all by more than two.

    Chance: the standard deviation of a difference of two Poisson counts.
    """
    gaps = [
        (third.offered - third.finished) / math.sqrt(max(1, third.offered + third.finished))
        for third in window.thirds
    ]
    offered = sum(third.offered for third in window.thirds)
    finished = sum(third.finished for third in window.thirds)
    together = (offered - finished) / math.sqrt(max(1, offered + finished))
    return bool(gaps) and min(gaps) > 1 and together > 2


def drifts(window: Window) -> tuple[str, ...]:
    """What differs between the first and the last third by more than 10 % and by chance."""
    if not window.thirds:
        return ()
    first, _, last = window.thirds
    found = []
    reach = DEVIATIONS * math.sqrt(max(0.0, first.in_flight + last.in_flight))
    if _differ(first.in_flight, last.in_flight, reach):
        found.append("requests in flight")
    first_s, last_s = _response_s(first), _response_s(last)
    if first_s is None or last_s is None:
        return (*found, "response time")
    chance = DEVIATIONS * math.sqrt(sum(_variance(third, window.users) for third in (first, last)))
    if _differ(first_s, last_s, chance * (first_s + last_s) / 2):
        found.append("response time")
    return tuple(found)


def _response_s(third: Third) -> float | None:
    """In flight ÷ rate (Little 1961): of all that were under way, not of those that came back."""
    return third.in_flight * third.seconds / third.finished if third.finished else None


def _variance(third: Third, users: int | None) -> float:
    """Of its response time, relative to it squared: by chance of its answers and of its seconds.

    A request is under way at a second's end or not: Poisson's of an open load, binomial of users.
    """
    idle = 1.0 if users is None else max(0.0, 1 - third.in_flight / max(1, users))
    under_way = idle / third.in_flight if third.in_flight > 0 else math.inf
    return 1 / max(1, third.finished) + under_way


def _differ(first: float, last: float, chance: float) -> bool:
    return abs(last - first) > max(DRIFT * (first + last) / 2, chance)
