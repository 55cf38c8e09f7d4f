"""Asks the target over HTTP, outside the load: is it there, is its answer right, its facts.

A target is somebody's code: its answer may have no end, come a byte at a time, or lead elsewhere.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.expected import Response, wrong_with
from rig.backends.requests import NO_ROWS, Rows, of_data, route_requests, session_of
from rig.load.http.answer import ANY_STATUS, TIMEOUT, BoundedReader, NoAnswer, Reader
from rig.load.http.asked import RouteRequest
from rig.load.http.exchange import Blocking, Connection
from rig.load.http.origin import resolved
from rig.load.http.request import Origin, Request, origin_of, request_of
from rig.load.http.sessions import SessionFailed
from rig.load.http.values import VERIFYING
from rig.load.http.visitor import Visitor, prepared, prepared_session
from rig.load.http.words import NOTHING, UNIQUE, Filling
from rig.model import SCHEMA, StackError
from rig.plan import Data, Plan, Route, Target

APP_PORT = 8000
DEADLINE_S = 60.0
UNIQUE_OF_VERIFY = "verify-0"
KEPT = (
    *("connection", "content-encoding", "content-length", "content-type"),
    *("keep-alive", "location", "server", "transfer-encoding", "vary"),
)
"""The headers of an answer that are worth keeping; dates and ids are not."""
KEPT_BYTES, MOST_BYTES = 65_536, 64 << 20
REDIRECTIONS, MOST_REDIRECTIONS = (301, 302, 303, 307, 308), 10


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. `wrong`: what the route does not expect; empty if nothing."""

    route: Route
    request_headers: Mapping[str, str]
    request_body: bytes
    answer: Response
    headers: Mapping[str, str]
    """The answer's, their names in lower case."""
    wrong: str = ""

    def to_json(self) -> dict[str, Any]:
        """The contents of `verify.json`."""
        body = self.answer.body
        return {
            "schema": SCHEMA,
            "route": self.route.name,
            "request": {
                "method": self.route.method,
                "path": self.route.path,
                "headers": dict(self.request_headers),
                "body": self.request_body.decode(errors="replace"),
            },
            "response": {
                "status": self.answer.status,
                "headers": {name: self.headers[name] for name in KEPT if name in self.headers},
                "body": body[:KEPT_BYTES].decode(errors="replace"),
                "body_bytes": len(body),
                "body_sha256": hashlib.sha256(body).hexdigest(),
            },
        }


def ask(
    request: Request, origin: Origin, filling: Filling = NOTHING
) -> tuple[Response, dict[str, str]]:
    """One request, sent once and as the load's are; the answer, and its headers by name.

    Without any proxy of the environment, and without following redirections.
    """
    try:
        connection = Connection(resolved(origin), Blocking(), BoundedReader())
    except NoAnswer as error:
        return Response(0, str(error).encode()), {}
    try:
        message = request.prebuilt().bound(filling).of(str(filling.get(UNIQUE, "")))
        return _exchanged(connection, message, request.is_head)
    finally:
        connection.close()


def _exchanged(
    connection: Connection, message: bytes, is_head: bool
) -> tuple[Response, dict[str, str]]:
    """The answer to a message, and its headers by name; of none why not."""
    reader = connection.reader
    try:
        deadline_s = time.monotonic() + DEADLINE_S
        connection.ask(message, deadline_s, is_head, ANY_STATUS, MOST_BYTES)
    except NoAnswer as error:
        return Response(0, _why_none(error, reader).encode()), {}
    answered = reader.fields()
    return Response(reader.status, _body(reader), answered.get("location", "")), answered


def _why_none(error: NoAnswer, reader: Reader) -> str:
    if error.outcome != TIMEOUT:
        return str(error)
    if reader.status:
        return f"the answer does not end: {reader.body_bytes} bytes of it within {DEADLINE_S:g} s"
    return f"no whole answer within {DEADLINE_S:g} s"


def _body(reader: Reader) -> bytes:
    """Decompressed; as it came where it cannot be, for its status may be all that is asked."""
    try:
        return reader.answer().body()
    except NoAnswer:
        return reader.answer().raw_body()


def vouching(target: Target) -> str:
    """The certificates that vouch for a target (PEM); empty without TLS. StackError."""
    if not target.tls:
        return ""
    try:
        return (Path(target.folder) / target.tls).read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise StackError(f"target {target.name}: `tls: {target.tls}`: {error}") from error


