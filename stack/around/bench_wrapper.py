"""Around a project's WSGI or ASGI callable: readiness, facts, counters; the same for every target.

`/-/ready` and `/-/facts` are answered here, everything else by the project. What goes wrong here
must not reach a request: then the project serves without it, and the checks say `unknown`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Awaitable, Callable, Dict, Iterable, Iterator, Tuple
from urllib.parse import unquote_to_bytes

import bench_facts
from bench_counters import OTHERS, ours

READY, FACTS = "/-/ready", "/-/facts"
Routes = Dict[Tuple[str, str, str], str]


def declared_routes(encoding: str) -> Routes:
    """The names of BENCH_ROUTES by method, path as a server hands it on, and query string."""
    routes: Routes = {}
    for name, (method, path) in json.loads(os.environ.get("BENCH_ROUTES", "{}")).items():
        bare, _, query = path.partition("?")
        key = unquote_to_bytes(bare).decode(encoding, "replace")
        routes[method, key, query] = name
        # of routes that differ in their query alone, the first also counts what is sent by others
        routes.setdefault((method, key, ""), name)
    return routes


def facts(event_loop: str | None) -> bytes:
    """The contents of `/-/facts`: what each part can tell, without those that cannot."""
    found: dict[str, Any] = {"event_loop": event_loop}
    for part in (
        bench_facts.process_facts,
        bench_facts.settings_facts,
        bench_facts.connection_facts,
    ):
        try:
            found.update(part())
        except Exception as error:
            print(f"no facts: {part.__name__}: {error!r}", file=sys.stderr, flush=True)
    return json.dumps(found, default=str).encode()


class Wsgi:
    """A WSGI callable around another."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app, self._routes = app, declared_routes("latin-1")
        ours()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/-/") and path in (READY, FACTS):
            body = b"ready" if path == READY else facts(None)
            kind = "text/plain" if path == READY else "application/json"
            headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
            start_response("200 OK", headers)
            return [body]
        tally, correct = ours().mine(), False

        def start(status: str, headers: Any, exc_info: Any = None) -> Any:
            nonlocal correct
            correct = status < "4"
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        tally.begin()
        try:
            answer = self._app(environ, start)
        except BaseException:
            tally.end(self._route(environ, path), False)
            raise
        if getattr(answer, "streaming", False):
            return _Streamed(answer, self._route(environ, path), correct)
        tally.end(self._route(environ, path), correct)
        return answer

    def _route(self, environ: dict[str, Any], path: str) -> str:
        method, routes = environ["REQUEST_METHOD"], self._routes
        query = environ.get("QUERY_STRING", "")
        return routes.get((method, path, query)) or routes.get((method, path, ""), OTHERS)


class _Streamed:
    """A streaming answer, whose request ends with its last part."""

    def __init__(self, answer: Any, route: str, correct: bool) -> None:
        self._answer, self._route, self._correct = answer, route, correct
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        try:
            if hasattr(self._answer, "close"):
                self._answer.close()
        finally:
            if not self._ended:
                self._ended = True
                # of the thread that closes it, which need not be the one that began it
                ours().mine().end(self._route, self._correct)


Send = Callable[[Dict[str, Any]], Awaitable[None]]


class Asgi:
    """An ASGI callable around another."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app, self._routes = app, declared_routes("utf-8")
        ours()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path.startswith("/-/") and path in (READY, FACTS):
            await _answer(send, b"ready" if path == READY else facts(_loop_name()))
            return
        counters, correct = ours(), False
        counters.watch_loop()

        # no coroutine around the server's: what it returns is awaited by who called this
        def sending(message: dict[str, Any]) -> Awaitable[None]:
            nonlocal correct
            if message["type"] == "http.response.start":
                correct = message["status"] < 400
            return send(message)

        counters.mine().begin()
        try:
            await self._app(scope, receive, sending)
        finally:
            # of this thread: who throws a coroutine away may be in another
            counters.mine().end(self._route(scope, path), correct)

    def _route(self, scope: dict[str, Any], path: str) -> str:
        method, routes = scope["method"], self._routes
        query = scope.get("query_string", b"").decode("latin-1")
        return routes.get((method, path, query)) or routes.get((method, path, ""), OTHERS)


async def _answer(send: Send, body: bytes) -> None:
    kind = b"application/json" if body[:1] == b"{" else b"text/plain"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _loop_name() -> str:
    import asyncio

    kind = type(asyncio.get_running_loop())
    return f"{kind.__module__}.{kind.__qualname__}"


def wrapped(app: Any, kind: Any) -> Any:
    """The callable with `kind` around it; itself where that cannot be."""
    if os.environ.get("BENCH_WRAPPER") == "off":
        return app
    try:
        return kind(app)
    except Exception as error:
        print(f"served without its wrapper: {error!r}", file=sys.stderr, flush=True)
        return app
