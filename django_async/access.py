"""How the asynchronous target reaches the database: SQL text over asyncpg, or Django's `a…`
methods over psycopg (which run the sync ORM in threads).

May not know HTTP.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from django_async import connections
from posts import sql
from posts.facts import django_connection
from posts.models import Post

_connection = connections.POLICIES[settings.CONNECTIONS]


async def _create_sql(title: str, content: str) -> uuid.UUID:
    row = sql.new_row(title, content)
    async with _connection() as connection:
        await connection.execute(sql.INSERT, *row)
    return row[0]


async def _read_sql() -> tuple[Sequence[Sequence[Any]], int]:
    async with _connection() as connection:
        rows = await connection.fetch(sql.SELECT)
        count = await connection.fetchval(sql.COUNT)
    return [tuple(row) for row in rows], count


async def _create_orm(title: str, content: str) -> uuid.UUID:
    post = await Post.objects.acreate(title=title, content=content)
    key: uuid.UUID = post.id
    return key


async def _read_orm() -> tuple[Sequence[Sequence[Any]], int]:
    posts = Post.objects.all()[: sql.PAGE_POSTS]
    rows = [[getattr(post, column) for column in sql.COLUMNS] async for post in posts]
    return rows, await Post.objects.acount()


create, read, facts = {
    "sql": (_create_sql, _read_sql, connections.facts),
    "orm": (_create_orm, _read_orm, django_connection),
}[settings.DATA_ACCESS]
