"""A request as a value: what goes over the wire, and where each one differs from the next.

Pure. Who checks a target, who asks it without load and who loads it all send what this gives, so
that a target cannot tell them apart. May not know sockets, Locust, nor what is done with an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from rig.model import VERSION

PLACE = "{unique}"
USER_AGENT = f"async-django-rig/{VERSION}"
HTTP, HTTPS = "http", "https"
_PORTS = {HTTP: 80, HTTPS: 443}
WITH_BODY = ("POST", "PUT", "PATCH")
"""Methods that announce the length of a body even where there is none."""
OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "expect", "upgrade"})
"""What decides where a message ends is the client's own, and nobody else's to say."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class BadRequest(ValueError):
    """What cannot be sent; its text says why."""


class Asked(Protocol):
    """What a route, a load's spec and an unloaded request all say of what they send."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def form(self) -> Mapping[str, str]: ...
    @property
    def json(self) -> Any: ...


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
    """One request, or as many as have a text of their own in the place of each `{unique}`."""

    method: str
    target: str
    """Path and query as they are sent: ASCII alone."""
    headers: tuple[tuple[str, str], ...]
    """All but Content-Length, in their order."""
    body: tuple[bytes, ...] = ()
    """What stands around the places of `{unique}`; nothing where there is no body."""

    @property
    def is_head(self) -> bool:
        """Whether its answer has no body, whatever that announces."""
        return self.method == "HEAD"

    def body_of(self, unique: str) -> bytes:
        """The body with every place filled in."""
        return unique.encode().join(self.body)

    def sent_headers(self, unique: str) -> dict[str, str]:
        """Every header as it is sent."""
        length = {"Content-Length": str(len(self.body_of(unique)))} if self._has_length else {}
        return {**dict(self.headers), **length}

    @property
    def _has_length(self) -> bool:
        return bool(self.body) or self.method in WITH_BODY

    def head(self) -> bytes:
        """Its lines but for Content-Length and the empty one, each with its end."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "".join(f"{line}\r\n" for line in lines).encode("latin-1")

    def prebuilt(self) -> Prebuilt:
        """Its bytes, made ready for many sends."""
        return Prebuilt(self.head(), self.body, self._has_length)


class Prebuilt:
    """A request's bytes. A send is one join where something varies, and none where nothing does."""

    __slots__ = ("_fixed", "_head", "_length", "_parts", "_places")

    def __init__(self, head: bytes, parts: tuple[bytes, ...], has_length: bool) -> None:
        self._head = head + b"Content-Length: " if has_length else head
        self._parts, self._places = parts, max(0, len(parts) - 1)
        self._length = sum(map(len, parts))
        self._fixed = b""
        if not has_length:
            self._fixed = head + b"\r\n"
        elif not self._places:
            self._fixed = self.of("")

    def of(self, unique: str) -> bytes:
        """The whole message with this text in its places."""
        if self._fixed:
            return self._fixed
        filling = unique.encode()
        length = self._length + self._places * len(filling)
        return b"%b%d\r\n\r\n%b" % (self._head, length, filling.join(self._parts))


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


def request_of(asked: Asked, origin: Origin) -> Request:
    """The request to an origin. BadRequest where a header cannot be sent."""
    kind, body = _body(asked)
    defaults = {
        "Host": origin.authority,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        **({"Content-Type": kind} if kind else {}),
    }
    return Request(asked.method, target_of(asked.path), __laid_over(defaults, asked.headers), body)


def target_of(path: str) -> str:
    """Path and query as they are sent."""
    target = encoded(path)
    return target if target.startswith("/") else f"/{target}"


def encoded(path: str) -> str:
    """A path as it is sent: what is no ASCII is UTF-8, percent-encoded, as browsers do it."""
    return quote(path, safe="%/:=&?~#+!$,;'@()*[]|{}^`<>\\\"")


def fill(value: Any, unique: str) -> Any:
    """A body with `{unique}` filled in, at any depth."""
    if isinstance(value, str):
        return value.replace(PLACE, unique)
    if isinstance(value, dict):
        return {key: fill(inner, unique) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, unique) for inner in value]
    return value


def header_problem(name: str, value: str) -> str:
    """Why a header cannot be sent; empty where it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is no header's name"
    if name.lower() in OWN_HEADERS:
        return f"{name} is the client's own to say"
    if not _VALUE.fullmatch(value):
        return f"{name} has a value with line ends or characters beyond Latin-1"
    return ""


def __laid_over(defaults: Mapping[str, str], own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The defaults but for what is said otherwise, and that; what is said empty is not sent."""
    if problems := [found for item in own.items() if (found := header_problem(*item))]:
        raise BadRequest("; ".join(problems))
    said = {name.lower() for name in own}
    kept = {name: value for name, value in defaults.items() if name.lower() not in said}
    return tuple((name, value.strip()) for name, value in {**kept, **own}.items() if value.strip())


def _body(asked: Asked) -> tuple[str, tuple[bytes, ...]]:
    """The body's kind, and its parts around each place."""
    if asked.json is not None:
        return "application/json", _parts(asked.json, json.dumps)
    if asked.form:
        return "application/x-www-form-urlencoded", _parts(dict(asked.form), urlencode)
    return "", ()


def _parts(value: Any, write: Any) -> tuple[bytes, ...]:
    # a text that no encoding changes, and that the body has nowhere else
    mark, number = "unique0", 0
    while mark in write(fill(value, "")):
        number += 1
        mark = f"unique{number}"
    return tuple(part.encode() for part in write(fill(value, mark)).split(mark))
