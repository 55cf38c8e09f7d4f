"""What a tab that is opened late has to be told: the events that make the page what it is. Pure."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rig.model import JSON

MOST_TRIALS = 5000
MOST_OF_A_TRIAL = 20_000
"""Events: of a longer load the first seconds are forgotten."""

SESSION, MATRIX, SKIPPED, ENDED, MESSAGE = "session", "matrix", "skipped", "ended", "message"
BEGAN, PHASE, SECOND, CPU, CONNECTIONS, OVER = (
    *("began", "phase", "second", "cpu", "connections", "over"),
)
_LASTING = {SKIPPED, ENDED, MESSAGE}
"""Each of these stays on the page; of all others but a trial's own the last one counts."""
_OF_THE_TRIAL = {PHASE, SECOND, CPU, CONNECTIONS}


@dataclass(frozen=True)
class Event:
    """Something that the page is told, as `page/live.js` takes it."""

    kind: str
    data: Mapping[str, JSON]

    def to_wire(self) -> bytes:
        """As a server-sent event (HTML standard, section 9.2)."""
        return f"event: {self.kind}\ndata: {json.dumps(self.data)}\n\n".encode()


class History:
    """The events so far, without those that later ones have overtaken."""

    def __init__(self) -> None:
        self._latest: dict[str, Event] = {}
        self._lasting: deque[Event] = deque(maxlen=MOST_TRIALS)
        self._of_the_trial: deque[Event] = deque(maxlen=MOST_OF_A_TRIAL)

    def add(self, event: Event) -> None:
        """Takes note of an event."""
        if event.kind in _LASTING:
            self._lasting.append(event)
        elif event.kind in _OF_THE_TRIAL:
            self._of_the_trial.append(event)
        else:
            self._latest[event.kind] = event
        if event.kind == BEGAN:
            self._of_the_trial.clear()

    def replay(self) -> Iterator[Event]:
        """Those from which a page begins anew, in an order that makes it what it was."""
        latest = self._latest
        yield from (latest[kind] for kind in (SESSION, MATRIX) if kind in latest)
        yield from self._lasting
        if BEGAN in latest:
            yield latest[BEGAN]
            yield from self._of_the_trial
        if OVER in latest:
            yield latest[OVER]
