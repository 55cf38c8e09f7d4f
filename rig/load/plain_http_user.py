"""For a user's own Locust file: `PlainHttpUser`, FastHttpUser at a fraction of its cost.

    from rig.load.plain_http_user import PlainHttpUser

The calls are FastHttpUser's: `self.client.get(...)` and its like, `catch_response`, `name`, `json`,
`data`, `headers`, `params`, `auth`; cookies are kept and redirections followed. What differs: TLS
is verified unless `insecure` is set, nothing is sent twice, and compression is asked for only where
a header says so. May not know the rig's loads.
"""

from __future__ import annotations

import json as jsons
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from locust import User
from locust.env import Environment
from locust.exception import StopTest

from rig.load.answer import ANY_STATUS, Answer, NoAnswer
from rig.load.asked import RouteRequest
from rig.load.cookies import Cookies
from rig.load.greenlets import Client, sweeper
from rig.load.origin import resolved
from rig.load.plain_response import FAILING, BadStatus, PlainResponse
from rig.load.request import WITH_BODY, BadRequest, Origin, origin_of, request_of

REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
KEEP_METHOD = frozenset({307, 308})
MOST_BODY_BYTES = 256 << 20
MOST_PREPARED = 1000
JSON = "application/json"


class PlainHttpUser(User):
    """A user whose `client` sends prebuilt bytes over a plain socket."""

    abstract = True
    network_timeout: float = 60.0
    """For each whole exchange, in s: connecting, sending, and all of the answer."""
    max_redirects: int = 30
    insecure: bool = False
    """True: whoever answers over TLS is believed to be who was asked."""
    default_headers: Mapping[str, str] | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest("`host` is not set: in the user class, or by --host")
        self.client = PlainHttpSession(self)

    def on_stop(self) -> None:
        self.client.close()


@dataclass(frozen=True)
class _Prepared:
    """All of a request that does not change between two that are alike."""

    client: Client
    head: bytes
    is_head: bool
    url: str


