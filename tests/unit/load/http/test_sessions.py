"""What a session takes of an answer, and how load workers' counts of them add up."""

from __future__ import annotations

import pytest

from rig.load.counting.session_count import MOST_KINDS, SessionCount, together
from rig.load.http.answer import Answer
from rig.load.http.sessions import Take, TakenFrom, taken

PAGE = (
    b'<form><input name="a"><INPUT value="x&amp;y" name=csrf><input name="csrf" value="2"></form>'
)


def answer(body: bytes = b"", head: bytes = b"X-Token: t\r\n") -> Answer:
    length = str(len(body)).encode()
    lines = b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: " + length + b"\r\n\r\n"
    return Answer(200, [lines], [body], len(body))


@pytest.mark.parametrize(
    ("kind", "name", "body", "wanted"),
    [
        ("cookie", "csrftoken", b"", "c"),
        ("cookie", "none", b"", None),
        ("header", "x-TOKEN", b"", "t"),
        ("header", "X-None", b"", None),
        ("json", "data.0.token", b'{"data": [{"token": "j"}]}', "j"),
        ("json", "data.n", b'{"data": {"n": 7}}', "7"),
        ("json", "data.none", b'{"data": {}}', None),
        ("json", "data", b"<html>", None),
        ("input", "csrf", PAGE, "x&y"),
        ("input", "a", PAGE, ""),
        ("input", "none", PAGE, None),
        ("pattern", r"token=(\w+)", b"?token=abc&", "abc"),
        ("pattern", "t.k", b"tok", "tok"),
        ("pattern", "none", b"tok", None),
    ],
)
def test_what_is_taken(kind: TakenFrom, name: str, body: bytes, wanted: str | None) -> None:
    assert taken(Take("w", kind, name), answer(body), {"csrftoken": "c"}) == wanted


def test_counts_add_up_and_failures_of_many_kinds_stay_few() -> None:
    one, other = SessionCount(), SessionCount()
    one.sent()
    for at_s in (3.0, 4.5):
        one.begin(at_s)
    other.begin(1.25)
    one.end(0.5)
    other.end(1.5)
    for number in range(MOST_KINDS + 5):
        other.fail(f"step {number}")
    found = together([one.to_wire(), other.to_wire()])
    assert (found["requests"], found["done"]) == (1, 2)
    assert (found["mean_ms"], found["longest_ms"]) == (1000.0, 1500.0)
    assert found["begun_over_s"] == 3.25
    assert (len(found["failed"]), sum(found["failed"].values())) == (MOST_KINDS + 1, MOST_KINDS + 5)
    assert found["failed"]["otherwise"] == 5


def test_nobody_s_sessions_come_to_nothing() -> None:
    found = together([SessionCount().to_wire()])
    assert (found["mean_ms"], found["begun_over_s"]) == (None, 0.0)
    assert together([])["mean_ms"] is None
