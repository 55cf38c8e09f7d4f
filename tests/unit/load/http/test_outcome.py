"""What became of a request: an answer or an error, to one class."""

from __future__ import annotations

import gzip
import json

import pytest

from rig.load.http.answer import Answer
from rig.load.http.expected import Expected
from rig.load.http.outcome import WRONG_ANSWER, of_answer, of_broken, of_error, of_looked_at
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


SAID = {"n": 7, "pk": 12, "unique": "1-2"}


@pytest.mark.parametrize(
    ("always", "outcome"),
    [
        (Expected(text="user7"), OUTCOME_OK),
        (Expected(text="user{n}", no_text="user{pk}"), OUTCOME_OK),
        (Expected(no_text="user{n}"), WRONG_ANSWER),
        (Expected(text="user{n}0"), WRONG_ANSWER),
        (Expected(pattern="^{.*user[0-9]"), OUTCOME_OK),
        (Expected(pattern="^user"), WRONG_ANSWER),
        (Expected(headers={"x-id": "{unique}"}), OUTCOME_OK),
        (Expected(headers={"x-id": "1-3"}), WRONG_ANSWER),
        (Expected(answer={"data": {"pk": "{pk}", "tags": "{length:2}"}}), OUTCOME_OK),
        (Expected(answer={"data": {"pk": "{pk}", "tags": ["a", "c"]}}), WRONG_ANSWER),
        (Expected(answer={"errors": None}), WRONG_ANSWER),
    ],
)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_an_answer_of_a_right_status_is_held_against_what_it_always_holds(
    always: Expected, outcome: str, coding: str
) -> None:
    body = json.dumps({"data": {"pk": 12, "tags": ["a", "b"], "by": "user7"}}).encode()
    sent = gzip.compress(body) if coding == "gzip" else body
    head = f"HTTP/1.1 200 OK\r\nX-Id: 1-2\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    assert of_looked_at(Answer(200, [head], [sent], len(sent)), always, SAID) == outcome


@pytest.mark.parametrize("body", [b"<p>", b"[" * 100_000, b"\xff"])
def test_what_is_no_json_is_a_wrong_answer(body: bytes) -> None:
    answer = Answer(200, [b"HTTP/1.1 200 OK\r\n\r\n"], [body], len(body))
    assert of_looked_at(answer, Expected(answer={"a": 1}), {}) == WRONG_ANSWER
    packed = Answer(200, [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"], [body], 1)
    assert of_looked_at(packed, Expected(no_text="errors"), {}) == WRONG_ANSWER
