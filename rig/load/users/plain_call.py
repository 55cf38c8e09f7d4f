"""A call of `PlainHttpUser`'s client as a value, and the one that an answer makes of it. Pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from rig.load.http.request import BadRequest, cookie_problem, origin_of
from rig.load.users.plain_body import JSON

REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
OF_A_BODY, OF_ONE_ORIGIN = frozenset({"content-type"}), frozenset({"authorization", "cookie"})

Auth = tuple[str | bytes, str | bytes]


@dataclass(frozen=True)
class Call:
    """What is sent, but for the cookies that its user keeps."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    cookies: str = ""
    """Of this call alone."""

    @property
    def has_own_cookies(self) -> bool:
        """Whether its headers say all of them, so that none of those kept is sent."""
        return any(name.lower() == "cookie" for name, _ in self.headers)

    def moved(self, status: int, location: str) -> Call:
        """The same elsewhere. What is meant for one origin goes to no other. BadRequest."""
        url, keeps = urljoin(self.url, location), status in KEEP_METHOD
        foreign = origin_of(url) != origin_of(self.url)
        left = (frozenset() if keeps else OF_A_BODY) | (OF_ONE_ORIGIN if foreign else frozenset())
        return Call(
            self.method if keeps or self.method == "HEAD" else "GET",
            url,
            tuple(item for item in self.headers if item[0].lower() not in left),
            self.body if keeps else None,
            "" if foreign else self.cookies,
        )


def with_params(url: str, params: Mapping[str, object] | None) -> str:
    """A URL with these added to its query."""
    if not params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params, doseq=True)}"


def headers_of(
    default: Mapping[str, str] | None, own: Mapping[str, str] | None, kind: str, signed: str
) -> tuple[tuple[str, str], ...]:
    """A call's header fields. `kind`: its body's; `signed`: what `Authorization` says."""
    if not (default or own or kind or signed):
        return ()
    found = {**(default or {}), **(own or {})}
    if kind.startswith("multipart/"):  # nobody else knows its boundary
        found = {name: value for name, value in found.items() if name.lower() != "content-type"}
    names = {name.lower() for name in found}
    if kind and "content-type" not in names:
        found["Content-Type"] = kind
        if kind == JSON and "accept" not in names:
            found["Accept"] = JSON
    if signed:
        found["Authorization"] = signed
    return tuple(found.items())


def cookies_of(said: Mapping[str, str] | None) -> str:
    """A call's own cookies as they are sent. BadRequest where one cannot be."""
    if problems := [found for item in (said or {}).items() if (found := cookie_problem(*item))]:
        raise BadRequest("; ".join(problems))
    return "; ".join(f"{name}={value}" for name, value in (said or {}).items())


def basic(user: str | bytes, password: str | bytes) -> str:
    """What `Authorization` says by the Basic scheme (RFC 7617), in Latin-1."""
    both = (one if isinstance(one, bytes) else one.encode("latin-1") for one in (user, password))
    return f"Basic {b64encode(b':'.join(both)).decode()}"
