"""What the routes take and what they answer, the same for both targets.

May not know how a post is stored or read.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, JsonResponse

from posts.sql import COLUMNS

TITLE_CHARS = 100


def title_and_content(request: HttpRequest) -> tuple[str, str]:
    """The form fields of a new post; BadRequest (a 400) where they are no post."""
    title, content = request.POST.get("title", ""), request.POST.get("content", "")
    if not 0 < len(title) <= TITLE_CHARS:
        raise BadRequest(f"form field title: 1 to {TITLE_CHARS} characters, not {len(title)}")
    return title, content


def computed(n: int) -> JsonResponse:
    """The sum of i*i for i < n, computed here and now."""
    return JsonResponse({"sum": sum(i * i for i in range(n))})


def created(key: uuid.UUID, title: str) -> JsonResponse:
    """The answer to a new post."""
    return JsonResponse({"id": key, "title": title}, status=201)


def listed(count: int, rows: Iterable[Sequence[Any]]) -> JsonResponse:
    """The answer to a read: the table's count, and rows in the order of COLUMNS."""
    posts = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return JsonResponse({"count": count, "posts": posts})