class PlainHttpSession:
    """One user's connections and cookies."""

    def __init__(self, user: PlainHttpUser) -> None:
        self._user, self._event = user, user.environment.events.request
        parts = urlsplit(str(user.host))
        self.base_url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._auth = (
            _basic(unquote(parts.username), unquote(parts.password or ""))
            if (parts.username)
            else ""
        )
        self._timeout_s = user.network_timeout
        self._sweeper = sweeper(self._timeout_s)
        self._clients: dict[Origin, Client] = {}
        self._prepared: dict[tuple[object, ...], _Prepared] = {}
        self.cookies = Cookies()
        self.request_name: str | None = None

    def close(self) -> None:
        """Closes its connections."""
        for client in self._clients.values():
            client.close()

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Groups the requests of a `with` block under one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: str | bytes | Mapping[str, Any] | None = None,
        catch_response: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> PlainResponse:
        """Sends a request, and fires Locust's `request` event for it; as FastHttpUser's client."""
        whole_url = url if url.startswith(("http://", "https://")) else f"{self.base_url}{url}"
        if params:
            whole_url += f"{'&' if '?' in whole_url else '?'}{urlencode(params, doseq=True)}"
        kind, body = _body(data, json)
        own = self._own_headers(headers, auth, kind)
        wall_s, begun_s = time.time(), time.monotonic()
        answer, error = self._answered(method, whole_url, own, body, allow_redirects)
        took_ms = 1000 * (time.monotonic() - begun_s)
        if answer is not None and answer.status >= FAILING:
            error = BadStatus(f"status {answer.status}")
        meta: dict[str, Any] = {
            "request_type": method,
            "name": name or self.request_name or url,
            "context": {**self._user.context(), **(context or {})},
            "exception": error,
            "start_time": wall_s,
            "url": whole_url,
            "response_length": answer.body_bytes if answer else 0,
            "response_time": took_ms,
        }
        meta["response"] = response = PlainResponse(answer, whole_url, error, meta)
        if catch_response:
            return response.caught_by(self._event)
        self._event.fire(**meta)
        return response

    def get(self, url: str, **said: Any) -> PlainResponse:
        """Sends a GET."""
        return self.request("GET", url, **said)

    def head(self, url: str, **said: Any) -> PlainResponse:
        """Sends a HEAD."""
        return self.request("HEAD", url, **said)

    def options(self, url: str, **said: Any) -> PlainResponse:
        """Sends an OPTIONS."""
        return self.request("OPTIONS", url, **said)

    def delete(self, url: str, **said: Any) -> PlainResponse:
        """Sends a DELETE."""
        return self.request("DELETE", url, **said)

    def post(self, url: str, data: Any = None, json: Any = None, **said: Any) -> PlainResponse:
        """Sends a POST."""
        return self.request("POST", url, data=data, json=json, **said)

    def put(self, url: str, data: Any = None, **said: Any) -> PlainResponse:
        """Sends a PUT."""
        return self.request("PUT", url, data=data, **said)

    def patch(self, url: str, data: Any = None, **said: Any) -> PlainResponse:
        """Sends a PATCH."""
        return self.request("PATCH", url, data=data, **said)

    def _own_headers(
        self, headers: Mapping[str, str] | None, auth: tuple[str, str] | None, kind: str
    ) -> tuple[tuple[str, str], ...]:
        if not (headers or auth or kind or self._auth or self._user.default_headers):
            return ()
        found = {**(self._user.default_headers or {}), **(headers or {})}
        names = {name.lower() for name in found}
        if kind and "content-type" not in names:
            found["Content-Type"] = kind
            if kind == JSON and "accept" not in names:
                found["Accept"] = JSON
        if said := _basic(*auth) if auth else self._auth:
            found["Authorization"] = said
        return tuple(found.items())

    def _answered(
        self,
        method: str,
        url: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes | None,
        follows: bool,
    ) -> tuple[Answer | None, Exception | None]:
        """The last answer, or why there is none."""
        try:
            answer = self._sent(method, url, headers, body)
            for _ in range(self._user.max_redirects if follows else 0):
                location = answer.fields().get("location") if answer.status in REDIRECTIONS else ""
                if not location:
                    break
                url = urljoin(url, location)
                if answer.status not in KEEP_METHOD:
                    method, body = ("HEAD" if method == "HEAD" else "GET"), None
                answer = self._sent(method, url, headers, body)
        except (NoAnswer, BadRequest) as error:
            return None, error
        return answer, None

    def _sent(
        self, method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes | None
    ) -> Answer:
        prepared = self._prepared.get((method, url, headers)) or self._prepare(method, url, headers)
        message = prepared.head
        if len(self.cookies.jar) and (cookies := self.cookies.header(url)):
            message += b"Cookie: %b\r\n" % cookies.encode("latin-1")
        if body is not None or method in WITH_BODY:
            message += b"Content-Length: %d\r\n\r\n%b" % (len(body or b""), body or b"")
        else:
            message += b"\r\n"
        reader = prepared.client.ask(
            message, time.monotonic(), prepared.is_head, ANY_STATUS, MOST_BODY_BYTES
        )
        answer = reader.answer()
        if any(b"cookie" in part.lower() for part in answer.head):
            self.cookies.take(url, answer.pairs())
        return answer

    def _prepare(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> _Prepared:
        origin, parts = origin_of(url), urlsplit(url)
        if origin not in self._clients:
            place = resolved(origin, not self._user.insecure)
            self._clients[origin] = Client(place, self._timeout_s, self._sweeper)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        request = request_of(
            RouteRequest("", method, path, headers=dict(headers), words=()), origin
        )
        prepared = _Prepared(self._clients[origin], request.head(), request.is_head, url)
        if len(self._prepared) >= MOST_PREPARED:
            self._prepared.clear()  # urls that are each asked once need no place here
        self._prepared[method, url, headers] = prepared
        return prepared


def _body(data: str | bytes | Mapping[str, Any] | None, json: Any) -> tuple[str, bytes | None]:
    """The kind and the bytes of what a call sends; None for nothing."""
    if data:
        if isinstance(data, bytes):
            return "application/octet-stream", data
        if isinstance(data, str):
            return "text/plain; charset=utf-8", data.encode()
        return "application/x-www-form-urlencoded; charset=utf-8", urlencode(
            data, doseq=True
        ).encode()
    return ("", None) if json is None else (JSON, jsons.dumps(json).encode())


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode('latin-1')).decode()}"