def get(url: str, ca: str = "") -> Response:
    """A plain GET; redirections are followed as long as they stay with who was asked."""
    for _ in range(MOST_REDIRECTIONS):
        parts = urllib.parse.urlsplit(url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        origin = origin_of(url, ca)
        answer, _ = ask(request_of(RouteRequest("", "GET", path, words=()), origin), origin)
        leads_to = _within(url, answer.location)
        if answer.status not in REDIRECTIONS or not leads_to:
            break
        url = leads_to
    return answer


def _within(url: str, location: str) -> str:
    """Where a redirection leads; empty where that is nowhere, or somebody else."""
    try:
        leads_to = urllib.parse.urljoin(url, location)
        stays = urllib.parse.urlsplit(leads_to)[:2] == urllib.parse.urlsplit(url)[:2]
    except ValueError:
        return ""
    return leads_to if stays and leads_to != url else ""


OnAsked = Callable[[str, str], None]
"""Told of each route that was asked, and what stood for `{unique}`; first of none: its session."""


def verify(
    url: str,
    plan: Plan,
    unique: str = UNIQUE_OF_VERIFY,
    rows: Rows = NO_ROWS,
    on_asked: OnAsked | None = None,
) -> Exchange:
    """Asks as a user of the load does: its session, then each of the plan's routes once.

    Gives the first exchange that is wrong, else that of the first route. Of a Locust file only its
    users know what they ask for: the target is asked for its ready path.
    """
    if plan.locustfile:
        return _of_ready(url, plan)
    origin = origin_of(url, vouching(plan.target))
    session = prepared_session(session_of(plan, rows), origin)
    try:
        connection = Connection(resolved(origin), Blocking(), BoundedReader())
    except NoAnswer as error:
        return _unasked(plan, str(error))
    visitor = Visitor(connection, 1, session)
    asks = zip(plan.routes, route_requests(plan, rows), strict=True)
    found: dict[str, Exchange] = {}
    try:
        visitor.begin(f"{unique}-session", lambda: time.monotonic() + DEADLINE_S, lambda: None)
        if on_asked is not None:
            on_asked("", "")
        # what writes goes last: what is read is as it was seeded
        for route, asked in sorted(asks, key=lambda one: one[0].may_write_anywhere):
            # two routes may write into one column, which may take no text twice
            own = f"{unique}{'x' * len(found)}"
            exchange = _exchange(visitor, connection, route, asked, origin, own, plan.data)
            if exchange.wrong:
                name = f"{route.name}: " if plan.mix else ""
                return dataclasses.replace(exchange, wrong=f"{name}{exchange.wrong}")
            found[route.name] = exchange
            if on_asked is not None:
                on_asked(route.name, own)
    except SessionFailed as error:
        return _unasked(plan, str(error))
    finally:
        connection.close()
    return found[plan.routes[0].name]


def _of_ready(url: str, plan: Plan) -> Exchange:
    path = plan.target.ready
    route = Route(plan.route_name, "GET", path)
    answer = get(f"{url}{path}", vouching(plan.target))
    fine = 0 < answer.status < 500  # what `await_ready` takes for one that serves
    wrong = "" if fine else f"its ready path {path} answers {answer.status}"
    return Exchange(route, {}, b"", answer, {}, wrong)


def _unasked(plan: Plan, why: str) -> Exchange:
    """Its first route was not even asked."""
    return Exchange(plan.routes[0], {}, b"", Response(0, why.encode()), {}, why)


def _exchange(
    visitor: Visitor,
    connection: Connection,
    route: Route,
    asked: RouteRequest,
    origin: Origin,
    unique: str,
    data: Data,
) -> Exchange:
    request = request_of(asked, origin, visitor.keeps_cookies)
    ready = prepared(asked, origin, visitor.keeps_cookies)
    filling = visitor.filling(ready, unique, VERIFYING)
    answer, answered = _exchanged(
        connection, visitor.message(ready, unique, VERIFYING), ready.is_head
    )
    if answer.status:
        visitor.answered(ready, connection.reader)
    sent, body = request.sent_headers(filling), request.body_of(filling)
    wrong = wrong_with(route, answer, answered, {**filling, **of_data(data)})
    return Exchange(route, sent, body, answer, answered, wrong)
