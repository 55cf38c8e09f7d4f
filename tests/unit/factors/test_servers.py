from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.factors import bind
from rig.factors.servers import SERVERS, interface_of
from rig.plan import Closed, Data, Django, Draft, Load, Route, Target, Users

DRAFT = Draft("one", "one", Load(Closed(Users(1, 1.0, 5)), steady_s=1.0), Data(10, 10))
BOTH = Django("shop.settings", "shop.wsgi:application", "shop.asgi:application")


def target(django: Django | None) -> Target:
    return Target("one", "/one", "One", (), {"one": Route("one", "GET", "/")}, django=django)


@pytest.mark.parametrize(
    ("django", "app_threads", "server"),
    [
        (None, 1, "own"),
        (BOTH, 1, "gunicorn-sync"),
        (BOTH, 4, "gunicorn-gthread"),
        (replace(BOTH, wsgi=""), 1, "gunicorn-uvicorn"),
    ],
)
def test_the_usual_server(django: Django | None, app_threads: int, server: str) -> None:
    plan, why = bind(replace(DRAFT, app_threads=app_threads), {"one": target(django)}, {})
    assert (plan.server, why) == (server, "")


@pytest.mark.parametrize(
    ("django", "server", "interface"),
    [
        (None, "own", None),
        (BOTH, "own", "wsgi"),
        (BOTH, "granian-wsgi", "wsgi"),
        (BOTH, "uvicorn", "asgi"),
        (replace(BOTH, wsgi=""), "own", "asgi"),
    ],
)
def test_a_target_is_called_as_its_server_does(
    django: Django | None, server: str, interface: str | None
) -> None:
    assert interface_of(target(django), server) == interface


@pytest.mark.parametrize(
    ("django", "changed", "why"),
    [
        (None, {"server": "uvicorn"}, "target one starts itself, so it has its own server only"),
        (None, {"middleware": "none"}, "target one starts itself, so it has its own middleware"),
        (replace(BOTH, overlay=False), {"middleware": "none"}, "has its own middleware only"),
        (replace(BOTH, asgi=""), {"server": "uvicorn"}, "names no asgi callable under `django`"),
        (replace(BOTH, wsgi=""), {"server": "granian-wsgi"}, "names no wsgi callable"),
        (BOTH, {"server": "gunicorn-sync", "app_threads": 2}, "gunicorn-sync has no threads"),
        (replace(BOTH, wsgi=""), {"app_threads": 2}, "gunicorn-uvicorn has no threads"),
        (BOTH, {"server": "uvicorn", "connections": "persistent"}, "never finds a kept connection"),
    ],
)
def test_what_cannot_be_served_has_a_reason(
    django: Django | None, changed: dict[str, Any], why: str
) -> None:
    assert why in bind(replace(DRAFT, **changed), {"one": target(django)}, {})[1]


def test_a_project_that_keeps_its_own_settings_may_do_with_connections_what_it_likes() -> None:
    draft = replace(DRAFT, server="uvicorn", connections="persistent")
    assert bind(draft, {"one": target(replace(BOTH, overlay=False))}, {})[1] == ""


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_serves_the_wrapper_of_its_interface(name: str) -> None:
    server = SERVERS[name]
    named = server.command[-1].removeprefix("{stack}/around/").replace(".py:", ":")
    assert named == f"bench_{server.interface}:application"
    assert server.command[2] in [one.partition(">")[0] for one in server.distributions]
    assert ("{app_threads}" in server.command) == server.threads
