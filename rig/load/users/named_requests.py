"""Tells the recorder of what the users of somebody's own Locust file send, request by request.

Locust's `request` event says how one ended. That it began is noted around the client's call, so
that those in flight at the stop are known, too; its number travels in the request's context, which
Locust hands on to the event. An event without a number is the file's own: it began as long ago as
it says that it took. May not know how users are made, nor when the load begins or ends.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

from rig.load.counting.recorder import Recorder
from rig.load.http import outcome
from rig.load.http.answer import FAILED
from rig.load.users.plain_http_user import PlainHttpSession
from rig.model import OUTCOME_OK

NUMBER = "rig_request"
"""The key of a request's number in its context."""
UNCOUNTED = 0
"""The number of one that begins when nobody counts any more."""
MOST_NAMES, OTHERS = 300, "(others)"
"""Names that are told apart in a load worker; a file that names no groups has one for each URL."""
MOST_NAME_CHARS = 200
HELD_S = 60.0
"""Longer than Locust takes to stop its users, once the load is over."""
CLIENTS: tuple[type[Any], ...] = (HttpSession, FastHttpSession, PlainHttpSession)


@dataclass
class _Sent:
    """A request whose event has not come yet."""

    client: Any
    name: str
    at_s: float
    answered_s: float | None = None
    """When its answer was handed to the file, which has not said yet what it thinks of it."""
    answer: Any = None


class NamedRequests:
    """What one load worker's users send."""

    def __init__(
        self, recorder: Recorder, now_s: Callable[[], float], is_over: Callable[[float], bool]
    ) -> None:
        """`now_s`: seconds since the load began; `is_over`: whether nobody counts any more."""
        self._recorder, self._now_s, self._is_over = recorder, now_s, is_over
        self._sent: dict[int, _Sent] = {}
        self._names: set[str] = set()
        self.begun = 0
        """Requests, and events of the file's own, so far: whether a task has sent anything."""

    def listen(self, environment: Environment) -> None:
        """From now on every request of this process is recorded."""
        event: Any = environment.events.request
        event.add_listener(self._ended)
        for client in CLIENTS:
            client.request = self._noted(client.request)

    def _noted(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """A client's `request` around which the beginning is noted."""

        @functools.wraps(request)
        def noted(client: Any, method: Any, url: Any, *more: Any, **said: Any) -> Any:
            number = self._begin(client, f"{_text(method)} {_name(client, url, more, said)}")
            said["context"] = {**(said.get("context") or {}), NUMBER: number}
            try:
                answer = request(client, method, url, *more, **said)
            except Exception:  # what Locust has no answer for, and no event
                self._end(number, self._now_s(), FAILED)
                raise
            client.rig_answered = True
            if (sent := self._sent.get(number)) is not None:
                sent.answered_s, sent.answer = self._now_s(), answer
            return answer

        return noted

    def _begin(self, client: Any, name: str) -> int:
        self.begun += 1
        at_s = self._now_s()
        if self._is_over(at_s):
            _hold(client)
            return UNCOUNTED
        first = not getattr(client, "rig_answered", False)
        name = self._known(name)
        number = self._recorder.start(at_s, first=first, route=name)
        self._sent[number] = _Sent(client, name, at_s)
        return number

    def _end(self, number: int, at_s: float, result: str, name: str = "") -> None:
        if (sent := self._sent.pop(number, None)) is not None:
            self._recorder.finish(number, at_s, name or sent.name, result)

    def break_off(self, user: Any) -> None:
        """A user's task broke: what it was about to say of an answer, it says no more."""
        for number, sent in list(self._sent.items()):
            whose = getattr(sent.client, "user", None) or getattr(sent.client, "_user", None)
            if whose is user and sent.answered_s is not None:
                self._end(number, sent.answered_s, result_of(RuntimeError(), sent.answer))

    def _ended(
        self,
        request_type: Any = "",
        name: Any = "",
        response_time: float | None = None,
        response: Any = None,
        context: Any = None,
        exception: BaseException | None = None,
        **_: Any,
    ) -> None:
        """Locust's event: a request has its answer, and whether the file takes it for right."""
        called = self._known(f"{_text(request_type)} {_text(name)}")
        result, took_s = result_of(exception, response), (response_time or 0.0) / 1000
        number = context.get(NUMBER) if isinstance(context, dict) else None
        if number is not None:
            if number in self._sent:
                self._end(number, self._sent[number].at_s + took_s, result, called)
            return
        self.begun += 1
        at_s = self._now_s()
        if not self._is_over(at_s):
            number = self._recorder.start(max(0.0, at_s - took_s), route=called)
            self._recorder.finish(number, at_s, called, result)

    def _known(self, name: str) -> str:
        name = name.strip()[:MOST_NAME_CHARS]
        if name not in self._names:
            if len(self._names) >= MOST_NAMES:
                return OTHERS
            self._names.add(name)
        return name


def _hold(client: Any) -> None:
    """Keeps a user from sending what nobody would count, until it is stopped.

    What it sends as it stops, such as a logout, it may.
    """
    if not getattr(client, "rig_held", False):
        client.rig_held = True
        gevent.sleep(HELD_S)


def _text(said: Any) -> str:
    """A method, a URL or a name, of whatever type, on one line."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return text if text.isprintable() else "".join(filter(str.isprintable, text))


def _name(client: Any, url: Any, more: tuple[Any, ...], said: dict[str, Any]) -> str:
    """What Locust will call a request, as far as that is known before it is sent."""
    named = said.get("name") or (more[0] if more else None) or client.request_name
    if named:
        return _text(named)
    called = _text(url)
    if isinstance(client, HttpSession):
        parts = urlsplit(called)
        called = f"{parts.path}?{parts.query}" if parts.query else parts.path
        if isinstance(params := said.get("params"), dict):
            called += f"{'&' if parts.query else '?'}{urlencode(params, doseq=True)}"
    return called


def result_of(exception: BaseException | None, response: Any) -> str:
    """The outcome of a request, from what Locust's event says.

    An answer of a right status that the file itself calls a failure is a wrong answer.
    """
    if exception is None:
        return OUTCOME_OK
    named = getattr(exception, "outcome", None)  # of the rig's own client
    if not isinstance(named, str):
        named = outcome.of_error(exception)
    status = getattr(response, "status_code", 0) or 0
    if named != FAILED or not status:
        return str(named)
    if status < 400:
        return outcome.WRONG_ANSWER
    kind = (getattr(response, "headers", None) or {}).get("content-type", "")
    return outcome.of_answer(status, (), str(kind), _body(response))


def _body(response: Any) -> bytes:
    try:
        body = response.content
    except Exception:  # one that cannot be read names no class
        return b""
    return body if isinstance(body, bytes) else b""
