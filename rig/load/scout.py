"""A few requests without any load: how long one takes, and how fast short bursts drain.

Runs in a load worker's host instead of Locust, with plain sockets and threads: nothing here is
counted, and nothing else is under way. Two delays tell service time and round trips apart.
"""

from __future__ import annotations

import json
import secrets
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from rig.load.http.answer import NoAnswer
from rig.load.http.asked import MOST_USERS, RouteRequest
from rig.load.http.exchange import Blocking, Connection
from rig.load.http.origin import Place, resolved
from rig.load.http.outcome import wrong_with
from rig.load.http.request import origin_of
from rig.load.http.sessions import Session, SessionFailed
from rig.load.http.visitor import Prepared, Visitor, prepared, prepared_session
from rig.model import Between

Ms = Annotated[float, Between(0, 10**9)]

DEADLINE_S = 60.0
SETTLED_SHARE, SETTLED_BURSTS_SHARE = 0.2, 0.05
"""Times in a row have settled whose longest is above the shortest by this share at most."""
MOST_REQUESTS, WARM_UPS_S = 45, 3.0
"""At most so many requests, or so long, until their times have settled."""
POSITIONS = 1000
"""Of values: how many each user has to itself before it meets another's."""
BURSTS, SETTLED_BURSTS = 9, 3
"""At most so many bursts; fewer once so many in a row have settled."""


@dataclass(frozen=True)
class UnloadedRequest:
    """What to ask of one route.

    `servers`: how many requests the target can have in work. `requests`: how many of them count.
    `bursts_s`: no further burst begins after this.
    """

    request: RouteRequest
    servers: int
    requests: int
    burst: int
    bursts_s: float
    session: Session | None = None
    """What each of its users does first."""
    users: int = MOST_USERS
    """So many are known to the target: those of a burst may be fewer than its requests."""

    @property
    def route(self) -> str:
        """The route's name; `mix/route` where it is asked as users of a mix ask."""
        return self.request.route

    @property
    def served_as(self) -> str:
        """The route or the mix of the target that it belongs to."""
        return self.route.partition("/")[0]

    def with_rows(self, rows: Mapping[str, tuple[str | int, ...]]) -> UnloadedRequest:
        """The same, with what the database gave for each query."""
        session = self.session.with_rows(rows) if self.session else None
        return replace(self, request=self.request.with_rows(rows), session=session)


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
    ca: str = ""
    """Who vouches for the target over TLS (PEM)."""


def run(spec: ScoutSpec, out: Path) -> None:
    """Runs every request against `target_url`; writes `scout.json`: each result, by route."""
    found: dict[str, UnloadedResult] = {}
    origin = origin_of(spec.target_url, spec.ca)
    visits: Visits = {}
    for number, unloaded_request in enumerate(spec.scout):
        name = f"{secrets.token_hex(3)}x{number}"
        try:
            found[unloaded_request.route] = _run(
                _Asker(unloaded_request, resolved(origin), name, visits)
            )
        except (NoAnswer, SessionFailed) as error:
            found[unloaded_request.route] = UnloadedResult((str(error),))
    scratch = out / "scout.json.part"
    scratch.write_text(json.dumps({route: one.to_json() for route, one in found.items()}))
    scratch.replace(out / "scout.json")


class _Visit:
    """One user: its connection, kept or made anew as the server wants it; what its session took."""

    def __init__(self, place: Place, number: int, session: Session | None) -> None:
        self.connection = Connection(place, Blocking())
        self.visitor = Visitor(self.connection, number, prepared_session(session, place.origin))
        self._begun = False

    def begin(self, name: str) -> None:
        """Its session, unless it is past it. SessionFailed."""
        if not self._begun:
            self.visitor.begin(name, lambda: time.monotonic() + DEADLINE_S, lambda: None)
            self._begun = True


Visits = dict[tuple[str, int, int], _Visit]
"""By session, position among the users and the user's number: a login may cost the target more
than all requests after it, so routes that begin with the same session share its users."""


