"""Routes asked once: what came, and what to mend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.backends.asking import asked_once
from rig.plan import Route
from tests.unit.backends.answering import Server
from tests.unit.backends.apps import App
from tests.unit.plans import PLAN, routed

ROUTE = Route("r", "GET", "/r", answer={"a": 1})
QUIET = App(lines=["[INFO] Booting worker with pid: 7"])


def test_a_route_that_answers_as_declared(server: Server) -> None:
    server.says({"a": 1})
    asked = asked_once(server.url, routed(ROUTE), ROUTE, QUIET)
    assert (asked.route, asked.status, asked.body_bytes) == ("r", 200, len(server.body))
    assert (asked.wrong, asked.cure) == ("", "")
    assert asked.took_ms > 0


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (200, "the route's `answer`"),
        (404, "the route's `path`"),
        (403, "takes the CSRF token"),
        (405, "the route's `method`"),
        (418, "the route's `status`: 418 is what came"),
        (500, "let its LOGGING print errors to the console"),
    ],
)
def test_what_to_mend_is_told_by_the_status(server: Server, status: int, cure: str) -> None:
    server.says({"a": 2}, status)
    asked = asked_once(server.url, routed(ROUTE), ROUTE, QUIET)
    assert asked.wrong
    assert cure in asked.cure


@pytest.mark.parametrize(
    "lines",
    [
        ["Traceback (most recent call last):", "ValueError: no such post", "bye"],
        ["request failed: ValueError: no such post"],
    ],
)
def test_the_app_s_own_error_is_the_reason(server: Server, lines: list[str]) -> None:
    server.says({}, 500)
    cure = asked_once(server.url, routed(ROUTE), ROUTE, App(lines=lines)).cure
    assert cure.startswith("the view: ")
    assert cure.endswith("ValueError: no such post")


def test_a_redirection_says_where_it_leads(server: Server) -> None:
    server.status, server.headers = 301, {"Location": "/r/"}
    asked = asked_once(server.url, routed(ROUTE), ROUTE, QUIET)
    assert asked.wrong == "status 301 instead of 200: it leads to /r/"
    assert "/r/" in asked.cure


def test_each_route_is_asked_as_itself(server: Server) -> None:
    other = replace(ROUTE, name="other", path="/other", answer={})
    plan = routed(ROUTE)
    target = replace(plan.target, routes={"r": ROUTE, "other": other})
    asked_once(server.url, replace(plan, target=target), other, QUIET)
    assert [asked[1] for asked in server.asked] == ["/other"]
    assert PLAN.route_name != "other"
