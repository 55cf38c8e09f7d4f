"""Did the window last long enough, and stay as it was, for response times to be known?"""

from __future__ import annotations

from rig.inference.stationarity import (
    MOST_LITTLE,
    State,
    Window,
    drifts,
    littles_ratio,
    state_of,
)
from rig.model import Status
from rig.record import Check, Record

NAME = "stationarity"
FINE = (State.STEADY, State.VARIES)


def stationarity(record: Record) -> Check:
    """Warns where percentiles are bounds at best: Little's law, overload, drift."""
    window = record.load.window
    if window is None:
        return Check(NAME, Status.UNKNOWN, "no window was recorded", needs="the load's files")
    state = state_of(window)
    message = _message(window, state, littles_ratio(window))
    return Check(NAME, Status.PASS if state in FINE else Status.WARN, message)


def _message(window: Window, state: State, ratio: float | None) -> str:
    law = "" if ratio is None else f"; users under way ÷ (rate × response time) is {ratio:.3g}"
    if state is State.UNSETTLED:
        return f"its users wait for longer than it can tell{law}, above {MOST_LITTLE:g}"
    if state is State.OVERLOAD:
        offered, finished = (
            sum(getattr(third, name) for third in window.thirds) for name in ("offered", "finished")
        )
        return f"{offered} requests were offered and {finished} ended: response times keep growing"
    if not window.thirds:
        return "a window of less than 3 s shows no drift"
    if state is State.DRIFT:
        what = " and ".join(drifts(window))
        return f"{what} of the last third differ from the first third's by more than 10 %{law}"
    return f"response time and requests in flight stayed within 10 %, or within chance{law}"
