"""What `PlainHttpUser` gives of an answer: FastHttpUser's attributes, each made when asked for.

Also the context manager of `catch_response`. May not know how an answer came.
"""

from __future__ import annotations

import json
from codecs import getincrementaldecoder
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any

from locust.event import EventHook
from locust.exception import CatchResponseError, LocustError, ResponseError
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from rig.load.http.answer import Answer
from rig.load.users.greenlets import Streamed

MOST_BYTES = 256 << 20
"""Of a body that is asked for whole, decompressed."""
FAILING = 400
"""From this status on an answer is a failure, unless somebody says otherwise."""


class BadStatus(ConnectionError):
    """The status says that it failed."""


class PlainResponse:
    """An answer, or (status 0) that there is none and why."""

    def __init__(
        self,
        answer: Answer | None,
        url: str,
        error: Exception | None,
        request_meta: dict[str, Any],
        streamed: Streamed | None = None,
    ) -> None:
        self._answer, self.url, self.error = answer, url, error
        self._streamed = streamed
        self.request_meta = request_meta
        self.status_code = answer.status if answer else 0
        self._event: EventHook | None = None
        self._entered = False
        self._said: bool | Exception | None = None

    @property
    def ok(self) -> bool:
        """As FastHttpUser has it: also where nobody answered."""
        return self.status_code < FAILING

    @cached_property
    def content(self) -> bytes | None:
        """The body, decompressed; None where nobody answered. NoAnswer where it cannot be.

        Of a streamed answer: what has not been read in pieces, once all of it has come.
        """
        if self._answer is None or self._streamed is None:
            return self._answer.body() if self._answer else None
        rest = list(self._streamed.pieces())
        size = sum(map(len, rest))
        return replace(self._answer, body_parts=rest, body_bytes=size, most_bytes=MOST_BYTES).body()

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Iterator[Any]:
        """The body in pieces of so many bytes at most, as it comes and not decompressed; as text
        where a piece is UTF-8 by itself. NoAnswer where it breaks off."""
        for piece in self._pieces():
            for at in range(0, len(piece), chunk_size):
                part = piece[at : at + chunk_size]
                try:
                    yield part.decode() if decode_content else part
                except UnicodeDecodeError:
                    yield part

    def iter_lines(self) -> Iterator[str]:
        """The body's lines as they come, without their ends; what is no UTF-8 is replaced."""
        decoder, left = getincrementaldecoder("utf-8")("replace"), ""
        for piece in self._pieces():
            *lines, left = f"{left}{decoder.decode(piece)}".split("\n")
            yield from lines
        if left := left + decoder.decode(b"", True):
            yield left

    def _pieces(self) -> Iterable[bytes]:
        return self._streamed.pieces() if self._streamed else filter(None, (self.content,))

    def close(self) -> None:
        """Gives up what was not read of a streamed answer."""
        if self._streamed is not None:
            self._streamed.close()

    @cached_property
    def headers(self) -> CaseInsensitiveDict[str]:
        """By name in any case; repeated ones joined by a comma."""
        return CaseInsensitiveDict(self._answer.fields() if self._answer else {})

    @cached_property
    def encoding(self) -> str:
        """As the head says, else UTF-8."""
        return get_encoding_from_headers(self.headers) or "utf-8"

    @property
    def text(self) -> str | None:
        """The body as text; None where nobody answered."""
        return None if self.content is None else self.content.decode(self.encoding, "replace")

    def json(self) -> Any:
        """The body as JSON. ValueError where it is none."""
        return json.loads(self.content or b"")

    def raise_for_status(self) -> None:
        """Raises why it failed, if it did."""
        if isinstance(self._said, Exception):
            raise self._said
        if self.error is not None and self._said is None:
            raise self.error

    # with catch_response

    def caught_by(self, event: EventHook) -> PlainResponse:
        """For a `with` block, at whose end the event is fired."""
        self._event = event
        return self

    def success(self) -> None:
        """Counts as a success, whatever its status."""
        self._say(True)

    def failure(self, why: object) -> None:
        """Counts as a failure, and this is why."""
        self._say(why if isinstance(why, Exception) else CatchResponseError(why))

    def _say(self, what: bool | Exception) -> None:
        if not self._entered:
            raise LocustError("success and failure need a with-block: `catch_response=True`")
        self._said = what

    def __enter__(self) -> PlainResponse:
        if self._event is None:
            raise LocustError("a with-block for a request needs `catch_response=True`")
        self._entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        event: Any = self._event
        meta = self.request_meta
        if self._said is not None:
            meta["exception"] = None if self._said is True else self._said
        elif isinstance(error, ResponseError):
            meta["exception"] = error
        elif error is not None:
            return False
        else:
            meta["exception"] = self.error
        event.fire(**meta)
        return error is None or self._said is None
