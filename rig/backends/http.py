"""Asks the target over HTTP, outside the load: is it there, is its answer right, its facts."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.load.spec import fill
from rig.plan import Plan

APP_PORT = 8000
DEADLINE_S = 60.0


@dataclass(frozen=True)
class Answer:
    """Status 0: nobody answered, and `body` says why."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ValueError where it is none."""
        return json.loads(self.body)


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
    return ask("GET", url, None, {})


def verify(url: str, plan: Plan) -> str:
    """What is wrong with the target's answer to the plan's route; empty if nothing."""
    route = plan.bound_route()
    unique = "verify-0"
    body, headers = None, {}
    if route.json is not None:
        body = json.dumps(fill(route.json, unique)).encode()
        headers = {"Content-Type": "application/json"}
    elif route.form:
        body = urllib.parse.urlencode(fill(dict(route.form), unique)).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = ask(route.method, f"{url}{route.path}", body, headers)
    if answer.status != route.status:
        said = answer.body[:200].decode(errors="replace")
        return f"status {answer.status} instead of {route.status}: {said}"
    if not route.answer:
        return ""
    try:
        found = answer.json()
    except ValueError:
        return f"no JSON: {answer.body[:200]!r}"
    return "; ".join(
        _differs(name, wanted, found, plan, unique) for name, wanted in route.answer.items()
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