@dataclass(frozen=True)
class _Asker:
    """What to ask, and whom. `name`: nobody else's, in this run or any other on the same rows."""

    unloaded_request: UnloadedRequest
    place: Place
    name: str
    visits: Visits

    def user(self, position: int) -> _User:
        """A user with a connection of its own."""
        asked, session = self.unloaded_request.request.endless(), self.unloaded_request.session
        of_session = session.most_users if session else MOST_USERS
        number = 1 + position % min(self.unloaded_request.users, asked.most_users, of_session)
        visit = _Visit(self.place, number, session.endless() if session else None)
        if session:
            visit = self.visits.setdefault((session.name, position, number), visit)
        # no load worker's name: the ledger must not take these rows for the load's
        return _User(
            prepared(asked, self.place.origin, session is not None),
            visit,
            position,
            f"scout{self.name}x{position}x",
        )


def _run(asker: _Asker) -> UnloadedResult:
    unloaded_request, alone = asker.unloaded_request, asker.user(0)
    try:
        took_s, wrong = _timed(alone, unloaded_request.requests)
    finally:
        alone.close()
    bursts_s, burst_wrong = _bursts(asker)
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


def _timed(user: _User, requests: int) -> tuple[list[float], list[str]]:
    """How long each of the last requests took, in s, once the target is warm; what was wrong."""
    took_s: list[float] = []
    stop_s = time.monotonic() + WARM_UPS_S
    while len(took_s) < requests or (
        not _settled(took_s[-requests:], SETTLED_SHARE)
        and len(took_s) < MOST_REQUESTS
        and time.monotonic() < stop_s
    ):
        one_s, wrong = user.ask()
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


class _User:
    """One user of a route. Its values are its own, by its `position` among the users."""

    def __init__(self, request: Prepared, visit: _Visit, position: int, name: str) -> None:
        self._request, self._visit = request, visit
        self._first, self._name, self._sent = position * POSITIONS, name, 0

    def ask(self) -> tuple[float, str]:
        """Seconds until the whole answer was here, and what is wrong with it.

        NoAnswer; SessionFailed where its user's session does.
        """
        self._visit.begin(self._name)
        visitor = self._visit.visitor
        self._sent += 1
        position = 1 + self._first + self._sent
        request, unique = self._request, f"{self._name}{self._sent}"
        message = visitor.message(request, unique, position)
        begun_s = time.monotonic()
        deadline_s = begun_s + DEADLINE_S
        answer = self._visit.connection.ask(
            message, deadline_s, request.is_head, request.right_status, request.most_kept_bytes
        )
        took_s = time.monotonic() - begun_s
        visitor.answered(request, answer)
        if answer.status not in request.route_request.statuses:
            return took_s, f"status {answer.status}"
        if always := request.route_request.always:
            said = visitor.filling(request, unique, position)
            return took_s, wrong_with(answer.answer(), always, said)
        return took_s, ""

    def close(self) -> None:
        self._visit.connection.close()


def _bursts(asker: _Asker) -> tuple[list[float], list[str]]:
    """As many users at once, a request each, several times: s from first to last, what was wrong.

    Each asks once before, so that a connection which the server keeps is there by then, as it is
    for the single requests.
    """
    unloaded_request = asker.unloaded_request
    clients = [asker.user(number) for number in range(1, unloaded_request.burst + 1)]
    bursts_s: list[float] = []
    with ThreadPoolExecutor(unloaded_request.burst) as users:

        def all_ask() -> tuple[float, list[str]]:
            start = threading.Barrier(unloaded_request.burst)

            def user(client: _User) -> tuple[float, float, str]:
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
        except (NoAnswer, SessionFailed) as error:
            wrong = [str(error)]
        except threading.BrokenBarrierError:
            wrong = ["not all users of a burst were there in time"]
        finally:
            for client in clients:
                client.close()
    return bursts_s, wrong
