"""For a user's own Locust file: `PlainHttpUser`, FastHttpUser at a fraction of its cost.

    from rig.load.users.plain_http_user import PlainHttpUser

The calls are FastHttpUser's: `self.client.get(...)` and its like, with every keyword that means
something there; cookies are kept and redirections followed. What differs: TLS is verified unless
`insecure` is set, nothing is sent twice, and compression is asked for only where a header says so.
May not know the rig's loads.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import unquote, urlsplit

from locust import User
from locust.env import Environment
from locust.exception import StopTest
from locust.user.users import RestMixin

from rig.load.http.answer import ANY_STATUS, FAILED, Answer, NoAnswer
from rig.load.http.asked import RouteRequest
from rig.load.http.cookies import Cookies
from rig.load.http.origin import resolved
from rig.load.http.request import WITH_BODY, BadRequest, Origin, origin_of, request_of
from rig.load.users.greenlets import Client, Streamed, sweeper
from rig.load.users.plain_body import Data, Files, body_of
from rig.load.users.plain_call import (
    REDIRECTIONS,
    Auth,
    Call,
    basic,
    cookies_of,
    headers_of,
    with_params,
)
from rig.load.users.plain_response import FAILING, MOST_BYTES, BadStatus, PlainResponse

MOST_PREPARED = 1000
NOT_HERE = {
    "max_retries": "nothing is sent twice",
    "to_string": "the answer has `content`",
    "debug_stream": "nothing is written elsewhere",
    "timeout": "`network_timeout` of the user's class is that of each exchange",
    "verify": "`insecure` of the user's class says whether TLS is verified",
    "cert": "`ssl_context_factory` of the user's class may load one",
    "proxies": "it goes to the host itself",
    "proxy_host": "it goes to the host itself",
    "proxy_port": "it goes to the host itself",
    "client_pool": "each user has its own connections",
}
"""What other clients take, and this one does not."""


class PlainHttpUser(User, RestMixin[PlainResponse]):
    """A user whose `client` sends prebuilt bytes over a plain socket."""

    abstract = True
    network_timeout: float = 60.0
    """For each whole exchange, in s: connecting, sending, and all of the answer."""
    max_redirects: int = 30
    insecure: bool = False
    """True: whoever answers over TLS is believed to be who was asked."""
    default_headers: Mapping[str, str] | None = None
    ssl_context_factory: Callable[[], ssl.SSLContext] | None = None
    """Gives what TLS is made of, in the place of what verifies it or, `insecure`, does not."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest("`host` is not set: in the user class, or by --host")
        for name, why in NOT_HERE.items():
            if getattr(self, name, None):
                raise StopTest(f"`{name}` of {type(self).__name__}: {why}")
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


@dataclass(frozen=True)
class _Got:
    """What came of a call: an answer, its body perhaps still to come; or why there is none."""

    answer: Answer | None = None
    streamed: Streamed | None = None
    error: Exception | None = None

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @property
    def location(self) -> str:
        """Where else it sends."""
        if self.answer is None or self.status not in REDIRECTIONS:
            return ""
        return self.answer.fields().get("location", "")

    @property
    def length(self) -> int:
        """Bytes of the body as they came; of one that is still to come, as its head announces."""
        if self.answer is None or self.streamed is None:
            return self.answer.body_bytes if self.answer else 0
        announced = self.answer.fields().get("content-length", "")
        return int(announced) if announced.isdecimal() else 0

    def close(self) -> None:
        """Gives up what is still to come."""
        if self.streamed is not None:
            self.streamed.close()


def _refuse(keywords: Mapping[str, Any]) -> None:
    """TypeError for a keyword that asks for what this client does not do."""
    for keyword, value in keywords.items():
        if value or keyword not in NOT_HERE:
            raise TypeError(f"`{keyword}=`: {NOT_HERE.get(keyword, 'no such keyword here')}")


