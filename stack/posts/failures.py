"""Failures by the layer that refused: a small `application/problem+json`, never a stack trace.

The classes are words of the results format. May not know which driver a target uses: drivers
are told apart by what their exceptions carry (measured: psycopg 3.3, asyncpg 0.32,
PgBouncer 1.18).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

import psycopg
import psycopg_pool
from django.conf import settings
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import Error as DjangoDatabaseError
from django.http import Http404, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError

logger = logging.getLogger(__name__)

TITLES = {
    "db_too_many_connections": "Postgres has no connection left",
    "db_pool_timeout": "The app's pool had no free connection in time",
    "pooler_refused": "PgBouncer refused the connection",
    "pooler_wait_timeout": "PgBouncer had no connection to Postgres in time",
    "db_connection_lost": "The database connection could not be made or broke",
    "db_statement_error": "The database refused the statement",
    "app_error": "The app failed",
}

# libpq keeps no SQLSTATE of a refused connection, and PgBouncer passes Postgres's refusal on
# under a SQLSTATE of its own: only the text is left.
_TOO_MANY_CONNECTIONS = (
    "too many clients already",
    "remaining connection slots are reserved",
    "too many connections for role",
    "too many connections for database",
)
_POOLER_REFUSALS = (
    "no more connections allowed (max_client_conn)",
    "client connections exceeded (max_",
)
_POOLER_WAITED = "query_wait_timeout"
# Also a refused log-in (28) and a missing database (3D): no connection could be made.
_LOST_SQLSTATES = ("08", "57P0", "28", "3D")
_NO_FAILURE_OF_OURS = (Http404, BadRequest, SuspiciousOperation, MultiPartParserError)


class PoolTimeoutError(Exception):
    """An asyncio pool had no free connection in time; what psycopg_pool.PoolTimeout says."""


class ConnectionLostError(Exception):
    """The database could not be reached; raised from the OSError that says why."""


@dataclass(frozen=True)
class Failure:
    """A failed request: its class, and the SQLSTATE where one is known."""

    failure_class: str
    sqlstate: str | None = None

    @property
    def status(self) -> int:
        """503 for whatever the database or its pooler refused, 500 otherwise."""
        return 500 if self.failure_class == "app_error" else 503

    def answer(self) -> JsonResponse:
        """The failure as `application/problem+json` (RFC 9457)."""
        body = {
            "type": f"urn:failure:{self.failure_class}",
            "title": TITLES[self.failure_class],
            "status": self.status,
            "class": self.failure_class,
            "sqlstate": self.sqlstate,
        }
        return JsonResponse(body, status=self.status, content_type="application/problem+json")


def classify(error: BaseException, *, behind_pgbouncer: bool) -> Failure:
    """The failure that an exception and its causes stand for."""
    chain = tuple(_causes(error))
    if any(isinstance(link, PoolTimeoutError | psycopg_pool.PoolTimeout) for link in chain):
        return Failure("db_pool_timeout")
    ours = tuple(link for link in chain if _of_database(link))
    if not ours:
        return Failure("app_error")
    # The innermost SQLSTATE: asyncpg reports 08003 for a connection that a FATAL error closed,
    # and keeps that error as the cause.
    sqlstate = next((code for link in reversed(ours) if (code := _sqlstate(link))), None)
    text = " ".join(map(str, ours))
    if sqlstate == "53300" or any(words in text for words in _TOO_MANY_CONNECTIONS):
        return Failure("db_too_many_connections", sqlstate or "53300")
    if behind_pgbouncer and _POOLER_WAITED in text:
        return Failure("pooler_wait_timeout", sqlstate or "08P01")
    if behind_pgbouncer and any(words in text for words in _POOLER_REFUSALS):
        return Failure("pooler_refused", sqlstate or "08P01")
    if _lost(ours, sqlstate):
        return Failure("db_connection_lost", sqlstate)
    return Failure("db_statement_error", sqlstate)


def answered(view: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a view, sync or async, answer its failures. A client's mistakes stay Django's."""

    @wraps(view)
    def sync_view(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except _NO_FAILURE_OF_OURS:
            raise
        except Exception as error:
            return _answer(error)

    @wraps(view)
    async def async_view(*args: Any, **kwargs: Any) -> Any:
        try:
            return await view(*args, **kwargs)
        except _NO_FAILURE_OF_OURS:
            raise
        except Exception as error:
            return _answer(error)

    return async_view if iscoroutinefunction(view) else sync_view


def _answer(error: Exception) -> HttpResponse:
    failure = classify(error, behind_pgbouncer=settings.POOLER == "pgbouncer")
    if failure.failure_class == "app_error":
        logger.error("the app failed", exc_info=error)
    return failure.answer()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _sqlstate(error: BaseException) -> str | None:
    code = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else None


def _of_database(error: BaseException) -> bool:
    known = (DjangoDatabaseError, psycopg.Error, ConnectionLostError, ConnectionError)
    return isinstance(error, known) or _of_asyncpg(error)


def _of_asyncpg(error: BaseException) -> bool:
    # By name: the sync target must not need asyncpg.
    return type(error).__module__.partition(".")[0] == "asyncpg"


def _lost(ours: tuple[BaseException, ...], sqlstate: str | None) -> bool:
    if sqlstate is not None:
        return sqlstate.startswith(_LOST_SQLSTATES)
    # Without a SQLSTATE no server spoke: a connection that is gone, or a value that the driver
    # itself refused to send (asyncpg's are ValueErrors, psycopg's DataErrors).
    gone = (psycopg.OperationalError, psycopg.InterfaceError, ConnectionLostError, ConnectionError)
    return any(
        isinstance(link, gone) or (_of_asyncpg(link) and not isinstance(link, ValueError))
        for link in ours
    )
