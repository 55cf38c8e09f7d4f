"""A user's cookies: the standard library's jar, asked only when something has changed.

May not know connections nor Locust.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.message import Message
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.request import Request

KNOWN_FOR_S = 1.0
"""After so long the jar is asked again: a cookie may have expired."""


class Cookies:
    """What one user keeps between requests."""

    def __init__(self, behind_tls: bool = False) -> None:
        """`behind_tls`: what is for https alone is sent over http, too, as by who ends TLS."""
        protocols = ("http", "https") if behind_tls else ("https",)
        self.jar = CookieJar(DefaultCookiePolicy(secure_protocols=protocols))
        self._known: dict[str, tuple[float, str]] = {}

    def header(self, url: str) -> str:
        """What is sent to a URL; empty for nothing."""
        known = self._known.get(url)
        if known is None or time.monotonic() > known[0]:
            asking = Request(url)
            self.jar.add_cookie_header(asking)
            sent = asking.get_header("Cookie") or ""
            known = self._known[url] = (time.monotonic() + KNOWN_FOR_S, sent)
        return known[1]

    def take(self, url: str, fields: Iterable[tuple[str, str]]) -> None:
        """Keeps what an answer from this URL sets."""
        answered: Any = _Answered(fields)
        self.jar.extract_cookies(answered, Request(url))
        self._known.clear()


class _Answered:
    """An answer's head in the shape that the jar reads."""

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._message = Message()
        for name, value in fields:
            if name in ("set-cookie", "set-cookie2"):
                self._message[name] = value

    def info(self) -> Message:
        return self._message
