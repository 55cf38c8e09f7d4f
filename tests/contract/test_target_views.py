"""Every target, with everything it supports, serves its routes with the statements and round
trips it is meant to cost, and answers its failures by the layer that refused.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from posts import sql
from tests.shares import every

if TYPE_CHECKING:
    from tests.contract.conftest import Postgres, Relay, Reply, Serve, Served, Step

CASES = [
    ("django_sync", "sql", "per_request"),
    ("django_sync", "sql", "persistent"),
    ("django_sync", "sql", "pool"),
    ("django_sync", "orm", "per_request"),
    ("django_sync", "orm", "persistent"),
    ("django_sync", "orm", "pool"),
    ("django_async", "sql", "per_request"),
    ("django_async", "sql", "persistent"),
    ("django_async", "sql", "pool"),
    ("django_async", "orm", "per_request"),
    ("django_async", "orm", "pool"),
]
TARGETS = ["django_sync", "django_async"]
SERVED = [
    ("django_sync", "gunicorn-gthread"),
    ("django_sync", "granian-wsgi"),
    ("django_async", "uvicorn"),
    ("django_async", "granian-asgi"),
]
DRIVER = {("django_async", "sql"): "asyncpg"}

# TCP 1, SSL 1, startup 1, SCRAM 2; then psycopg 1 a statement, asyncpg 2: prepare, execute.
FRESH_ROUND_TRIPS = {"psycopg": (6, 7), "asyncpg": (7, 9)}
KEPT_ROUND_TRIPS = (1, 2)

POST = {"title": "From a contract test", "content": "A post."}
PROBLEM_MEMBERS = {"type", "title", "status", "class", "sqlstate"}


def create(served: Served) -> Reply:
    return served.post_form("/io_create", POST)


def read(served: Served) -> Reply:
    return served.get("/io_read")


@pytest.mark.parametrize(("folder", "data_access", "connections"), every(6, CASES))
def test_serves_its_routes(
    folder: str,
    data_access: str,
    connections: str,
    serve: Serve,
    relay: Relay,
    postgres: Postgres,
    tmp_path: Path,
) -> None:
    bench = {
        "BENCH_DATA_ACCESS": data_access,
        "BENCH_CONNECTIONS": connections,
        "BENCH_POOL_SIZE": "2",
        "BENCH_CPU_N": "1000",
    }
    with serve(folder, relay, **bench) as served:
        assert served.get("/cpu").json == {"sum": sum(i * i for i in range(1000))}
        check_facts(served, folder, data_access, connections)
        assert relay.exchanges == []

        check_answers(served, postgres)
        check_costs(served, postgres, relay)
        if connections == "per_request":
            check_that_goodbyes_hold_no_answer_up(served, relay)
        home = tmp_path
        assert list(home.iterdir()) == []


@pytest.mark.parametrize(("folder", "server"), every(2, SERVED))
def test_another_server_serves_the_same_at_the_same_cost(
    folder: str, server: str, serve: Serve, relay: Relay, postgres: Postgres
) -> None:
    with serve(folder, relay, server=server, BENCH_CONNECTIONS="persistent") as served:
        assert served.facts()["driver"] == DRIVER.get((folder, "sql"), "psycopg")
        assert relay.exchanges == []
        check_answers(served, postgres)
        check_costs(served, postgres, relay)


def check_facts(served: Served, folder: str, data_access: str, connections: str) -> None:
    facts = served.facts()
    is_async = folder == "django_async"
    assert facts["worker_class"] == (
        "uvicorn_worker._workers.UvicornWorker" if is_async else "gunicorn.workers.sync.SyncWorker"
    )
    assert facts["event_loop"] == ("uvloop.Loop" if is_async else None)
    assert ("httptools" in (facts["http_parser"] or "")) == is_async
    expected = {
        "data_access": data_access,
        "connections": connections,
        "driver": DRIVER.get((folder, data_access), "psycopg"),
        "debug": False,
        "middleware": [],
        "app_workers": 1,
        "app_threads": 1,
        "timeout_s": 180,
        "graceful_timeout_s": 2,
        "log_level": "WARNING",
        "pool": None,
    }
    assert {name: facts[name] for name in expected} == expected
    assert facts["pid"] != facts["parent_pid"]


def check_answers(served: Served, postgres: Postgres) -> None:
    with postgres.connect(served.database) as connection:
        (before,) = connection.execute("SELECT count(*) FROM posts_post").fetchone() or (0,)
        made = create(served)
        assert made.status == 201
        assert made.json["title"] == POST["title"]
        stored = connection.execute(
            "SELECT title, content, created_at IS NOT NULL, updated_at IS NOT NULL "
            "FROM posts_post WHERE id = %s",
            [uuid.UUID(made.json["id"])],
        ).fetchone()
        assert stored == (POST["title"], POST["content"], True, True)
    answer = read(served).json
    assert answer["count"] == before + 1
    assert len(answer["posts"]) == 25
    assert set(answer["posts"][0]) == set(sql.COLUMNS)
    assert served.post_form("/io_create", {"title": "x" * 101, "content": ""}).status == 400


def check_costs(served: Served, postgres: Postgres, relay: Relay) -> None:
    facts = warmed_up(served)
    kept = facts["connections"] != "per_request"
    trips = KEPT_ROUND_TRIPS if kept else FRESH_ROUND_TRIPS[facts["driver"]]
    texts = ([sql.INSERT], [sql.SELECT, sql.COUNT])
    for request, round_trips, text in zip((create, read), trips, texts, strict=True):
        sent, spent = len(postgres.statements(served.database)), relay.round_trips
        assert request(served).status in (200, 201)
        statements = postgres.statements(served.database)[sent:]
        assert len(statements) == len(text)
        assert relay.round_trips - spent == round_trips
        if facts["data_access"] == "sql":
            assert statements == text


def check_that_goodbyes_hold_no_answer_up(served: Served, relay: Relay) -> None:
    relay.goodbyes_may_pass.clear()
    assert create(served).status == 201
    relay.goodbyes_may_pass.set()


def warmed_up(served: Served) -> dict[str, Any]:
    """The facts once a kept connection has seen every statement and a pool is filled."""
    for _ in range(1000):
        assert create(served).status == 201
        assert read(served).status == 200
        facts: dict[str, Any] = served.facts()
        pool = facts["pool"]
        if facts["connections"] != "pool":
            return facts
        if pool["idle_connections"] == 2:
            assert pool["min_connections"] == pool["max_connections"] == 2
            return facts
    raise AssertionError(f"the pool never filled: {pool}")


def test_without_prepared_statements_asyncpg_pays_a_round_trip_more(
    serve: Serve, relay: Relay
) -> None:
    bench = {"BENCH_CONNECTIONS": "persistent", "BENCH_PREPARED_STATEMENTS": "off"}
    with serve("django_async", relay, **bench) as served:
        warmed_up(served)
        spent = relay.round_trips
        create(served)
        assert relay.round_trips - spent == 2
        assert served.facts()["prepared_statements"] is False


@pytest.mark.parametrize("data_access", every(2, ["sql", "orm"]))
@pytest.mark.parametrize("folder", TARGETS)
def test_failures_say_which_layer_refused(
    folder: str, data_access: str, serve: Serve, postgres: Postgres
) -> None:
    with serve(folder, BENCH_DATA_ACCESS=data_access) as served:
        with no_connection_left(postgres, served.database):
            assert_problem(create(served), "db_too_many_connections", "53300")
        with no_table(postgres, served.database):
            assert_problem(read(served), "db_statement_error", "42P01")
        assert create(served).status == 201


@pytest.mark.parametrize("folder", TARGETS)
def test_a_database_that_is_not_there(folder: str, serve: Serve, free_port: int) -> None:
    with serve(folder, PGPORT=str(free_port)) as served:
        assert_problem(read(served), "db_connection_lost", None)


@pytest.mark.parametrize("folder", every(2, TARGETS))
def test_a_pool_with_no_free_connection(folder: str, serve: Serve, postgres: Postgres) -> None:
    bench = {"BENCH_CONNECTIONS": "pool", "BENCH_POOL_SIZE": "1", "BENCH_POOL_TIMEOUT_S": "1"}
    with serve(folder, **bench) as served, ExitStack() as held:
        if folder == "django_sync":
            held.enter_context(no_connection_left(postgres, served.database))
            assert_problem(read(served), "db_pool_timeout", None)
        else:
            assert read(served).status == 200
            held.enter_context(locked_table(postgres, served.database))
            held.enter_context(under_way(served, "/io_read"))
            assert_problem(read(served), "db_pool_timeout", None)


@pytest.mark.parametrize("folder", every(2, TARGETS))
def test_a_table_that_is_not_empty_is_not_seeded_again(folder: str, run_step: Step) -> None:
    again = run_step(folder, "seed")
    assert again.returncode == 1
    assert again.stderr.startswith("CommandError: posts_post already has ")
    assert again.stderr.count("\n") == 1


def test_a_target_that_is_not_ours_in_shape(serve: Serve, postgres: Postgres) -> None:
    with serve("examples/plain_wsgi") as served:
        page = served.get("/articles/?page=1").json
        assert page["total"] == 60
        assert len(page["articles"]) == 10
        sent = len(postgres.statements(served.database))
        new = served.post_json("/articles/new/", {"headline": "u-1", "body": "two words"})
        assert (new.status, new.json["headline"]) == (201, "u-1")
        served.get("/articles/?page=1")
        statements = postgres.statements(served.database)[sent:]
        routes = served.spec["routes"]
        assert len(statements) == sum(route["statements"] for route in routes.values())


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def assert_problem(reply: Reply, failure_class: str, sqlstate: str | None) -> None:
    assert (reply.status, reply.kind) == (503, "application/problem+json")
    problem = reply.json
    assert set(problem) == PROBLEM_MEMBERS
    assert (problem["class"], problem["sqlstate"]) == (failure_class, sqlstate)
    assert "Traceback" not in reply.text


@contextmanager
def no_connection_left(postgres: Postgres, database: str) -> Iterator[None]:
    """Holds every connection an ordinary role can have."""
    with ExitStack() as held:
        with suppress(psycopg.OperationalError):
            while True:
                held.enter_context(postgres.connect(database))
        yield


@contextmanager
def no_table(postgres: Postgres, database: str) -> Iterator[None]:
    with postgres.connect(database) as connection:
        connection.execute("ALTER TABLE posts_post RENAME TO away")
        try:
            yield
        finally:
            connection.execute("ALTER TABLE away RENAME TO posts_post")


@contextmanager
def locked_table(postgres: Postgres, database: str) -> Iterator[None]:
    with postgres.connect(database) as connection, connection.transaction():
        connection.execute("LOCK TABLE posts_post")
        yield


@contextmanager
def under_way(served: Served, path: str) -> Iterator[None]:
    """A request that has taken the app worker's only pooled connection and waits."""
    host, port = served.bind.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        while served.facts()["pool"]["idle_connections"]:
            pass
        yield