class PlainHttpSession:
    """One user's connections and cookies."""

    def __init__(self, user: PlainHttpUser) -> None:
        self._user, self._event = user, user.environment.events.request
        parts = urlsplit(str(user.host))
        self.base_url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        named = parts.username
        self._auth = basic(unquote(named), unquote(parts.password or "")) if named else ""
        self._timeout_s = user.network_timeout
        self._sweeper = sweeper(self._timeout_s)
        self._clients: dict[Origin, Client] = {}
        self._prepared: dict[tuple[object, ...], _Prepared] = {}
        self.cookies = Cookies()
        self.cookiejar: CookieJar = self.cookies.jar
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
        data: Data = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        files: Files | None = None,
        max_redirects: int | None = None,
        cookies: Mapping[str, str] | None = None,
        **others: Any,
    ) -> PlainResponse:
        """Sends a request, and fires Locust's `request` event for it; as FastHttpUser's client.

        `stream`: gives the response as soon as its head has come, which is what is timed then.
        `cookies`: for this request alone, beside those that are kept.
        """
        _refuse(others)
        user, absolute = self._user, url.startswith(("http://", "https://"))
        whole_url = with_params(url if absolute else f"{self.base_url}{url}", params)
        kind, body = body_of(data, json, files)
        fields = headers_of(
            user.default_headers, headers, kind, basic(*auth) if auth else self._auth
        )
        most = user.max_redirects if max_redirects is None else max_redirects
        wall_s, begun_s = time.time(), time.monotonic()
        call = Call(method, whole_url, fields, body, cookies_of(cookies))
        got = self._answered(call, most if allow_redirects else 0, stream)
        took_ms = 1000 * (time.monotonic() - begun_s)
        error = BadStatus(f"status {got.status}") if got.status >= FAILING else got.error
        meta: dict[str, Any] = {
            "request_type": method,
            "name": name or self.request_name or url,
            "context": {**self._user.context(), **(context or {})},
            "exception": error,
            "start_time": wall_s,
            "url": whole_url,
            "response_length": got.length,
            "response_time": took_ms,
        }
        meta["response"] = response = PlainResponse(
            got.answer, whole_url, error, meta, got.streamed
        )
        if catch_response:
            return response.caught_by(self._event)
        self._event.fire(**meta)
        return response

    def iter_lines(self, url: str, method: str = "GET", **keywords: Any) -> Iterator[str]:
        """The lines of an answer as they come, without their ends."""
        response = self.request(method, url, stream=True, **keywords)
        response.raise_for_status()
        yield from response.iter_lines()

    def get(self, url: str, **keywords: Any) -> PlainResponse:
        """Sends a GET."""
        return self.request("GET", url, **keywords)

    def head(self, url: str, **keywords: Any) -> PlainResponse:
        """Sends a HEAD."""
        return self.request("HEAD", url, **keywords)

    def options(self, url: str, **keywords: Any) -> PlainResponse:
        """Sends an OPTIONS."""
        return self.request("OPTIONS", url, **keywords)

    def delete(self, url: str, **keywords: Any) -> PlainResponse:
        """Sends a DELETE."""
        return self.request("DELETE", url, **keywords)

    def post(self, url: str, data: Any = None, json: Any = None, **keywords: Any) -> PlainResponse:
        """Sends a POST."""
        return self.request("POST", url, data=data, json=json, **keywords)

    def put(self, url: str, data: Any = None, **keywords: Any) -> PlainResponse:
        """Sends a PUT."""
        return self.request("PUT", url, data=data, **keywords)

    def patch(self, url: str, data: Any = None, **keywords: Any) -> PlainResponse:
        """Sends a PATCH."""
        return self.request("PATCH", url, data=data, **keywords)

    def _answered(self, call: Call, most: int, streams: bool) -> _Got:
        """The last answer, or why there is none."""
        try:
            got = self._sent(call, streams)
            for _ in range(most):
                if not (location := got.location):
                    return got
                got.close()
                call = call.moved(got.status, location)
                got = self._sent(call, streams)
        except (NoAnswer, BadRequest) as error:
            return _Got(error=error)
        if most and got.location:
            got.close()
            return _Got(error=NoAnswer(FAILED, f"{most} redirections, and another one"))
        return got

    def _sent(self, call: Call, streams: bool) -> _Got:
        key = call.method, call.url, call.headers
        prepared = self._prepared.get(key) or self._prepare(*key)
        message, cookies = prepared.head, call.cookies
        if len(self.cookies.jar) and not call.has_own_cookies:
            cookies = "; ".join(filter(None, (self.cookies.header(call.url), cookies)))
        if cookies:
            message += b"Cookie: %b\r\n" % cookies.encode("latin-1")
        if call.body is not None or call.method in WITH_BODY:
            message += b"Content-Length: %d\r\n\r\n%b" % (len(call.body or b""), call.body or b"")
        else:
            message += b"\r\n"
        streamed = None
        sent_s, client = time.monotonic(), prepared.client
        if streams:
            reader, streamed = client.stream(message, sent_s, prepared.is_head)
        else:
            reader = client.ask(message, sent_s, prepared.is_head, ANY_STATUS, MOST_BYTES)
        answer = reader.answer()
        if reader.sets_cookies:
            self.cookies.take(call.url, answer.pairs())
        return _Got(answer, streamed)

    def _prepare(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> _Prepared:
        origin, parts = origin_of(url), urlsplit(url)
        if origin not in self._clients:
            place = resolved(origin, not self._user.insecure)
            if place.tls and (factory := type(self._user).ssl_context_factory):
                place = replace(place, tls=factory())
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
