"""A few requests without any load: how long one takes, and how fast short bursts drain.

Runs in a load worker's host instead of Locust, with plain sockets and threads: nothing here is
counted, and nothing else is under way. Two delays tell service time and round trips apart.
"""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from rig.load.request import fill
from rig.model import Between

Ms = Annotated[float, Between(0, 10**9)]

DEADLINE_S = 60.0
SETTLED_SHARE, SETTLED_BURSTS_SHARE = 0.2, 0.05
"""Times in a row have settled whose longest is above the shortest by this share at most."""
MOST_REQUESTS, WARM_UPS_S = 45, 3.0
"""At most so many requests, or so long, until their times have settled."""
BURSTS, SETTLED_BURSTS = 9, 3
"""At most so many bursts; fewer once so many in a row have settled."""


@dataclass(frozen=True)
class UnloadedRequest:
    """What to ask of one route.

    `servers`: how many requests the target can have in work. `requests`: how many of them count.
    `bursts_s`: no further burst begins after this.
    """

    route: str
    method: str
    path: str
    status: int
    form: Mapping[str, str]
    json: Any
    servers: int
    requests: int
    burst: int
    bursts_s: float


@dataclass(frozen=True)
class UnloadedResult:
    """What came back of one route; it has no figures where any answer was `wrong`."""

    wrong: tuple[str, ...]
    response_ms: tuple[Ms, ...] = ()
    bursts_ms: tuple[Ms, ...] = ()
    """From the first request of each burst to its last answer; none where they are simulated."""
    interval_ms: Ms | None = None
    """Mean time between answers while all servers are busy."""

    @property
    def tells(self) -> bool:
        """Whether it has figures, or a reason why it has none."""
        return bool(self.wrong or (self.response_ms and self.interval_ms is not None))

    def to_json(self) -> dict[str, Any]:
        """As it stands in `scout.json`."""
        if self.wrong:
            return {"wrong": self.wrong}
        figures: dict[str, Any] = {"response_ms": self.response_ms}
        if self.bursts_ms:
            figures["bursts_ms"] = self.bursts_ms
        return {**figures, "interval_ms": self.interval_ms, "wrong": ()}


@dataclass(frozen=True)
class UnloadedResults:
    """What came back of all routes of one stack at one delay, as measured."""

    delay_ms: Ms
    routes: Mapping[str, UnloadedResult]

    def to_json(self) -> dict[str, Any]:
        """As it stands in a session's `scout.json`."""
        routes = {route: result.to_json() for route, result in self.routes.items()}
        return {"delay_ms": self.delay_ms, "routes": routes}


@dataclass(frozen=True)
class ScoutSpec:
    """The JSON file of a load worker's host that asks without load."""

    target_url: str
    scout: tuple[UnloadedRequest, ...]


def run(spec: ScoutSpec, out: Path) -> None:
    """Runs every request against `target_url`; writes `scout.json`: each result, by route."""
    url = urlsplit(spec.target_url)
    address = (str(url.hostname), int(url.port or 80))
    found: dict[str, UnloadedResult] = {}
    for unloaded_request in spec.scout:
        try:
            found[unloaded_request.route] = _run(unloaded_request, address)
        except (OSError, http.client.HTTPException) as error:
            found[unloaded_request.route] = UnloadedResult((f"{type(error).__name__}: {error}",))
    scratch = out / "scout.json.part"
    scratch.write_text(json.dumps({route: one.to_json() for route, one in found.items()}))
    scratch.replace(out / "scout.json")


def _run(unloaded_request: UnloadedRequest, address: tuple[str, int]) -> UnloadedResult:
    client = _Client(unloaded_request, address)
    took_s, wrong = _asked(client, unloaded_request.requests)
    client.close()
    bursts_s, burst_wrong = _bursts(unloaded_request, address)
    wrong += burst_wrong
    if wrong:
        return UnloadedResult(tuple(sorted(set(wrong))))
    interval = interval_s(
        statistics.median(bursts_s),
        statistics.median(took_s),
        unloaded_request.burst,
        unloaded_request.servers,
    )
    return UnloadedResult(
        wrong=(),
        response_ms=tuple(round(1000 * seconds, 3) for seconds in took_s),
        bursts_ms=tuple(round(1000 * seconds, 3) for seconds in bursts_s),
        interval_ms=round(1000 * interval, 4),
    )


