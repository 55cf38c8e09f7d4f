"""A Django that has every page somebody's Locust file may ask for, and counts what it is asked.

For gunicorn, one process with threads: `bench.any_site:application`. A page takes a time of its own
(30 to 229 ms, by its path), asleep, and gives JSON with a token. /login/ and /accounts/login/ are
forms behind Django's CSRF check. /truth/ gives the requests since it was last asked, by method and
path. Nothing is stored.
"""

from __future__ import annotations

import collections
import threading
import time
import zlib
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    SECRET_KEY="not one",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
)
django.setup()

SHORTEST_MS, KINDS = 30, 200
seen: collections.Counter[str] = collections.Counter()
guard = threading.Lock()


def take_time(request: HttpRequest) -> None:
    """Counts a request, and sleeps as long as its page takes."""
    with guard:
        seen[f"{request.method} {request.path}"] += 1
    time.sleep((SHORTEST_MS + zlib.crc32(request.path.encode()) % KINDS) / 1000)


def log_in(request: HttpRequest) -> HttpResponse:
    """A form with its token, and what follows it."""
    take_time(request)
    return HttpResponse(get_token(request) if request.method == "GET" else "in")


def page(request: HttpRequest) -> HttpResponse:
    """Any other."""
    take_time(request)
    return JsonResponse({"id": 1, "token": "0123456789abcdef", "access": "0123456789abcdef"})


def truth(_: HttpRequest) -> HttpResponse:
    """What was asked since the last time."""
    with guard:
        said = dict(seen)
        seen.clear()
    return JsonResponse(said)


urlpatterns: list[Any] = [
    path("truth/", truth),
    path("login/", log_in),
    path("accounts/login/", log_in),
    re_path("", csrf_exempt(page)),
]
application = get_wsgi_application()
