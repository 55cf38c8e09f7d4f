"""Whether a target serves: its ready path is asked until it answers 200, or until it is plain that
it will not.

May not know how a target is started, nor where.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable

from rig.backends import http
from rig.backends.base import ProcessHandle, tail
from rig.backends.expected import Response
from rig.backends.processes import until
from rig.model import StackError
from rig.plan import Target

SILENT = "nothing more"
REFUSED_FOR_S = 3.0
"""An app that refuses for so long knows its own mind: what it answers while it starts, changes."""


def await_ready(
    app: ProcessHandle, url: str, target: Target, start_error: Callable[[], str] = str
) -> None:
    """Returns once the ready path under `url` answers 200.

    `start_error`: why the project cannot be loaded, as the wrapper around it says; else empty.
    StackError: it cannot be loaded; the app ended; it refuses, with what its settings lack; the
    deadline is over.
    """
    refused_since_s: float | None = None
    answer = Response(0, b"nobody listens")
    ca = http.vouching(target)
    for _ in until(target.limits.start_s):
        answer = http.get(f"{url}{target.ready}", ca)
        if answer.status == 200 or _serves_unwrapped(target, answer):
            return
        # a server may try again for ever to load what does not load
        if why := start_error():
            raise StackError(f"target {target.name} does not start: {why}")
        if app.code() is not None:
            raise StackError(f"app ended at its start: {tail(app)}")
        if not 300 <= answer.status < 500:
            refused_since_s = None
        elif refused_since_s is None:
            refused_since_s = time.monotonic()
        elif time.monotonic() - refused_since_s >= REFUSED_FOR_S:
            raise StackError(_refusal(target, answer), _cure(answer))
    raise StackError(
        f"target {target.name} was not ready within {target.limits.start_s:g} s "
        f"({_refusal(target, answer)}): {tail(app)}",
        "a start that takes longer is given `limits: {start: 3m}` in its target.yaml",
    )


def _serves_unwrapped(target: Target, answer: Response) -> bool:
    """Whether the project itself says that it does not know the wrapper's path."""
    return target.django is not None and target.ready.startswith("/-/") and answer.status == 404


def _refusal(target: Target, answer: Response) -> str:
    if not answer.status:
        return f"nobody answers at {{host}}:{{port}}: {answer.begins or SILENT}"
    what = f"it leads to {answer.location}" if answer.location else answer.begins or SILENT
    return f"the ready path {target.ready} of target {target.name} answers {answer.status}: {what}"


def _cure(answer: Response) -> str:
    """What to set, by what such an answer most often means in Django."""
    if answer.status == 400:
        return "its settings must allow the hosts it is asked at: ALLOWED_HOSTS = ['*']"
    if urllib.parse.urlsplit(answer.location).scheme == "https":
        return "it is asked over http: let its settings not redirect, SECURE_SSL_REDIRECT = False"
    return "name a path that answers 200 to everybody: `ready` in its target.yaml"
