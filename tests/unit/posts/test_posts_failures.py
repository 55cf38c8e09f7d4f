"""What each exception of the drivers, as they really raise them, is classified as."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator

import asyncpg
import psycopg
import psycopg_pool
import pytest
from django.core.exceptions import BadRequest
from django.db import OperationalError
from django.http import HttpResponse

from posts.failures import (
    TITLES,
    ConnectionLostError,
    Failure,
    PoolTimeoutError,
    answered,
    classify,
)
from rig.model import FAILURE_CLASSES

LIBPQ = 'connection failed: connection to server at "127.0.0.1", port 1 failed: FATAL:  '


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def in_django(error: psycopg.Error) -> BaseException:
    return caused(OperationalError(str(error)), error)


def in_asyncpg(sqlstate: str, text: str) -> BaseException:
    error: BaseException = asyncpg.PostgresError.new({"C": sqlstate, "M": text, "S": "FATAL"})
    return error


QUEUED_OUT = caused(
    asyncpg.ConnectionDoesNotExistError("connection was closed: query_wait_timeout"),
    in_asyncpg("08P01", "query_wait_timeout"),
)
MAX_CLIENT_CONN = "no more connections allowed (max_client_conn)"
RESERVED = "remaining connection slots are reserved for roles with the SUPERUSER attribute"

DIRECT = [
    (in_django(psycopg.OperationalError(LIBPQ + RESERVED)), "db_too_many_connections", "53300"),
    (in_asyncpg("53300", RESERVED), "db_too_many_connections", "53300"),
    (
        in_django(psycopg.OperationalError(LIBPQ + "sorry, too many clients already")),
        "db_too_many_connections",
        "53300",
    ),
    (in_django(psycopg_pool.PoolTimeout("no connection")), "db_pool_timeout", None),
    (PoolTimeoutError("no connection"), "db_pool_timeout", None),
    (ConnectionLostError("refused"), "db_connection_lost", None),
    (ConnectionResetError("reset"), "db_connection_lost", None),
    (in_django(psycopg.errors.AdminShutdown("bye")), "db_connection_lost", "57P01"),
    (in_asyncpg("57P01", "bye"), "db_connection_lost", "57P01"),
    (in_asyncpg("28P01", "password authentication failed"), "db_connection_lost", "28P01"),
    (asyncpg.InterfaceError("connection is closed"), "db_connection_lost", None),
    (asyncpg.DataError("invalid input for query argument"), "db_statement_error", "22000"),
    (psycopg.DataError("cannot contain NUL"), "db_statement_error", None),
    (in_asyncpg("23505", "duplicate key"), "db_statement_error", "23505"),
    (in_django(psycopg.errors.UniqueViolation("duplicate")), "db_statement_error", "23505"),
    # Without a pooler these are words like any other.
    (in_asyncpg("08P01", MAX_CLIENT_CONN), "db_connection_lost", "08P01"),
    (ValueError("a bug"), "app_error", None),
    (TimeoutError("a bug, too"), "app_error", None),
]

BEHIND_PGBOUNCER = [
    (in_django(psycopg.OperationalError(LIBPQ + MAX_CLIENT_CONN)), "pooler_refused", "08P01"),
    (in_asyncpg("08P01", MAX_CLIENT_CONN), "pooler_refused", "08P01"),
    (
        in_django(psycopg.errors.ProtocolViolation("query_wait_timeout")),
        "pooler_wait_timeout",
        "08P01",
    ),
    (QUEUED_OUT, "pooler_wait_timeout", "08P01"),
    (
        in_asyncpg("08P01", "client connections exceeded (max_user_client_connections)"),
        "pooler_refused",
        "08P01",
    ),
    (in_asyncpg("08P01", "server conn crashed?"), "db_connection_lost", "08P01"),
    (
        in_asyncpg("08P01", "server login has been failing: too many clients already"),
        "db_too_many_connections",
        "08P01",
    ),
]


@pytest.mark.parametrize(("error", "failure_class", "sqlstate"), DIRECT)
def test_direct(error: BaseException, failure_class: str, sqlstate: str | None) -> None:
    assert classify(error, behind_pgbouncer=False) == Failure(failure_class, sqlstate)


@pytest.mark.parametrize(("error", "failure_class", "sqlstate"), BEHIND_PGBOUNCER)
def test_behind_pgbouncer(error: BaseException, failure_class: str, sqlstate: str | None) -> None:
    assert classify(error, behind_pgbouncer=True) == Failure(failure_class, sqlstate)


def test_a_cause_that_is_its_own_cause_ends() -> None:
    error = ValueError("a circle")
    error.__cause__ = KeyError("of two")
    error.__cause__.__cause__ = error
    assert classify(error, behind_pgbouncer=False).failure_class == "app_error"


def test_every_class_is_one_of_the_results_format() -> None:
    assert set(TITLES) <= set(FAILURE_CLASSES)


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_psycopg_really_refused(closed_port: int) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(host="127.0.0.1", port=closed_port, user="nobody")
    failure = classify(in_django(refused.value), behind_pgbouncer=False)
    assert failure == Failure("db_connection_lost")


def test_a_sync_view_answers_a_problem_without_a_trace() -> None:
    @answered
    def view(_request: object) -> HttpResponse:
        raise ValueError("a secret of the app")

    answer = view(None)
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    body = json.loads(answer.content)
    assert (body["class"], body["status"], body["sqlstate"]) == ("app_error", 500, None)
    assert b"secret" not in answer.content


def test_an_async_view_answers_a_problem() -> None:
    @answered
    async def view(_request: object) -> HttpResponse:
        raise in_asyncpg("53300", RESERVED)

    answer = asyncio.run(view(None))
    assert answer.status_code == 503
    assert json.loads(answer.content)["sqlstate"] == "53300"


def test_a_client_s_mistake_stays_django_s() -> None:
    @answered
    def view(_request: object) -> HttpResponse:
        raise BadRequest("no title")

    with pytest.raises(BadRequest):
        view(None)