def _asked(client: _Client, requests: int) -> tuple[list[float], list[str]]:
    """How long each of the last requests took, in s, once the target is warm; what was wrong."""
    took_s: list[float] = []
    stop_s = time.monotonic() + WARM_UPS_S
    while len(took_s) < requests or (
        not _settled(took_s[-requests:], SETTLED_SHARE)
        and len(took_s) < MOST_REQUESTS
        and time.monotonic() < stop_s
    ):
        one_s, wrong = client.ask()
        if wrong:
            return took_s, [wrong]
        took_s.append(one_s)
    return took_s[-requests:], []


def _more(bursts_s: Sequence[float]) -> bool:
    """Whether another burst would tell something."""
    last_s = bursts_s[-SETTLED_BURSTS:]
    settled = len(last_s) == SETTLED_BURSTS and _settled(last_s, SETTLED_BURSTS_SHARE)
    return len(bursts_s) < BURSTS and not settled


def _settled(times_s: Sequence[float], share: float) -> bool:
    return max(times_s) <= (1 + share) * min(times_s)


def interval_s(burst_s: float, response_s: float, burst: int, servers: int) -> float:
    """Mean time between answers while all servers are busy: 1 ÷ capacity.

    The last of a burst of k requests on c servers lands one response time plus (k - c) intervals
    after its start. So too where c requests share one event loop: they land together at the end,
    and only the end tells.
    """
    if burst <= servers:
        raise ValueError("a burst needs more requests than there are servers")
    return max(0.0, burst_s - response_s) / (burst - servers)


class _Client:
    """One user's connection, kept or made anew as the server wants it."""

    def __init__(
        self, unloaded_request: UnloadedRequest, address: tuple[str, int], name: str = "scout"
    ) -> None:
        self._unloaded_request, self._name = unloaded_request, name
        self._connection = http.client.HTTPConnection(*address, timeout=DEADLINE_S)
        self._asked = 0

    def ask(self) -> tuple[float, str]:
        """Seconds until the whole answer was here, and what is wrong with it."""
        unloaded_request = self._unloaded_request
        self._asked += 1
        # no load worker's name: the ledger must not take these rows for the load's
        body, headers = body_of(unloaded_request, f"{self._name}-{self._asked}-")
        begun_s = time.monotonic()
        self._connection.request(unloaded_request.method, unloaded_request.path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        took_s = time.monotonic() - begun_s
        wrong = "" if answer.status == unloaded_request.status else f"status {answer.status}"
        return took_s, wrong

    def close(self) -> None:
        self._connection.close()


def body_of(unloaded_request: UnloadedRequest, unique: str) -> tuple[bytes | None, dict[str, str]]:
    """A request's body and its headers."""
    if unloaded_request.json is not None:
        body = json.dumps(fill(unloaded_request.json, unique)).encode()
        return body, {"Content-Type": "application/json"}
    if unloaded_request.form:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return urlencode(fill(dict(unloaded_request.form), unique)).encode(), kind
    return None, {}


def _bursts(
    unloaded_request: UnloadedRequest, address: tuple[str, int]
) -> tuple[list[float], list[str]]:
    """As many users at once, a request each, several times: s from first to last, what was wrong.

    Each asks once before, so that a connection which the server keeps is there by then, as it is
    for the single requests.
    """
    clients = [
        _Client(unloaded_request, address, f"burst-{number}")
        for number in range(unloaded_request.burst)
    ]
    bursts_s: list[float] = []
    with ThreadPoolExecutor(unloaded_request.burst) as users:

        def all_ask() -> tuple[float, list[str]]:
            start = threading.Barrier(unloaded_request.burst)

            def user(client: _Client) -> tuple[float, float, str]:
                start.wait(DEADLINE_S)
                begun_s = time.monotonic()
                _, wrong = client.ask()
                return begun_s, time.monotonic(), wrong

            answers = list(users.map(user, clients))
            begun_s, end_s = min(it[0] for it in answers), max(it[1] for it in answers)
            return end_s - begun_s, [wrong for _, _, wrong in answers if wrong]

        try:
            _, wrong = all_ask()
            stop_s = time.monotonic() + unloaded_request.bursts_s
            while not wrong and (not bursts_s or (_more(bursts_s) and time.monotonic() < stop_s)):
                took_s, wrong = all_ask()
                bursts_s.append(took_s)
        except (OSError, http.client.HTTPException, threading.BrokenBarrierError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        finally:
            for client in clients:
                client.close()
    return bursts_s, wrong
