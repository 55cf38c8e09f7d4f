"""The SQL text of `data_access: sql`, the same for both targets, with `$1` placeholders.

May not know a driver; `for_psycopg` is the one place where another placeholder style exists.
"""

from __future__ import annotations

import re
import uuid
from datetime import datetime

from django.utils import timezone

PAGE_POSTS = 25
"""Posts that one read answers with."""

COLUMNS = ("id", "title", "content", "created_at", "updated_at")

_COLUMNS = ", ".join(COLUMNS)

INSERT = f"INSERT INTO posts_post ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
SELECT = f"SELECT {_COLUMNS} FROM posts_post LIMIT {PAGE_POSTS}"
COUNT = "SELECT count(*) FROM posts_post"
COPY = f"COPY posts_post ({_COLUMNS}) FROM STDIN"

Row = tuple[uuid.UUID, str, str, datetime, datetime]
"""A post, in the order of COLUMNS."""


def new_row(title: str, content: str) -> Row:
    """The values of INSERT for a new post: the key and the times are made here, as Django does."""
    now = timezone.now()
    return uuid.uuid4(), title, content, now, now


def for_psycopg(text: str) -> str:
    """The same statement with `%s` placeholders; every `$n` must occur once, in order."""
    return re.sub(r"\$\d+", "%s", text.replace("%", "%%"))
