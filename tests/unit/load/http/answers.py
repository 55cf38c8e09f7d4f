"""Answers as servers send them, each with what a reader must make of it."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass

from rig.load.http.answer import MALFORMED, MOST_HEAD_BYTES, RESET

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """What is sent until the connection ends, or until the answer is whole."""

    sent: bytes
    status: int = 200
    body: bytes | None = b"hello"
    """None: it was not kept whole."""
    keeps: bool = True
    outcome: str = ""
    """The failure class where it is no whole answer."""
    is_head: bool = False
    body_bytes: int | None = None
    """As they came, where that is not the body's own size."""


def _head_of(size: int) -> bytes:
    """A whole head of so many bytes, of an answer without a body."""
    begins, ends = OK + b"Content-Length: 0\r\nX-Long: ", b"\r\n\r\n"
    return begins + b"x" * (size - len(begins) - len(ends)) + ends


def _broken(sent: bytes, outcome: str = MALFORMED) -> Case:
    return Case(sent, outcome=outcome, keeps=False)


GZIPPED = gzip.compress(b"hello", mtime=0)
DEFLATED = zlib.compress(b"hello")

CASES: dict[str, Case] = {
    "plain": Case(OK + HELLO),
    "no reason": Case(b"HTTP/1.1 200\r\n" + HELLO),
    "empty reason": Case(b"HTTP/1.1 200 \r\n" + HELLO),
    "reason in Latin-1": Case(b"HTTP/1.1 200 Erf\xfcllt\r\n" + HELLO),
    "names in lower case": Case(OK + b"content-length: 5\r\n\r\nhello"),
    "names in upper case": Case(OK + b"CONTENT-LENGTH: 5\r\n\r\nhello"),
    "no space after the colon": Case(OK + b"Content-Length:5\r\n\r\nhello"),
    "spaces around the value": Case(OK + b"Content-Length:   5  \r\n\r\nhello"),
    "an empty field": Case(OK + b"X-Empty:\r\n" + HELLO),
    "a value in UTF-8": Case(OK + "X-Name: größe\r\n".encode() + HELLO),
    "many fields": Case(OK + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(40)) + HELLO),
    "repeated cookies": Case(OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + HELLO),
    "empty lines before": Case(b"\r\n\r\n" + OK + HELLO),
    "no body by its length": Case(OK + b"Content-Length: 0\r\n\r\n", body=b""),
    "created": Case(b"HTTP/1.1 201 Created\r\n" + HELLO, 201),
    "not found": Case(b"HTTP/1.1 404 Not Found\r\n" + HELLO, 404),
    "server error": Case(b"HTTP/1.1 500 No\r\n" + HELLO, 500),
    "redirect": Case(b"HTTP/1.1 302 Found\r\nLocation: /x\r\n" + HELLO, 302),
    "status beyond all": Case(b"HTTP/1.1 999 Odd\r\n" + HELLO, 999),
    "chunked": Case(OK + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"),
    "chunked, a byte each": Case(
        OK + CHUNKED + b"1\r\nh\r\n1\r\ne\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n"
    ),
    "chunked, hex in both cases": Case(
        OK + CHUNKED + b"1a\r\n" + b"x" * 26 + b"\r\n1A\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n",
        body=b"x" * 52,
    ),
    "chunk extension": Case(OK + CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n'),
    "leading zeros of a chunk": Case(OK + CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n"),
    "chunked without anything": Case(OK + CHUNKED + b"0\r\n\r\n", body=b""),
    "trailers": Case(OK + b"Trailer: X-Sum\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
    "chunked in any case": Case(
        OK + b"transfer-encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    ),
    "until the end": Case(OK + b"\r\nhello", keeps=False),
    "until the end, without anything": Case(OK + b"\r\n", body=b"", keeps=False),
    "until the end, another coding": Case(
        OK + b"Transfer-Encoding: gzip\r\n\r\nhello", keeps=False
    ),
    "closes": Case(OK + b"Connection: close\r\n" + HELLO, keeps=False),
    "closes, in any case": Case(OK + b"CONNECTION: Close\r\n" + HELLO, keeps=False),
    "closes, among others": Case(OK + b"Connection: foo, close\r\n" + HELLO, keeps=False),
    "closes, chunked": Case(
        OK + b"Connection: close\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", keeps=False
    ),
    "HTTP/1.0": Case(b"HTTP/1.0 200 OK\r\n" + HELLO, keeps=False),
    "HTTP/1.0 that keeps": Case(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + HELLO),
    "HTTP/1.0 until the end": Case(b"HTTP/1.0 200 OK\r\n\r\nhello", keeps=False),
    "no content": Case(b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "no content, with a length": Case(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""
    ),
    "no content behind gzip": Case(
        b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n", 204, b""
    ),
    "not modified": Case(b"HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n", 304, b""),
    "HEAD": Case(OK + b"Content-Length: 5\r\n\r\n", body=b"", is_head=True),
    "HEAD, chunked": Case(OK + CHUNKED, body=b"", is_head=True),
    "HEAD, without a length": Case(OK + b"X: y\r\n\r\n", body=b"", is_head=True),
    "HEAD that closes": Case(
        OK + b"Connection: close\r\n\r\n", body=b"", is_head=True, keeps=False
    ),
    "HEAD of HTTP/1.0": Case(
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", body=b"", is_head=True, keeps=False
    ),
    "HEAD behind gzip": Case(
        OK + b"Content-Encoding: gzip\r\nContent-Length: 25\r\n\r\n", body=b"", is_head=True
    ),
    "continue before": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + HELLO),
    "early hints, twice": Case(
        2 * b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + OK + HELLO
    ),
    "processing before no content": Case(
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 204 No\r\n\r\n", 204, b""
    ),
    "continue before a HEAD's": Case(
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\n",
        body=b"", is_head=True,
    ),
    "gzip": Case(
        OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED,
        body_bytes=len(GZIPPED),
    ),
    "deflate, chunked": Case(
        OK + b"Content-Encoding: deflate\r\n" + CHUNKED
        + b"%x\r\n" % len(DEFLATED) + DEFLATED + b"\r\n0\r\n\r\n",
        body_bytes=len(DEFLATED),
    ),
    "the largest head": Case(_head_of(MOST_HEAD_BYTES), body=b""),
    "a head too large": _broken(_head_of(MOST_HEAD_BYTES + 1)),
    "too many early hints": _broken(b"HTTP/1.1 103 Early\r\n\r\n" * (MOST_HEAD_BYTES // 20)),
    "garbage": _broken(b"garbage\r\n\r\n"),
    "another protocol": _broken(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "HTTP/2 in the clear": _broken(b"HTTP/2 200\r\n\r\n"),
    "a status below all": _broken(b"HTTP/1.1 000 No\r\n" + HELLO),
    "no number for a status": _broken(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a folded field": _broken(OK + b"X: a\r\n b\r\n" + HELLO),
    "a space before the colon": _broken(OK + b"Content-Length : 5\r\n\r\nhello"),
    "a negative length": _broken(OK + b"Content-Length: -5\r\n\r\nhello"),
    "two lengths": _broken(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    "a length and chunks": _broken(OK + b"Content-Length: 5\r\n" + CHUNKED + b"0\r\n\r\n"),
    "a bad chunk": _broken(OK + CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than it says": _broken(OK + CHUNKED + b"4\r\nhello\r\n0\r\n\r\n"),
    "nothing": _broken(b"", RESET),
    "half a head": _broken(OK + b"Content-Le", RESET),
    "half a body": _broken(OK + b"Content-Length: 5\r\n\r\nhel", RESET),
    "half a chunk": _broken(OK + CHUNKED + b"5\r\nhel", RESET),
    "no last chunk": _broken(OK + CHUNKED + b"5\r\nhello\r\n", RESET),
    "no end of the trailers": _broken(OK + CHUNKED + b"5\r\nhello\r\n0\r\nX: 1\r\n", RESET),
}  # fmt: skip
LONG = 2048
"""Bytes from which a case is not cut everywhere, but at every so manieth place and near its end."""
