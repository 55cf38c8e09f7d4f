"""How a `django:` target can be served: a server for each level of the factor `server`.

A new one is an entry in `SERVERS`, and its distribution in pyproject.toml.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.model import Interface
from rig.plan import Draft, Target

OWN = "own"
"""The level of whoever does not choose: its own `start`, or the usual server of its interface."""

WSGI, ASGI = "bench_wsgi:application", "bench_asgi:application"
"""What is served: the target's callable with the wrapper of `stack/around`."""

# as stack/around/bench_gunicorn.py has them
KEEP_ALIVE_S, BACKLOG = "600", "2048"


@dataclass(frozen=True)
class Server:
    """A web server with one of its ways to run an app."""

    interface: Interface
    command: tuple[str, ...]
    """With the placeholders of a target's `start`."""
    distributions: tuple[str, ...]
    """What has to be installed beside the project."""
    threads: bool = False
    """Whether `app_threads` means something to it."""


def _gunicorn(worker_class: str) -> tuple[str, ...]:
    config = "{stack}/around/bench_gunicorn.py"
    return ("{python}", "-m", "gunicorn", "--config", config, "--worker-class", worker_class)


def _file(callable_: str) -> str:
    """By its file: granian takes a module to be of a package where the project's folder is one."""
    return "{stack}/around/" + callable_.replace(":", ".py:")


_PLACE = ("--host", "{host}", "--port", "{port}", "--workers", "{app_workers}")
_GRANIAN = ("{python}", "-m", "granian", *_PLACE, "--backlog", BACKLOG, "--log-level", "warning")

SERVERS: dict[str, Server] = {
    "gunicorn-sync": Server(Interface.WSGI, (*_gunicorn("sync"), WSGI), ("gunicorn",)),
    "gunicorn-gthread": Server(
        Interface.WSGI,
        (*_gunicorn("gthread"), "--threads", "{app_threads}", WSGI),
        ("gunicorn",),
        threads=True,
    ),
    "gunicorn-gevent": Server(Interface.WSGI, (*_gunicorn("gevent"), WSGI), ("gunicorn", "gevent")),
    "gunicorn-uvicorn": Server(
        Interface.ASGI,
        (*_gunicorn("uvicorn_worker.UvicornWorker"), ASGI),
        ("gunicorn", "uvicorn-worker", "uvicorn", "uvloop", "httptools"),
    ),
    "gunicorn-asgi": Server(Interface.ASGI, (*_gunicorn("asgi"), ASGI), ("gunicorn>=24", "uvloop")),
    "uvicorn": Server(
        Interface.ASGI,
        (
            *("{python}", "-m", "uvicorn", *_PLACE, "--backlog", BACKLOG, "--no-access-log"),
            *("--timeout-keep-alive", KEEP_ALIVE_S, "--log-level", "warning", ASGI),
        ),
        ("uvicorn", "uvloop", "httptools"),
    ),
    "granian-wsgi": Server(
        Interface.WSGI,
        (*_GRANIAN, "--interface", "wsgi", "--blocking-threads", "{app_threads}", _file(WSGI)),
        ("granian",),
        threads=True,
    ),
    "granian-asgi": Server(
        Interface.ASGI, (*_GRANIAN, "--interface", "asgi", _file(ASGI)), ("granian", "uvloop")
    ),
    "hypercorn": Server(
        Interface.ASGI,
        (
            *("{python}", "-m", "hypercorn", "--bind", "{host}:{port}"),
            *("--workers", "{app_workers}", "--worker-class", "uvloop", "--backlog", BACKLOG),
            *("--keep-alive", KEEP_ALIVE_S, "--log-level", "warning", ASGI),
        ),
        ("hypercorn", "uvloop"),
    ),
}


def usual(target: Target, app_threads: int) -> str:
    """The server of a `django:` target for which nobody chose one; `OWN` where it starts itself."""
    if target.django is None:
        return OWN
    if not target.django.callable_of(Interface.WSGI):
        return "gunicorn-uvicorn"
    return "gunicorn-gthread" if app_threads > 1 else "gunicorn-sync"


def interface_of(target: Target, server: str) -> Interface | None:
    """How a target is called at a level of `server`; None where its `start` does not say."""
    name = usual(target, 1) if server == OWN else server
    return target.interface if name == OWN else SERVERS[name].interface


def unserved(draft: Draft, target: Target) -> str:
    """Why a target cannot be served like this; empty where it can."""
    chosen, django = draft.server, target.django
    if django is None:
        for factor, level in (("server", chosen), ("middleware", draft.middleware)):
            if level != OWN:
                return f"target {target.name} starts itself, so it has its own {factor} only"
        return ""
    if draft.middleware != OWN and not django.overlay:
        return f"target {target.name} has its own middleware only: `overlay: false`"
    name = usual(target, draft.app_threads) if chosen == OWN else chosen
    server = SERVERS[name]
    if not django.callable_of(server.interface):
        return f"target {target.name} names no {server.interface} callable under `django`"
    if draft.app_threads > 1 and not server.threads:
        return f"server {name} has no threads to vary"
    if server.interface is Interface.ASGI and draft.connections == "persistent" and django.overlay:
        return "under ASGI Django never finds a kept connection again: every request has a new one"
    return ""
