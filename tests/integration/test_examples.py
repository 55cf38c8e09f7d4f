"""The targets of `examples/`: a classic Django and a JSON API with Redis, each with its own
packages and served by the rig; and one that starts itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs import Attempt, Session, valid_session

EXPERIMENT = """\
experiment: examples
setup: {target: guestbook, route: entries, connections: persistent, delay_ms: 100}
vary: {server: [gunicorn-gthread, uvicorn]}
also:
  api:
    because: another project, with a pool, middleware of the rig's, and a service
    only: {server: [gunicorn-gthread]}
    set: {target: stock, route: add, server: granian-asgi, connections: pool, pool_size: 3,
          middleware: none}
  alone:
    because: one that starts itself, and tells nothing of itself
    only: {server: [gunicorn-gthread]}
    set: {target: articles, route: articles_list, server: own, connections: per_request,
          data_access: orm}
load: {users: {from: 4, per_s: 4, to: 4}, steady: 3s, load_workers: 1}
data: {posts: 100, cpu_n: 1}
"""

pytestmark = [pytest.mark.campaign, pytest.mark.either_backend]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("local", marks=pytest.mark.integration),
        pytest.param("compose", marks=pytest.mark.compose),
    ],
)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The experiment, run once on each backend."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "examples.yaml").write_text(EXPERIMENT)
    session, _ = valid_session(
        "examples.yaml", "--backend", request.param, "--yes", "--no-calibrate", cwd=folder
    )
    return session


def trial(session: Session, server: str) -> dict[str, str]:
    (row,) = (row for row in session.rows("schedule.csv") if row["server"] == server)
    return row


def attempt(session: Session, server: str) -> Attempt:
    return session.last(trial(session, server)["trial"])


def app(session: Session, server: str) -> dict[str, Any]:
    return attempt(session, server).app


def test_each_cell_is_served_as_it_asks(session: Session) -> None:
    kept, pooled = app(session, "gunicorn-gthread"), app(session, "granian-asgi")
    assert kept["worker_class"] == "gunicorn.workers.gthread.ThreadWorker"
    assert (kept["conn_max_age_s"], kept["pool"]) == (None, None)
    assert (pooled["pool"]["max_connections"], pooled["middleware"]) == (3, [])
    assert "granian" in pooled["versions"]


def test_what_the_wrapper_counts_is_what_the_database_has(session: Session) -> None:
    for server in ("gunicorn-gthread", "granian-asgi"):
        seen = attempt(session, server)
        checks = {check["name"]: check["status"] for check in seen.manifest["checks"]}
        assert checks["ledger"] == "pass"
        assert seen.rows("probes/app_loop.csv")


def test_the_path_to_a_service_is_delayed(session: Session) -> None:
    links = {
        server: {path["link"] for path in attempt(session, server).manifest["delay"]["paths"]}
        for server in ("gunicorn-gthread", "granian-asgi")
    }
    assert links == {
        "gunicorn-gthread": {"front", "data"},
        "granian-asgi": {"front", "data", "services"},
    }
    log = attempt(session, "granian-asgi").path / "logs" / "service-redis.log"
    assert "Ready to accept connections" in log.read_text()


def test_one_that_starts_itself_tells_nothing(session: Session) -> None:
    (row,) = (row for row in session.rows("derived/trials.csv") if row["target"] == "articles")
    assert (row["verdict"], row["failure_share"]) == ("valid", "0")
    assert int(row["successes"]) > 0
    manifest = session.last(row["trial"]).manifest
    assert "app" not in manifest["facts"]
    (said,) = (one["says"] for one in manifest["checks"] if one["name"] == "ledger")
    assert said.startswith("articles_article +0 rows, ")


def test_a_server_that_it_has_no_callable_for_is_skipped(session: Session) -> None:
    assert trial(session, "uvicorn")["skip"] == (
        "target guestbook names no asgi callable under `django`"
    )
