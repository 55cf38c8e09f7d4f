"""A target that does not get ready: why, and what to set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.backends import readiness
from rig.backends.readiness import await_ready
from rig.model import StackError
from rig.plan import Django, Limits
from tests.unit.backends.answering import Server
from tests.unit.backends.apps import App
from tests.unit.plans import PLAN

TARGET = replace(PLAN.target, name="mine", ready="/up", limits=Limits(start_s=20.0))
SHORT = replace(TARGET, limits=Limits(start_s=0.3))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "REFUSED_FOR_S", 0.05)


def test_a_200_is_enough(server: Server) -> None:
    await_ready(App(), server.url, TARGET)
    assert {asked[1] for asked in server.asked} == {"/up"}


@pytest.mark.parametrize(
    ("status", "location", "what", "do"),
    [
        (400, "", "/up of target mine answers 400: Bad Request", "ALLOWED_HOSTS = ['*']"),
        (301, "https://mine/up", "answers 301: it leads to https://", "SECURE_SSL_REDIRECT"),
        (302, "http://login/", "answers 302: it leads to http://login/", "`ready` in its target"),
        (404, "", "answers 404: Bad Request", "`ready` in its target.yaml"),
        (403, "", "answers 403", "200 to everybody"),
    ],
)
def test_what_refuses_is_said_at_once_with_its_cure(
    server: Server, status: int, location: str, what: str, do: str
) -> None:
    server.status, server.body = status, b"Bad Request"
    server.headers = {"Location": location} if location else {}
    with pytest.raises(StackError) as caught:
        await_ready(App(), server.url, TARGET)
    assert what in caught.value.what
    assert do in caught.value.do


def test_what_cannot_be_loaded_is_said_at_once(unused_url: str) -> None:
    with pytest.raises(StackError, match="target mine does not start: KeyError: 'SECRET'"):
        await_ready(App(), unused_url, TARGET, lambda: "KeyError: 'SECRET'")


def test_a_project_that_does_not_know_the_wrappers_path_serves_all_the_same(server: Server) -> None:
    server.status = 404
    served = replace(TARGET, ready="/-/ready", django=Django(wsgi="shop:app"))
    await_ready(App(), server.url, served)
    with pytest.raises(StackError, match="answers 404"):
        await_ready(App(), server.url, replace(served, ready="/up"))


def test_of_a_page_its_title_is_said(server: Server) -> None:
    server.status = 400
    server.body = b"<html><head><TITLE>Bad &amp;\n Request</TITLE></head><body>long</body>"
    with pytest.raises(StackError, match="answers 400: Bad & Request"):
        await_ready(App(), server.url, TARGET)


def test_what_fails_while_it_starts_may_yet_get_ready(server: Server) -> None:
    server.status, server.body = 503, b"warming up"
    with pytest.raises(StackError) as caught:
        await_ready(App(), server.url, SHORT)
    assert caught.value.what.startswith(
        "target mine was not ready within 0.3 s (the ready path /up of target mine answers 503: "
        "warming up)"
    )
    assert "limits: {start:" in caught.value.do


def test_an_app_that_ended_says_its_last_words(unused_url: str) -> None:
    with pytest.raises(StackError, match="app ended at its start: ImproperlyConfigured"):
        await_ready(App(ended=1), unused_url, TARGET)


def test_a_port_that_nobody_serves_is_named(unused_url: str) -> None:
    with pytest.raises(StackError, match=r"nobody answers at \{host\}:\{port\}: .*refused"):
        await_ready(App(), unused_url, SHORT)
