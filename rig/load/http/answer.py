"""Reads answers: bytes in, in any pieces; status, size and, where somebody looks, body out.

Pure but for httptools (llhttp), which does the parsing. May not know sockets: whoever has one feeds
what it received, and says when it ended. A body is counted, and kept only where it is looked at.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MOST_HEAD_BYTES = 65_536
"""Of an answer's head, with whatever interim answers (1xx) come before it."""
MOST_KEPT_BYTES = 65_536
"""Of a body that names the class of a failure; what is longer is no such answer."""
ANY_STATUS = 0

RESET, MALFORMED, TIMEOUT = "connection_reset", "malformed_answer", "timeout"
REFUSED, KEPT_CLOSED, FAILED = "connection_refused", "kept_connection_closed", "client_error"
_GZIP = zlib.MAX_WBITS | 16
_DECODERS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class NoAnswer(Exception):
    """No whole answer came back. `outcome`: the failure class."""

    def __init__(self, outcome: str, says: str) -> None:
        super().__init__(says)
        self.outcome = outcome


@dataclass(frozen=True)
class Answer:
    """A whole answer. Its head is read again for its fields, because most answers need none."""

    status: int
    head: Sequence[bytes]
    body_parts: Sequence[bytes]
    body_bytes: int
    """As it came: without the marks of chunks, not decompressed."""
    most_bytes: int = MOST_KEPT_BYTES
    """Of the body, decompressed."""

    def pairs(self) -> list[tuple[str, str]]:
        """The head's fields in their order, their names in lower case."""
        return _Fields(b"".join(self.head)).pairs

    def fields(self) -> dict[str, str]:
        """The same by name; repeated ones joined by a comma."""
        found: dict[str, str] = {}
        for name, value in self.pairs():
            found[name] = f"{found[name]}, {value}" if name in found else value
        return found

    def raw_body(self) -> bytes:
        """What was kept of the body, as it came."""
        return b"".join(self.body_parts)

    def body(self) -> bytes:
        """What was kept of the body, decompressed. NoAnswer where it is not what its head says."""
        body = self.raw_body()
        codings = self.fields().get("content-encoding", "").lower().split(",") if body else []
        for coding in reversed([name.strip() for name in codings]):
            if coding not in ("", "identity"):
                body = _decoded(body, coding, self.most_bytes)
        return body


