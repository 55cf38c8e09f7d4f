"""Each route of a target asked once, and what to mend where it answers otherwise than declared.

May not know how a target is started.
"""

from __future__ import annotations

import dataclasses
import time

from rig.backends import http
from rig.backends.base import ProcessHandle, RouteReply, log_errors
from rig.backends.expected import Response
from rig.backends.requests import NO_ROWS, Rows
from rig.plan import Plan, Route

CURES = {
    0: "look at its log: it ended, or takes too long",
    400: "the request it wants: `form` or `json` of the route; or ALLOWED_HOSTS",
    401: "a `session` that logs in, or a token in the route's `headers`",
    403: "a `session` that logs in and takes the CSRF token, or a view without them",
    404: "the route's `path`",
    405: "the route's `method`",
    415: "the body's kind: `form` or `json`",
    429: "its limit of requests, which a load would meet at once",
}
"""By status, where the status says it."""
SILENT_LOG = "the view; the app's log says nothing, so let its LOGGING print errors to the console"


def asked_once(
    url: str,
    plan: Plan,
    route: Route,
    app: ProcessHandle,
    unique: str = http.UNIQUE_OF_VERIFY,
    rows: Rows = NO_ROWS,
) -> RouteReply:
    """Asks as a user of the load does. `unique`: what stands in the places for it."""
    begun_s = time.perf_counter()
    exchange = http.verify(url, dataclasses.replace(plan, route_name=route.name), unique, rows)
    took_ms = 1000 * (time.perf_counter() - begun_s)
    answer = exchange.answer
    cure = _cure(route, answer, app) if exchange.wrong else ""
    size = len(answer.body)
    return RouteReply(route.name, answer.status, took_ms, size, exchange.wrong, cure)


def _cure(route: Route, answer: Response, app: ProcessHandle) -> str:
    if answer.status in route.statuses:
        return "the route's `answer`, or the view"
    if answer.status >= 500:
        errors = log_errors(app)
        return f"the view: {errors[-1]}" if errors else SILENT_LOG
    if answer.location:
        return f"ask where it leads, or say `status: {answer.status}`: {answer.location}"
    return CURES.get(answer.status, f"the route's `status`: {answer.status} is what came")
