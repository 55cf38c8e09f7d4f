"""What became of a request: an answer or an error, to one class."""

from __future__ import annotations

import json

import pytest

from rig.load.outcome import of_answer, of_broken, of_error
from rig.model import FAILURE_CLASSES, OUTCOME_OK

PROBLEM = "application/problem+json"


def problem(**members: object) -> bytes:
    return json.dumps(members).encode()


@pytest.mark.parametrize("named", sorted(FAILURE_CLASSES))
def test_a_problem_names_its_own_class(named: str) -> None:
    assert of_answer(503, (200,), f"{PROBLEM}; charset=utf-8", problem(**{"class": named})) == named


@pytest.mark.parametrize(
    ("status", "expected", "kind", "body", "outcome"),
    [
        (200, 200, "text/html", b"", OUTCOME_OK),
        (201, 201, PROBLEM, problem(**{"class": "app_error"}), OUTCOME_OK),
        (200, 201, "application/json", b"{}", "unexpected_status"),
        (404, 200, "text/html", b"", "unexpected_status"),
        (500, 200, "text/html", b"<h1>", "app_error"),
        (503, 200, PROBLEM, b"not json", "app_error"),
        (503, 200, PROBLEM, b"[1]", "app_error"),
        (503, 200, PROBLEM, problem(**{"class": "a class of its own"}), "app_error"),
        (503, 200, PROBLEM, problem(**{"class": ["x"]}), "app_error"),
        (503, 200, "application/json", problem(**{"class": "db_pool_timeout"}), "app_error"),
    ],
)
def test_answers(status: int, expected: int, kind: str, body: bytes, outcome: str) -> None:
    assert of_answer(status, (expected, 299), kind, body) == outcome


def caused_by(cause: BaseException) -> BaseException:
    error = RuntimeError("what the client raised")
    error.__cause__ = cause
    return error


class HTTPConnectionClosed(Exception):
    """As geventhttpclient names it."""


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionRefusedError(111, "refused"), "connection_refused"),
        (caused_by(ConnectionRefusedError(111, "refused")), "connection_refused"),
        (TimeoutError("timed out"), "timeout"),
        (caused_by(TimeoutError()), "timeout"),
        (ConnectionResetError(104, "reset"), "connection_reset"),
        (BrokenPipeError(32, "pipe"), "connection_reset"),
        (HTTPConnectionClosed(), "connection_reset"),
        (ValueError("no"), "client_error"),
        (None, "client_error"),
    ],
)
def test_errors(error: BaseException | None, outcome: str) -> None:
    assert of_error(error) == outcome


def test_an_error_that_causes_itself_ends() -> None:
    error = RuntimeError("round")
    error.__context__ = caused_by(error)
    assert of_error(error) == "client_error"


def test_a_failing_status_broke_no_answer_off() -> None:
    class LocustBadStatusCode(ConnectionError):
        pass

    assert of_broken(None) is None
    assert of_broken(LocustBadStatusCode()) is None
    assert of_broken(ValueError("Incomplete response.")) == "connection_reset"
    assert of_broken(TimeoutError()) == "timeout"
