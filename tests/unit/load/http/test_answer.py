"""The reader of answers: every answer of a corpus, cut at every byte, comes to the same."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.load.http.answer import ANY_STATUS, MALFORMED, MOST_KEPT_BYTES, RESET, NoAnswer, Reader
from tests.unit.load.http.answers import CASES, CHUNKED, GZIPPED, HELLO, LONG, OK, Case

Read = tuple[str, int, int, bytes, bool]


def read(pieces: Iterable[bytes], is_head: bool = False, reader: Reader | None = None) -> Read:
    """Outcome, status, size as it came, body, whether the connection is kept."""
    reader = reader or Reader()
    reader.begin(is_head, ANY_STATUS)
    try:
        if not any(reader.feed(piece) for piece in pieces) and not reader.end():
            return RESET, 0, 0, b"", False
    except NoAnswer as error:
        return error.outcome, 0, 0, b"", False
    return "", reader.status, reader.body_bytes, reader.answer().body(), reader.keeps_connection


def expected(case: Case) -> Read:
    if case.outcome:
        return case.outcome, 0, 0, b"", False
    body = case.body or b""
    size = len(body) if case.body_bytes is None else case.body_bytes
    return "", case.status, size, body, case.keeps


def cuts(size: int) -> Iterator[int]:
    """Every place to cut; of what is long some of the middle."""
    for at in range(1, size):
        if size < LONG or at < 200 or at > size - 200 or at % 997 == 0:
            yield at


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_read_the_same_however_it_is_cut(name: str) -> None:
    case = CASES[name]
    wanted = expected(case)
    assert read([case.sent], case.is_head) == wanted
    for at in cuts(len(case.sent)):
        pieces = case.sent[:at], case.sent[at:]
        assert read(pieces, case.is_head) == wanted, f"cut at {at}"


@pytest.mark.parametrize("name", CASES)
def test_so_is_one_that_comes_a_few_bytes_at_a_time(name: str) -> None:
    case = CASES[name]
    for step in (1, 3) if len(case.sent) < LONG else (1009,):
        pieces = (case.sent[at : at + step] for at in range(0, len(case.sent), step))
        assert read(pieces, case.is_head) == expected(case)


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 60


def test_one_reader_reads_a_connections_answers_one_after_another() -> None:
    reader = Reader()
    for _ in range(2):
        for name, case in CASES.items():
            assert read([case.sent], case.is_head, reader) == expected(case), name


@pytest.mark.parametrize("half", [OK, OK + b"Content-Length: 9\r\n\r\nhalf", OK + CHUNKED + b"5"])
def test_one_that_was_given_up_leaves_nothing_behind(half: bytes) -> None:
    reader = Reader()
    reader.feed(half)
    reader.begin(False, ANY_STATUS)
    assert reader.feed(OK + HELLO)
    assert (reader.body_bytes, reader.keeps_connection) == (5, True)


def test_fields_are_those_of_the_last_head() -> None:
    reader = Reader()
    early = b"HTTP/1.1 103 Early\r\nLink: </a.css>\r\n\r\n"
    reader.feed(early + OK + b"X-A: 1\r\nSet-Cookie: a\r\nset-cookie: b\r\n" + HELLO)
    assert reader.fields() == {"x-a": "1", "set-cookie": "a, b", "content-length": "5"}


COOKIE = b"sEt-cookie: a=1\r\n"
EARLY = b"HTTP/1.1 103 Early\r\nLink: </a.css>\r\n\r\n"
SAYS_SO = b"Content-Length: 10\r\n\r\nSet-Cookie"


@pytest.mark.parametrize(
    ("answer", "sets"),
    [
        (OK + COOKIE + HELLO, True),
        (EARLY + OK + COOKIE + HELLO, True),
        (b"\r\n\r\n" + OK + COOKIE + HELLO, True),
        (OK + HELLO, False),
        (OK + SAYS_SO, False),
        (OK + b"X-A: " + b"a" * 2000 + b"\r\n" + COOKIE + SAYS_SO, True),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_cookie_is_seen_in_a_head_alone(answer: bytes, sets: bool, step: int) -> None:
    reader = Reader()
    for at in range(0, len(answer), step):
        reader.feed(answer[at : at + step])
    assert (reader.whole, reader.sets_cookies) == (True, sets)


def test_trailers_are_no_fields() -> None:
    reader = Reader()
    reader.feed(OK + CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
    assert reader.fields() == {"transfer-encoding": "chunked"}


@pytest.mark.parametrize("more", [b"x", b"HT", OK + HELLO, b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_what_nobody_asked_for_ends_the_connection(more: bytes) -> None:
    reader = Reader()
    assert reader.feed(OK + HELLO + more)
    assert (reader.status, reader.answer().body(), reader.keeps_connection) == (
        200,
        b"hello",
        False,
    )
    reader.begin(False, ANY_STATUS)
    assert reader.feed(OK + HELLO)
    assert reader.keeps_connection


def test_a_body_after_a_head_ends_the_connection() -> None:
    reader = Reader()
    reader.begin(True, ANY_STATUS)
    assert reader.feed(OK + HELLO)
    assert (reader.body_bytes, reader.keeps_connection) == (0, False)


def test_a_right_answers_body_is_counted_and_dropped() -> None:
    reader = Reader()
    reader.begin(False, 200)
    piece, pieces = b"x" * 65_536, 3200
    assert not reader.feed(OK + b"Content-Length: %d\r\n\r\n" % (len(piece) * pieces))
    ended = [reader.feed(piece) for _ in range(pieces)]
    assert (ended[-1], any(ended[:-1])) == (True, False)
    assert (reader.body_bytes, reader.answer().body()) == (len(piece) * pieces, b"")


def test_a_wrong_answers_body_is_kept_up_to_its_bound() -> None:
    reader = Reader()
    for size, is_kept in ((MOST_KEPT_BYTES, True), (MOST_KEPT_BYTES + 1, False)):
        reader.begin(False, 201)
        reader.feed(OK + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        assert (reader.body_bytes, reader.body_left_out) == (size, not is_kept)
        assert (len(reader.answer().body()) == size) is is_kept


@pytest.mark.parametrize(
    ("coding", "body"),
    [("br", b"abc"), ("gzip", b"abc"), ("gzip", gzip.compress(b"x" * MOST_KEPT_BYTES * 2, mtime=0)),
     ("gzip", GZIPPED[:-4]), ("deflate, gzip", GZIPPED)],
)  # fmt: skip
def test_a_body_that_cannot_be_decompressed_is_no_body(coding: str, body: bytes) -> None:
    reader = Reader()
    length = b"Content-Length: %d\r\n" % len(body)
    reader.feed(OK + b"Content-Encoding: %b\r\n" % coding.encode() + length + b"\r\n" + body)
    with pytest.raises(NoAnswer, match="its body is") as refused:
        reader.answer().body()
    assert refused.value.outcome == MALFORMED


PIECES = st.lists(
    st.one_of(st.binary(max_size=60), st.sampled_from([case.sent for case in CASES.values()])),
    max_size=6,
)


def fuzzed(pieces: list[bytes], cuts: list[int], is_head: bool) -> None:
    """Whatever comes, the reader says what it is, and the same however it is cut."""
    sent = b"".join(pieces)
    marks = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    cut = [sent[one:next] for one, next in itertools.pairwise(marks)]
    whole: list[object] = []
    parts: list[object] = []
    for into, given_pieces in ((whole, [sent] if sent else []), (parts, cut)):
        reader = Reader()
        reader.begin(is_head, ANY_STATUS)
        try:
            ended = any(reader.feed(piece) for piece in given_pieces) or reader.end()
            into += [ended, reader.status if ended else 0, reader.body_bytes if ended else 0]
        except NoAnswer as error:
            into += [error.outcome]
        into += [reader.fields() if reader.status and reader.whole else {}]
    assert whole == parts


@given(PIECES, st.lists(st.integers(0, 10_000), max_size=5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_that_comes_is_more_than_an_outcome(
    pieces: list[bytes], cuts: list[int], is_head: bool
) -> None:
    fuzzed(pieces, cuts, is_head)


@pytest.mark.campaign
@given(PIECES, st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
@settings(max_examples=15_000, deadline=None)
def test_nor_is_it_in_a_minute(pieces: list[bytes], cuts: list[int], is_head: bool) -> None:
    fuzzed(pieces, cuts, is_head)
