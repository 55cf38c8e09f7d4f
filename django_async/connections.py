"""How long an asyncpg connection lives: one policy per level of the factor `connections`.

May not know what is sent over a connection.

Round trips (asyncpg 0.32, measured by tests/contract/test_target_views.py): a fresh connection
costs 5 (TCP, the question whether there is SSL, startup, two of SCRAM) and each statement on it 2
(prepare, execute); a kept one costs 1 for each statement it has seen, or 2 with the statement
cache off. uuid and timestamptz are built in: no type is looked up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from django.conf import settings

from posts.failures import ConnectionLostError, PoolTimeoutError

STATEMENT_CACHE = 100 if settings.PREPARED_STATEMENTS else 0
NEVER = 0
"""What asyncpg takes for a lifetime without end."""

_idle: list[asyncpg.Connection] = []
_pool: asyncpg.Pool | None = None
_pool_opens = asyncio.Lock()


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that a pool hands on as it is: no statement leaves any state behind."""

    def get_reset_query(self) -> str:
        """Nothing: asyncpg's own reset would cost every request a round trip."""
        return ""


def _options() -> dict[str, Any]:
    """Arguments of asyncpg.connect; where to connect to is read from libpq's variables."""
    return {
        "timeout": settings.CONNECT_TIMEOUT_S,
        "statement_cache_size": STATEMENT_CACHE,
        "max_cached_statement_lifetime": NEVER,
        "connection_class": Connection,
    }


async def _connect() -> asyncpg.Connection:
    try:
        return await asyncpg.connect(**_options())
    except OSError as error:  # refused, reset, or a TimeoutError
        raise ConnectionLostError(str(error)) from error


@asynccontextmanager
async def per_request() -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, as Django's CONN_MAX_AGE=0 gives."""
    connection = await _connect()
    try:
        yield connection
    finally:
        # Says goodbye and closes, as libpq does. asyncpg's close() also waits until the server
        # has hung up: one more round trip before the answer could leave.
        connection.terminate()


@asynccontextmanager
async def persistent() -> AsyncIterator[asyncpg.Connection]:
    """An idle connection or a new one, kept afterwards without limit, as CONN_MAX_AGE=None."""
    connection = _take_idle() or await _connect()
    try:
        yield connection
    except BaseException:
        connection.terminate()
        raise
    _idle.append(connection)


@asynccontextmanager
async def pooled() -> AsyncIterator[asyncpg.Connection]:
    """A connection of this app worker's pool; PoolTimeoutError where none is free in time."""
    pool = await _opened_pool()
    try:
        connection = await pool.acquire(timeout=settings.POOL_TIMEOUT_S)
    except TimeoutError as error:
        raise PoolTimeoutError(f"no free connection in {settings.POOL_TIMEOUT_S} s") from error
    try:
        yield connection
    finally:
        await pool.release(connection)


Policy = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]

POLICIES: dict[str, Policy] = {
    "per_request": per_request,
    "persistent": persistent,
    "pool": pooled,
}


def facts() -> dict[str, Any]:
    """What the connections of this app worker are, as observed."""
    return {
        "driver": "asyncpg",
        "conn_max_age_s": None if settings.CONNECTIONS == "persistent" else 0,
        "connect_timeout_s": settings.CONNECT_TIMEOUT_S,
        "prepared_statements": STATEMENT_CACHE > 0,
        "kept_idle_connections": len(_idle),
        "pool": None if _pool is None else _pool_facts(_pool),
    }


def _take_idle() -> asyncpg.Connection | None:
    while _idle:
        connection = _idle.pop()
        if not connection.is_closed():
            return connection
    return None


async def _opened_pool() -> asyncpg.Pool:
    """The pool, opened by the first request: it belongs to the event loop that runs."""
    global _pool
    if _pool is not None:
        return _pool
    async with _pool_opens:
        if _pool is None:
            try:
                _pool = await asyncpg.create_pool(
                    min_size=settings.POOL_SIZE,
                    max_size=settings.POOL_SIZE,
                    max_inactive_connection_lifetime=NEVER,
                    max_queries=2**31,
                    **_options(),
                )
            except OSError as error:
                raise ConnectionLostError(str(error)) from error
        return _pool


def _pool_facts(pool: asyncpg.Pool) -> dict[str, Any]:
    return {
        "min_connections": pool.get_min_size(),
        "max_connections": pool.get_max_size(),
        "open_connections": pool.get_size(),
        "idle_connections": pool.get_idle_size(),
        "timeout_s": settings.POOL_TIMEOUT_S,
    }
