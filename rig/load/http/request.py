"""A request as a value: what goes over the wire, and where each one differs from the next.

Pure. Who checks a target, who asks it without load and who loads it all send what this gives, so
that a target cannot tell them apart. May not know sockets, Locust, nor what is done with an answer.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from rig.load.http.asked import RouteRequest
from rig.load.http.body import body_of
from rig.load.http.words import (
    NOTHING,
    UNIQUE,
    Filling,
    Part,
    Parts,
    Placeholder,
    bound,
    filled,
    header_parts,
    joined,
    parts_of,
)
from rig.model import VERSION

USER_AGENT = f"async-django-rig/{VERSION}"
JAR_LINE, JAR_MORE = "jar line", "jar more"
"""No words that a text could have: what a user's cookies stand for."""
HTTP, HTTPS = "http", "https"
AHEAD = 32
"""As many rows are made at a time: one after another they cost less than between two requests."""
_PORTS = {HTTP: 80, HTTPS: 443}
WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods that announce the length of a body even where there is none."""
OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "expect", "upgrade"})
"""What decides where a message ends is the client's own, and nobody else's to say."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_COOKIE = re.compile(r"[!#-+\x2d-:<-\[\]-~]*")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class BadRequest(ValueError):
    """What cannot be sent; its text says why."""


@dataclass(frozen=True)
class Origin:
    """Who is asked."""

    scheme: str
    host: str
    port: int
    ca: str = field(default="", repr=False)
    """Over TLS: the certificates (PEM) that vouch for it, whatever address it is asked at; empty:
    those of the system, for its host's name."""

    @property
    def authority(self) -> str:
        """As the Host header has it: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True)
class Request:
    """One request, or as many as there are fillings for its places."""

    method: str
    target: Parts
    """Path and query as they are sent: ASCII alone."""
    headers: tuple[tuple[str, Parts], ...]
    """All but Content-Length, in their order."""
    body: Parts | None = None
    """None where there is none."""
    jar: Parts = ()
    """Where a whole header with a user's cookies may stand."""

    @property
    def is_head(self) -> bool:
        """Whether its answer has no body, whatever that announces."""
        return self.method == "HEAD"

    def target_of(self, filling: Filling) -> str:
        """Path and query as they are sent."""
        return filled(self.target, filling).decode()

    def body_of(self, filling: Filling) -> bytes:
        """The body with every place filled in."""
        return filled(self.body or (), filling)

    def sent_headers(self, filling: Filling) -> dict[str, str]:
        """Every header as it is sent; what comes to nothing is not."""
        sent = ((name, filled(parts, filling).decode("latin-1")) for name, parts in self.headers)
        length = {"Content-Length": str(len(self.body_of(filling)))} if self._has_length else {}
        return {**{name: value for name, value in sent if value}, **length}

    @property
    def _has_length(self) -> bool:
        return self.body is not None or self.method in WITH_BODY

    def head_parts(self) -> Parts:
        """Its lines but for Content-Length and the empty one, each with its end."""
        parts: list[Part] = [f"{self.method} ".encode(), *self.target, b" HTTP/1.1\r\n"]
        for name, value in self.headers:
            parts += [f"{name}: ".encode(), *value, b"\r\n"]
        return joined([*parts, *self.jar])

    def head(self) -> bytes:
        """The same, where nothing varies."""
        return filled(self.head_parts(), NOTHING)

    def prebuilt(self) -> Prebuilt:
        """Its bytes, made ready for many sends."""
        body = (self.body or ()) if self._has_length else None
        return Prebuilt(self.head_parts(), body)


class Prebuilt:
    """A request's bytes. A send is one join where something varies, and none where nothing does."""

    __slots__ = (
        *("_body", "_head", "_length_at", "_pieces", "_row_at", "_unique_at"),
        *("fixed", "places", "words"),
    )

    def __init__(self, head: Parts, body: Parts | None) -> None:
        self._head, self._body = head, body
        parts, self._length_at = _message_parts(head, body)
        places = [(at, part) for at, part in enumerate(parts) if isinstance(part, Placeholder)]
        self.words = frozenset(place.word for _, place in places)
        """What has to be said for each send."""
        self._pieces = [b"" if isinstance(part, Placeholder) else part for part in parts]
        self.fixed = b"" if places else b"".join(self._pieces)
        """The whole message, where nothing varies; else empty."""
        self._unique_at = [at for at, place in places if place.word == UNIQUE]
        self._row_at = [at for at, place in places if place.word != UNIQUE]
        self.places = [place for _, place in places if place.word != UNIQUE]
        """Where something else stands, in their order."""

    def bound(self, filling: Filling) -> Prebuilt:
        """The same with some words filled in for good; `self`, where it has none of them."""
        if not self.words & filling.keys():
            return self
        body = None if self._body is None else bound(self._body, filling)
        return Prebuilt(bound(self._head, filling), body)

    def of(self, unique: str, filling: Filling = NOTHING) -> bytes:
        """The whole message with this text in its places. KeyError names a word nobody fills.

        `unique`: letters, digits and hyphens, which no encoding changes.
        """
        if self.fixed:
            return self.fixed
        return self.with_row([place.bytes_of(filling) for place in self.places], unique)

    def with_row(self, row: Sequence[bytes], unique: str = "") -> bytes:
        """The same, where something varies, with the bytes of all its `places`."""
        pieces = self._pieces.copy()
        if self._unique_at:
            text = unique.encode()
            for at in self._unique_at:
                pieces[at] = text
        for at, text in zip(self._row_at, row, strict=True):
            pieces[at] = text
        if self._length_at:
            pieces[self._length_at] = b"%d" % sum(map(len, pieces[self._length_at + 2 :]))
        return b"".join(pieces)


def _message_parts(head: Parts, body: Parts | None) -> tuple[Parts, int]:
    """A whole message; and at which of its parts the length of what varies is said, else 0.

    Behind that part come the head's end, and the body.
    """
    if body is None:
        return joined([*head, b"\r\n"]), 0
    if not any(isinstance(part, Placeholder) for part in body):
        content = filled(body, NOTHING)
        return joined([*head, b"Content-Length: %d\r\n\r\n%b" % (len(content), content)]), 0
    before = joined([*head, b"Content-Length: "])
    return (*before, b"", b"\r\n\r\n", *body), len(before)


def rows(
    route: RouteRequest, places: Sequence[Placeholder], first: int, step: int
) -> Iterator[Sequence[bytes]]:
    """What stands in a request's places, at every so many positions among its route's from one on.

    Ends where values run out. KeyError names a word that no request's position says.
    """
    drawn = {one.word: one.drawn(first, step) for one in route.shared}
    while True:
        values = {word: list(itertools.islice(one, AHEAD)) for word, one in drawn.items()}
        count = min(map(len, values.values()), default=AHEAD)
        columns = [list(map(place.write, values[place.word])) for place in places]
        yield from list(zip(*columns, strict=False))[:count] if columns else [()] * count
        if count < AHEAD:
            return


def origin_of(url: str, ca: str = "") -> Origin:
    """Who a URL names, and who vouches for it over TLS. BadRequest where it names nobody."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadRequest(f"{url!r} is no address: {error}") from error
    if parts.scheme not in _PORTS or not parts.hostname:
        raise BadRequest(f"{url!r} is no address of http or https")
    return Origin(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], ca)


def request_of(route: RouteRequest, origin: Origin, keeps_cookies: bool = False) -> Request:
    """The request to an origin. BadRequest where a header cannot be sent.

    `keeps_cookies`: whether its user has some, JAR_LINE as a whole header and JAR_MORE beside own.
    """
    kind, body = body_of(route)
    defaults = {
        "Host": origin.authority,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        **({"Content-Type": kind} if kind else {}),
    }
    cookies = "; ".join(f"{name}={value}" for name, value in route.cookies.items())
    said = _laid_over(defaults, {**route.headers, **({"Cookie": cookies} if cookies else {})})
    headers = tuple((name, header_parts(value, route.words)) for name, value in said)
    jar: Parts = ()
    if keeps_cookies and cookies:
        headers = tuple(
            (name, (*parts, Placeholder(JAR_MORE, "header")) if name == "Cookie" else parts)
            for name, parts in headers
        )
    elif keeps_cookies:
        jar = (Placeholder(JAR_LINE, "plain"),)
    target = parts_of(target_of(route.path), str, route.words, "path")
    return Request(route.method, target, headers, body, jar)


def target_of(path: str) -> str:
    """Path and query as they are sent."""
    target = encoded(path)
    return target if target.startswith("/") else f"/{target}"


def encoded(path: str) -> str:
    """A path as it is sent: what is no ASCII is UTF-8, percent-encoded, as browsers do it."""
    return quote(path, safe="%/:=&?~#+!$,;'@()*[]|{}^`<>\\\"")


def header_problem(name: str, value: str) -> str:
    """Why a header cannot be sent; empty where it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no header's name"
    if name.lower() in OWN_HEADERS:
        return f"{name} is the client's own to say"
    if not _VALUE.fullmatch(value):
        return f"{name} has a value with line ends or characters beyond Latin-1"
    return ""


def cookie_problem(name: str, value: str) -> str:
    """Why a cookie cannot be sent; empty where it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no cookie's name"
    return "" if _COOKIE.fullmatch(value) else f"{name} has a value that no cookie can have"


def _laid_over(defaults: Mapping[str, str], own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The defaults but for what is said otherwise, and that; what is said empty is not sent."""
    if problems := [found for item in own.items() if (found := header_problem(*item))]:
        raise BadRequest("; ".join(problems))
    said = {name.lower() for name in own}
    kept = {name: value for name, value in defaults.items() if name.lower() not in said}
    for name, value in {**kept, **own}.items():
        if value.strip():
            yield name, value.strip()
