"""The views of the asynchronous target."""

import asyncio

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from django_async import access
from posts import http
from posts.facts import observed
from posts.failures import answered


@require_GET
@answered
async def cpu(_request: HttpRequest) -> JsonResponse:
    return http.computed(settings.CPU_N)


@require_POST
@answered
async def io_create(request: HttpRequest) -> JsonResponse:
    title, content = http.title_and_content(request)
    key = await access.create(title, content)
    return http.created(key, title)


@require_GET
@answered
async def io_read(_request: HttpRequest) -> JsonResponse:
    rows, count = await access.read()
    return http.listed(count, rows)


@require_GET
@answered
async def facts(_request: HttpRequest) -> JsonResponse:
    loop = type(asyncio.get_running_loop())
    event_loop = f"{loop.__module__}.{loop.__qualname__}"
    return JsonResponse({**observed(), "event_loop": event_loop, **access.facts()})
