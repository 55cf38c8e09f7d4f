"""Asks the target over HTTP, outside the load: is it there, is its answer right, its facts."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.spec import encoded, fill
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
KEPT_BYTES = 65_536


@dataclass(frozen=True)
class Answer:
    """Status 0: nobody answered, and `body` says why."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.body)


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


def ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """One request, without any proxy of the environment."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=DEADLINE_S) as response:
            return Answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read())
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, str(error).encode())


def get(url: str) -> Answer:
    """A plain GET."""
    return ask("GET", encoded(url), None, {})


def verify(url: str, plan: Plan) -> Exchange:
    """Asks the plan's route once, as a user of the load does, and keeps what went both ways."""
    route = plan.bound_route()
    body, headers = b"", {}
    if route.json is not None:
        body = json.dumps(fill(route.json, UNIQUE)).encode()
        headers = {"Content-Type": "application/json"}
    elif route.form:
        body = urllib.parse.urlencode(fill(dict(route.form), UNIQUE)).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    # not urllib: it asks every server to close the connection, and follows redirections
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=DEADLINE_S)
    try:
        connection.request(route.method, encoded(route.path), body or None, headers)
        response = connection.getresponse()
        answer = Answer(response.status, response.read())
        answered = {name.lower(): value for name, value in response.getheaders()}
    except (OSError, http.client.HTTPException) as error:
        answer, answered = Answer(0, str(error).encode()), {}
    finally:
        connection.close()
    return Exchange(route, headers, body, answer, answered, _wrong(plan, answer, answered))


def _wrong(plan: Plan, answer: Answer, headers: Mapping[str, str]) -> str:
    route = plan.bound_route()
    if answer.status != route.status:
        said = answer.body[:200].decode(errors="replace")
        said = f"it leads to {headers['location']}" if "location" in headers else said
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
