"""How the synchronous target reaches the database: SQL text or the ORM, both over psycopg.

May not know HTTP. How long a connection lives is decided in the settings, by Django.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection

from posts import sql
from posts.models import Post

_INSERT = sql.for_psycopg(sql.INSERT)


def _create_sql(title: str, content: str) -> uuid.UUID:
    row = sql.new_row(title, content)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, row)
    return row[0]


def _read_sql() -> tuple[Sequence[Sequence[Any]], int]:
    with connection.cursor() as cursor:
        cursor.execute(sql.SELECT)
        rows = cursor.fetchall()
        cursor.execute(sql.COUNT)
        (count,) = cursor.fetchone()
    return rows, count


def _create_orm(title: str, content: str) -> uuid.UUID:
    key: uuid.UUID = Post.objects.create(title=title, content=content).id
    return key


def _read_orm() -> tuple[Sequence[Sequence[Any]], int]:
    posts = Post.objects.all()[: sql.PAGE_POSTS]
    rows = [[getattr(post, column) for column in sql.COLUMNS] for post in posts]
    return rows, Post.objects.count()


create, read = {
    "sql": (_create_sql, _read_sql),
    "orm": (_create_orm, _read_orm),
}[settings.DATA_ACCESS]
