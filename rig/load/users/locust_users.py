"""Users who send with Locust's own client: the reference beside the rig's own.

Loaded where `load.client` is `locust`. May not know the load's beginning or end.
"""

from __future__ import annotations

from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, constant, task
from locust.exception import StopUser

from rig.load.alarms import alarms
from rig.load.http import outcome
from rig.load.http.request import origin_of, request_of
from rig.load.http.words import NOTHING, UNIQUE
from rig.load.process import FINAL_REPORT_DEADLINE_S, MODEL, SPEC, LoadClock, is_over, recorder
from rig.load.shape import Arrivals, Closed, Open
from rig.load.users import client
from rig.model import OUTCOME_OK

client.patch_client()
(ASKED,) = SPEC.requests
REQUEST = request_of(ASKED, origin_of(SPEC.target_url))
PATH = REQUEST.target_of(NOTHING)
HEADERS = REQUEST.sent_headers({UNIQUE: ""})  # which stands in the body alone, with this client
HEADERS.pop("Content-Length", None)  # the client's own
if "accept-encoding" not in map(str.lower, HEADERS):
    HEADERS["Accept-Encoding"] = "identity"  # or it would ask for gzip
ARRIVALS = MODEL.arrivals if isinstance(MODEL, Open) else Arrivals(1.0)


class _Sender(FastHttpUser):
    """Sends one request and records what became of it."""

    abstract = True
    host = SPEC.target_url
    network_timeout = SPEC.timeout_s
    connection_timeout = SPEC.timeout_s
    max_redirects = 0  # an answer is what its route says, and sent for once
    wait_time = constant(MODEL.think_time_s if isinstance(MODEL, Closed) else 0.0)

    def _send(self, intended_s: float | None = None, first: bool = False) -> bool:
        """Whether a whole answer came back, right or wrong."""
        if is_over(LoadClock.elapsed_s()):
            return False
        at_s, route = LoadClock.elapsed_s(), SPEC.route
        number = recorder.start(at_s, intended_s=intended_s, first=first, route=route)
        content = _content(f"{self.environment.runner.worker_index}-{number}")
        with self.client.request(
            ASKED.method, PATH, name=SPEC.route, catch_response=True, **content
        ) as response:
            at_s = LoadClock.elapsed_s()
            broken = outcome.of_broken(response.request_meta["exception"])
            if not response.status_code:
                result = outcome.of_error(response.error)
            elif broken:
                result = broken
            else:
                kind = response.headers.get("content-type", "")
                body = response.content or b""
                result = outcome.of_answer(response.status_code, ASKED.statuses, kind, body)
            recorder.finish(number, at_s, SPEC.route, result)
            if result == OUTCOME_OK:
                response.success()
            else:
                response.failure(result)
            return bool(response.status_code) and broken is None


def _content(unique: str) -> dict[str, Any]:
    """What is sent: the same as with the rig's own client, but for what Locust's adds to it."""
    return {"data": REQUEST.body_of({UNIQUE: unique}) or None, "headers": HEADERS}


class LocustUser(_Sender):
    """One user of a closed load: sends, waits for the answer, thinks, sends again."""

    answered = False

    @task
    def request(self) -> None:
        if is_over(LoadClock.elapsed_s()):
            raise StopUser
        self.answered = self._send(first=not self.answered) or self.answered


class LocustArrivals(_Sender):
    """An open load, one of these in each load worker: a greenlet for every arrival.

    They share a pool of connections, as if they came through one proxy: an idle one is
    used again, and there may be as many as there may be requests in flight.
    """

    concurrency = ARRIVALS.max_in_flight

    def on_start(self) -> None:
        self._under_way = Group()

    def on_stop(self) -> None:
        self._under_way.kill(block=False)

    @task
    def arrive(self) -> None:
        index = self.environment.runner.worker_index
        most = ARRIVALS.share(index, SPEC.load_workers)
        at_s = 0.0
        for intended_s in ARRIVALS.of(index, SPEC.load_workers):
            # all that are due by then begin after one wait
            if intended_s > at_s:
                alarms().wait_until(LoadClock.at_s + intended_s)
                at_s = LoadClock.elapsed_s()
                if is_over(at_s):
                    break
            if len(self._under_way) < most:
                self._under_way.spawn(self._send, intended_s)
            else:
                recorder.drop(intended_s)
        # stays until it is stopped, so that its requests may still be answered meanwhile
        gevent.sleep(FINAL_REPORT_DEADLINE_S + SPEC.timeout_s)
