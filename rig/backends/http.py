"""Asks the target over HTTP, outside the load: is it there, is its answer right, its facts.

A target is somebody's code: its answer may have no end, come a byte at a time, or lead elsewhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import html
import http.client
import json
import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.request import encoded, fill
from rig.model import SCHEMA
from rig.plan import Plan, Route

APP_PORT = 8000
DEADLINE_S = 60.0
UNIQUE = "verify-0"
KEPT = (
    *("connection", "content-encoding", "content-length", "content-type"),
    *("keep-alive", "location", "server", "transfer-encoding", "vary"),
)
"""The headers of an answer that are worth keeping; dates and ids are not."""
KEPT_BYTES, MOST_BYTES = 65_536, 64 << 20
REDIRECTIONS, MOST_REDIRECTIONS = (301, 302, 303, 307, 308), 10
TITLE_CHARS, SAID_CHARS = 4000, 200
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """Status 0: nobody answered, and `body` says why."""

    status: int
    body: bytes
    location: str = ""
    """Where it leads, as it says so."""

    @property
    def begins(self) -> str:
        """The beginning of the body, on one line; of a page its title."""
        text = self.body[:TITLE_CHARS].decode(errors="replace")
        title = _TITLE.search(text)
        return " ".join((html.unescape(title[1]) if title else text).split())[:SAID_CHARS]

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("it is nested too deep") from error


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. `wrong`: what the route does not expect; empty if nothing."""

    route: Route
    request_headers: Mapping[str, str]
    request_body: bytes
    answer: Answer
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
    method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[Answer, dict[str, str]]:
    """One request, without any proxy of the environment; the answer, and its headers by name.

    By hand: urllib asks every server to close the connection, and follows redirections anywhere.
    """
    parts = urllib.parse.urlsplit(encoded(url))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = http.client.HTTPConnection(parts.netloc, timeout=DEADLINE_S)
    try:
        connection.connect()
        with _in_time(connection.sock):
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            whole = response.read(MOST_BYTES + 1)
        if len(whole) > MOST_BYTES:
            raise OSError(f"the answer has more than {MOST_BYTES} bytes")
        if response.length:
            raise http.client.IncompleteRead(whole, response.length)
        answered = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, whole, answered.get("location", "")), answered
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error).encode()), {}
    finally:
        connection.close()


@contextlib.contextmanager
def _in_time(connected: socket.socket) -> Iterator[None]:
    """Hangs up on what goes on for too long, however often a byte of it comes. TimeoutError."""
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(DEADLINE_S, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"no whole answer within {DEADLINE_S:g} s")


def get(url: str) -> Answer:
    """A plain GET; redirections are followed as long as they stay with who was asked."""
    for _ in range(MOST_REDIRECTIONS):
        answer, _ = ask("GET", url, None, {})
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


def verify(url: str, plan: Plan) -> Exchange:
    """Asks the plan's route once, as a user of the load does, and keeps what went both ways."""
    route = plan.route
    body, headers = b"", {}
    if route.json is not None:
        body = json.dumps(fill(route.json, UNIQUE)).encode()
        headers = {"Content-Type": "application/json"}
    elif route.form:
        body = urllib.parse.urlencode(fill(dict(route.form), UNIQUE)).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer, answered = ask(route.method, f"{url}{route.path}", body or None, headers)
    return Exchange(route, headers, body, answer, answered, _wrong(plan, answer))


def _wrong(plan: Plan, answer: Answer) -> str:
    route = plan.route
    if answer.status != route.status:
        said = f"it leads to {answer.location}" if answer.location else answer.begins
        return f"status {answer.status} instead of {route.status}: {said}"
    if not route.answer:
        return ""
    try:
        found = answer.json()
    except ValueError:
        return f"no JSON: {answer.body[:200]!r}"
    return "; ".join(
        _differs(name, wanted, found, plan, UNIQUE) for name, wanted in route.answer.items()
    ).strip("; ")


def _differs(name: str, wanted: Any, found: Any, plan: Plan, unique: str) -> str:
    if not isinstance(found, Mapping) or name not in found:
        return f"no member {name!r}"
    value = found[name]
    if isinstance(wanted, str) and wanted.startswith("{length:"):
        length = int(wanted.removeprefix("{length:").rstrip("}"))
        ok = isinstance(value, list) and len(value) == length
        return "" if ok else f"{name} is not {length} long"
    known = {
        "{posts}": plan.data.posts,
        "{cpu_sum}": _sum_of_squares(plan.data.cpu_n),
        "{unique}": unique,
    }
    wanted = known.get(wanted, wanted) if isinstance(wanted, str) else wanted
    return "" if value == wanted else f"{name} is {value!r} instead of {wanted!r}"


def _sum_of_squares(below: int) -> int:
    """0² + 1² + … + (below - 1)²."""
    return (below - 1) * below * (2 * below - 1) // 6
