"""Serves the page and its events, in a thread of its own, on uvicorn.

Whoever reads too slowly is dropped, and begins anew when its browser comes back. A name may be
made to lead to this machine by somebody's DNS, an address may not: only addresses are answered.
May not know what a session is.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import uvicorn

from rig.cli.live.history import Event, History

MOST_WAITING = 256
"""Events that a reader may be behind."""
MOST_CONNECTIONS = 100
START_DEADLINE_S, END_DEADLINE_S = 5.0, 3.0
LAST_WORDS_S = 1
"""So long readers have to take the last events."""

_COMMON = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        b"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Events = Iterable[Event]


@dataclass(frozen=True)
class File:
    """One of the page's files."""

    kind: str
    body: bytes


class Reader:
    """One tab: the bytes that it has not been sent yet."""

    def __init__(self, first: bytes) -> None:
        self._waiting = deque([first])
        self._news = asyncio.Event()
        self._news.set()
        self._over = False

    def offer(self, data: bytes) -> bool:
        """Whether it keeps up."""
        self._waiting.append(data)
        self._news.set()
        return len(self._waiting) <= MOST_WAITING

    def end(self) -> None:
        """It gets what is waiting, and no more."""
        self._over = True
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What is new, as often as something is."""
        while not self._over or self._waiting:
            await self._news.wait()
            self._news.clear()
            if self._waiting:
                data = b"".join(self._waiting)
                self._waiting.clear()
                yield data


class Page:
    """The ASGI application: the page's files, and its events."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files
        self._history = History()
        self._readers: dict[Reader, asyncio.Task[Any] | None] = {}

    def publish(self, event: Event) -> None:
        """Tells every reader; those that are too far behind are let go."""
        self._history.add(event)
        data = event.to_wire()
        for reader, task in list(self._readers.items()):
            if not reader.offer(data):
                del self._readers[reader]
                if task is not None:
                    task.cancel()

    def end(self) -> None:
        """Lets all readers go, once they have what is waiting for them."""
        for reader in self._readers:
            reader.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        file = self._files.get(scope["path"])
        if not _is_address(dict(scope["headers"]).get(b"host", b"")):
            await _answer(send, 403, _text("This page is served to addresses only.\n"))
        elif scope["method"] != "GET":
            await _answer(send, 405, _text("This page can be read only.\n"), (b"allow", b"GET"))
        elif scope["path"] == "/events":
            await self._stream(receive, send)
        elif file is not None:
            await _answer(send, 200, file)
        else:
            await _answer(send, 404, _text("There is no such page here.\n"))

    async def _stream(self, receive: Receive, send: Send) -> None:
        reader = Reader(b"retry: 1000\n\n" + b"".join(e.to_wire() for e in self._history.replay()))
        self._readers[reader] = asyncio.current_task()
        leaving = asyncio.ensure_future(_until_gone(receive, reader))
        try:
            await send(_start(200, b"text/event-stream"))
            async for data in reader.chunks():
                await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            self._readers.pop(reader, None)


async def _until_gone(receive: Receive, reader: Reader) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.end()


def _is_address(host: bytes) -> bool:
    """Whether a Host header names an IP address, or this very machine."""
    name = host.decode("ascii", "replace")
    name = name.rpartition(":")[0] if name.rpartition(":")[2].isdecimal() else name
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _text(words: str) -> File:
    return File("text/plain; charset=utf-8", words.encode())


def _start(status: int, kind: bytes, *more: tuple[bytes, bytes]) -> MutableMapping[str, Any]:
    headers = [(b"content-type", kind), *_COMMON, *more]
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _answer(send: Send, status: int, file: File, *more: tuple[bytes, bytes]) -> None:
    length = (b"content-length", str(len(file.body)).encode())
    await send(_start(status, file.kind.encode(), length, *more))
    await send({"type": "http.response.body", "body": file.body})


class Server:
    """A page that is served. Nothing that goes wrong in it reaches whoever publishes."""

    def __init__(self, files: Mapping[str, File], listening: socket.socket) -> None:
        self._page, self._socket = Page(files), listening
        for name in ("asyncio", "uvicorn"):  # what they say of a tab's end is nobody's concern
            logging.getLogger(name).addHandler(logging.NullHandler())
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self._page,
                loop="asyncio",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=LAST_WORDS_S,
            )
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="live page", daemon=True)
        self.failure = ""
        """Why it serves no more; empty while it does."""

    def start(self) -> None:
        """Returns when somebody may ask."""
        self._thread.start()

    def _run(self) -> None:
        try:
            with contextlib.closing(self._loop):
                self._loop.run_until_complete(self._serve())
        except (Exception, SystemExit) as error:
            self.failure = f"{type(error).__name__}: {error}"

    def tell(self, make: Callable[[], Events]) -> None:
        """Publishes events, which are made where they are sent: their maker has one thread.

        From any thread; returns at once.
        """
        self._soon(lambda: self._publish(make))

    def _publish(self, make: Callable[[], Events]) -> None:
        try:
            for event in make():
                self._page.publish(event)
        except Exception as error:
            self.failure = self.failure or f"{type(error).__name__}: {error}"

    def _soon(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(call)

    def close(self) -> None:
        """Tells readers that it is over, and serves no more; within a few seconds."""
        self._soon(self._page.end)
        self._soon(self._leave)
        self._thread.join(END_DEADLINE_S)

    def _leave(self) -> None:
        self._uvicorn.should_exit = True

    async def _serve(self) -> None:
        await self._uvicorn.serve(sockets=[self._socket])
        for connection in self._uvicorn.server_state.connections:
            # of who does not read: it would wait for ever
            connection.transport.abort()
        await asyncio.sleep(0)