class Reader:
    """Reads the answers of one connection, one after another: `begin`, then `feed` until whole."""

    __slots__ = (
        *("status", "whole", "keeps_connection", "body_bytes", "body_left_out"),
        *("_head", "_head_bytes", "_body", "_most_kept", "_is_head", "_right_status"),
        *("_parse", "_parser", "_spent", "_interim"),
    )

    def __init__(self) -> None:
        self._spent, self.whole = True, False
        self.begin(False, ANY_STATUS)

    def begin(
        self, is_head: bool, right_status: int, most_kept_bytes: int = MOST_KEPT_BYTES
    ) -> None:
        """An answer is due. Its body is kept where its status is not this one."""
        if self._spent or not self.whole:  # one that broke off left the parser in its middle
            self._spent = self._interim = False
            self._parser = HttpResponseParser(self)
            self._parse = self._parser.feed_data
        self.status = 0
        """0 until the head is whole."""
        self.whole = False
        self.keeps_connection = False
        """Whether the next request may go over the same connection."""
        self.body_bytes = 0
        """As it came: without the marks of chunks, not decompressed."""
        self.body_left_out = False
        self._head: list[bytes] = []
        self._head_bytes = 0
        self._body: list[bytes] | None = None
        self._is_head, self._right_status = is_head, right_status
        self._most_kept = most_kept_bytes

    @property
    def begun(self) -> bool:
        """Whether any byte of it has come."""
        return self._head_bytes > 0

    @property
    def sets_cookies(self) -> bool:
        """Whether its head, as it came, has a field that sets one."""
        head = self._head
        data = head[0] if len(head) == 1 else b"".join(head)
        if data[:5] == b"HTTP/" and data[9:10] != b"1":  # no interim answer's head comes before it
            data = data[: data.find(b"\r\n\r\n")]
        return b"et-cookie" in data.lower()

    def feed(self, data: bytes) -> bool:
        """Some of the answer's bytes; whether it is whole. NoAnswer where they are no answer's."""
        if not self.status:
            room = MOST_HEAD_BYTES - self._head_bytes
            if len(data) > room:
                return self._feed_around_limit(data, room)
            self._head.append(data)
            self._head_bytes += len(data)
        try:
            self._parse(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._spent, self.keeps_connection = True, False
            if not self.whole:
                raise NoAnswer(MALFORMED, f"no HTTP answer: {error}") from error
        return self.whole

    def _feed_around_limit(self, data: bytes, room: int) -> bool:
        # in two goes, so that what is too large does not hang on how the bytes were cut
        if room and self.feed(data[:room]):
            self._surplus()
        if not self.status:
            self._spent = True
            raise NoAnswer(MALFORMED, f"the answer's head has more than {MOST_HEAD_BYTES} bytes")
        return self.feed(data[room:])

    def end(self) -> bool:
        """The connection has ended: whether the answer is whole by that."""
        self._spent, self.keeps_connection = True, False
        if self.status and not self.whole:
            self.whole = self._ends_with_connection()
        return self.whole

    def _ends_with_connection(self) -> bool:
        fields = self.fields()
        coding = fields.get("transfer-encoding")
        if coding is not None:
            return coding.lower().split(",")[-1].strip() != "chunked"
        return "content-length" not in fields

    def answer(self) -> Answer:
        """What was read, for who keeps it beyond the next `begin`."""
        return Answer(self.status, self._head, self._body or [], self.body_bytes, self._most_kept)

    def taken_body(self) -> bytes:
        """What was kept of the body since this was called last; it is kept no longer."""
        taken = b"".join(self._body or ())
        if self._body is not None:
            self._body = []
        return taken

    def fields(self) -> dict[str, str]:
        """As an answer's."""
        return self.answer().fields()

    # what httptools calls

    def on_message_begin(self) -> None:
        if self.whole:
            self._surplus()

    def on_headers_complete(self) -> None:
        if self.whole:
            return
        status = self._parser.get_status_code()
        if status < 200:
            if status < 100:
                raise HttpParserError(f"status {status:03}")
            if _is_interim(status):
                self._interim = True
                return
        self.status = status
        if self._is_head:
            # llhttp cannot be told that no body follows, so what it knows by then is spent
            self.whole = self._spent = True
            self.keeps_connection = self._keeps_after_head()
        elif status != self._right_status:
            self._body = []

    def on_body(self, data: bytes) -> None:
        if self.whole:
            self._surplus()
            return
        self.body_bytes += len(data)
        if self._body is not None and not self.body_left_out:
            self.body_left_out = self.body_bytes > self._most_kept
            if not self.body_left_out:
                self._body.append(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
        elif not self.whole:
            self.whole = True
            self.keeps_connection = self._parser.should_keep_alive()
            # llhttp takes nothing more after an answer that closes
            self._spent = not self.keeps_connection

    def _keeps_after_head(self) -> bool:
        # llhttp takes a head without a length for one that the connection's end completes
        said = {word.strip() for word in self.fields().get("connection", "").lower().split(",")}
        if self._parser.get_http_version() == "1.0":
            return "keep-alive" in said
        return "close" not in said

    def _surplus(self) -> None:
        """More came than was asked for: the next answer could not be told from it."""
        self._spent, self.keeps_connection = True, False


class BoundedReader(Reader):
    """For who looks at every answer: what is larger than what may be kept is none."""

    __slots__ = ()

    def feed(self, data: bytes) -> bool:
        whole = super().feed(data)
        if self.body_left_out:
            raise NoAnswer(FAILED, f"the answer has more than {self._most_kept} bytes")
        return whole


class _Fields:
    """The fields of the last head in some bytes."""

    def __init__(self, head: bytes) -> None:
        self.pairs: list[tuple[str, str]] = []
        self._final = False
        self._parser = HttpResponseParser(self)
        try:
            self._parser.feed_data(head)
        except (HttpParserError, HttpParserUpgrade):
            pass  # what comes after the head was read before, and may break off
        finally:
            del self._parser  # each holds the other, which a garbage collection alone would see

    def on_message_begin(self) -> None:
        if not self._final:
            self.pairs.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._final:
            self.pairs.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._final = self._final or not _is_interim(self._parser.get_status_code())


def _is_interim(status: int) -> bool:
    # 101 is the end of HTTP on a connection: nobody here asks for that
    return 100 <= status < 200 and status != 101


def _decoded(data: bytes, coding: str, most_bytes: int) -> bytes:
    if coding not in _DECODERS:
        raise NoAnswer(MALFORMED, f"its body is encoded as {coding}, which nobody asked for")
    try:
        decoder = zlib.decompressobj(_DECODERS[coding])
        decoded = decoder.decompress(data, most_bytes)
    except zlib.error as error:
        raise NoAnswer(MALFORMED, f"its body is no {coding}: {error}") from error
    if decoder.unconsumed_tail or not decoder.eof:
        raise NoAnswer(MALFORMED, f"its body is no whole {coding} of at most {most_bytes} bytes")
    return decoded
