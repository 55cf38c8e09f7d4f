"""One user: its number, its cookies, what its session took, and each request's bytes for it.

The same for the load, the scout and `verify`. May not know how it waits, nor what is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rig.load.http.answer import ANY_STATUS, MOST_KEPT_BYTES, Answer, NoAnswer, Reader
from rig.load.http.asked import RouteRequest
from rig.load.http.cookies import Cookies
from rig.load.http.exchange import Connection
from rig.load.http.request import JAR_LINE, JAR_MORE, Origin, Prebuilt, request_of
from rig.load.http.sessions import MOST_TAKEN_BYTES, Session, SessionFailed, Take, taken
from rig.load.http.words import UNIQUE, USER, Filling

MOST_LOOKED_AT_BYTES = 16 << 20
"""Of an answer that is looked at; what stands beyond it is not found."""


@dataclass(frozen=True)
class Prepared:
    """A request made ready for all users."""

    route_request: RouteRequest
    prebuilt: Prebuilt
    is_head: bool
    url: str
    """Whose cookies are sent with it."""
    right_status: int
    """Whose body need not be kept; ANY_STATUS where each answer is looked at."""
    most_kept_bytes: int


def prepared(route: RouteRequest, origin: Origin, keeps_cookies: bool = False) -> Prepared:
    """The request to an origin. BadRequest where it cannot be sent."""
    request = request_of(route, origin, keeps_cookies)
    host = {name.lower(): value for name, value in route.headers.items()}.get("host")
    url = f"{origin.scheme}://{host or origin.authority}{route.path}"
    kept = (route.statuses[0], MOST_KEPT_BYTES)
    if route.always:
        kept = (ANY_STATUS, MOST_LOOKED_AT_BYTES)
    return Prepared(route, request.prebuilt(), request.is_head, url, *kept)


@dataclass(frozen=True)
class PreparedSession:
    """A session made ready for all users."""

    name: str
    steps: Sequence[tuple[Prepared, Sequence[Take]]]


def prepared_session(session: Session | None, origin: Origin) -> PreparedSession | None:
    """The session's requests to an origin. BadRequest where one cannot be sent."""
    if session is None:
        return None
    steps = [(prepared(step.request, origin, True), step.takes) for step in session.steps]
    return PreparedSession(session.name, steps)


class Visitor:
    """One user over one connection. `number`: from 1 on."""

    __slots__ = ("_bound", "_connection", "_cookies", "_session", "_words", "number")

    def __init__(
        self, connection: Connection, number: int, session: PreparedSession | None = None
    ) -> None:
        self._connection, self.number, self._session = connection, number, session
        self._cookies = Cookies(behind_tls=True)
        self._words: dict[str, str | int] = {USER: number}
        self._bound: dict[str, Prebuilt] = {}

    @property
    def keeps_cookies(self) -> bool:
        """Whether cookies stay with it."""
        return self._session is not None

    @property
    def session(self) -> str:
        """The name of what it does first; empty for nothing."""
        return self._session.name if self._session else ""

    def begin(self, unique: str, deadline_s: Callable[[], float], sent: Callable[[], None]) -> None:
        """Its session, anew. SessionFailed says at which step; RanOut.

        `sent` is called for each request.

        `unique`: what stands for `{unique}` in its steps, each of which adds its number;
        `deadline_s`: gives that of the next step, on CLOCK_MONOTONIC.
        """
        if self._session is None:
            return
        self._cookies = Cookies(behind_tls=True)
        for number, (step, takes) in enumerate(self._session.steps, 1):
            route = step.route_request
            says = f"session {self._session.name}, step {number}, {route.method} {route.path}"
            self._words |= route.values_at(self.number - 1, self.number)
            try:
                message = self._bind(step).of(f"{unique}s{number}")
                sent()
                reader = self._connection.ask(
                    message, deadline_s(), step.is_head, ANY_STATUS, MOST_TAKEN_BYTES
                )
            except NoAnswer as error:
                raise SessionFailed(f"{says}: {error.outcome}") from error
            answer = reader.answer()
            if reader.sets_cookies:
                self._keep(step, answer)
            if answer.status not in route.statuses:
                right = " or ".join(map(str, route.statuses))
                raise SessionFailed(f"{says}: status {answer.status} instead of {right}")
            self._take(takes, answer, says)
        self._bound.clear()

    def _take(self, takes: Sequence[Take], answer: Answer, says: str) -> None:
        mine = {cookie.name: cookie.value or "" for cookie in self._cookies.jar}
        for take in takes:
            value = taken(take, answer, mine)
            if value is None:
                what = f"no {take.kind} {take.name!r} in its answer"
                raise SessionFailed(f"{says}: {what}, status {answer.status}")
            self._words[take.word] = value

    def message(self, request: Prepared, unique: str, position: int) -> bytes:
        """One request's bytes. `position`: its place among the route's requests. RanOut."""
        values = request.route_request.values_at(position, self.number)
        return self.bound(request).of(unique, values)

    def bound(self, request: Prepared) -> Prebuilt:
        """A request with all that this user's have alike, until its cookies change. RanOut."""
        return self._bound.get(request.route_request.route) or self._bind(request)

    def filling(self, request: Prepared, unique: str, position: int) -> Mapping[str, object]:
        """What stands for each place of a request, at its position among the route's. RanOut."""
        values = request.route_request.values_at(position, self.number)
        return {**self.said(request, unique, values), **self._jar(request)}

    def said(self, request: Prepared, unique: str, values: Mapping[str, object]) -> Filling:
        """What stands for each word of a request, and of its answer. `values`: of its position."""
        own = request.route_request.own_values(self.number)
        return {UNIQUE: unique, **self._words, **own, **values}

    def answered(self, request: Prepared, reader: Reader) -> None:
        """Keeps the cookies that an answer sets."""
        if self._session is not None and reader.sets_cookies:
            self._keep(request, reader.answer())

    def _keep(self, request: Prepared, answer: Answer) -> None:
        self._cookies.take(request.url, answer.pairs())
        self._bound.clear()

    def _bind(self, request: Prepared) -> Prebuilt:
        own = request.route_request.own_values(self.number)
        bound = request.prebuilt.bound({**own, **self._words, **self._jar(request)})
        self._bound[request.route_request.route] = bound
        return bound

    def _jar(self, request: Prepared) -> dict[str, str]:
        if self._session is None:
            return {}
        cookies = self._cookies.header(request.url) if len(self._cookies.jar) else ""
        line, more = (f"Cookie: {cookies}\r\n", f"; {cookies}") if cookies else ("", "")
        return {JAR_LINE: line, JAR_MORE: more}
