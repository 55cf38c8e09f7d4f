"""The views of the synchronous target."""

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from django_sync import access
from posts import http
from posts.facts import django_connection, observed
from posts.failures import answered


@require_GET
@answered
def cpu(_request: HttpRequest) -> JsonResponse:
    return http.computed(settings.CPU_N)


@require_POST
@answered
def io_create(request: HttpRequest) -> JsonResponse:
    title, content = http.title_and_content(request)
    key = access.create(title, content)
    return http.created(key, title)


@require_GET
@answered
def io_read(_request: HttpRequest) -> JsonResponse:
    rows, count = access.read()
    return http.listed(count, rows)


@require_GET
@answered
def facts(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({**observed(), "event_loop": None, **django_connection()})
