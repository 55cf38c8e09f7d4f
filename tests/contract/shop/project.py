"""A Django project in one file, as somebody else would write it; it needs no database."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["shop.example"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no worth",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop"}},
    LOGGING_CONFIG=None,
)


def listing(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("soup")


def missing(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("sold out", status=404)


def streamed(_request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"so", b"up"]))


urlpatterns: list[Any] = [
    path("größe/", listing),
    path("missing/", missing),
    path("streamed/", streamed),
]

application, asgi = get_wsgi_application(), get_asgi_application()
