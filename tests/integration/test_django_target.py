"""Somebody's Django, served by the rig: server, connections and middleware vary, not its code."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import pytest

from tests.runs import ROOT, Session, valid_session

pytestmark = [pytest.mark.campaign, pytest.mark.integration]

PREPARES = (
    "import importlib.util as u, os, sys; assert os.environ['SAID'] == 'a $b # c'; "
    "assert '/environments/' in sys.prefix; "
    "assert not u.find_spec('rig') and not u.find_spec('posts'); open('prepared', 'x').close()"
)
TARGET = f"""\
name: theirs
project: ../code
django: {{wsgi: "articles:application"}}
env: {{DATABASE_URL: "{{database_url}}"}}  # for migrate and seed, over which nothing is laid
python: {sys.executable}
env_file: .env
before_start:
  - [python, -c, "{PREPARES}"]
  - [python, -c, "open('prepared').close()"]
migrate: ["{{python}}", articles.py, migrate]
seed: ["{{python}}", articles.py, seed, "{{posts}}"]
ledger: {{table: articles_article, column: headline}}
routes:
  new:
    method: POST
    path: /articles/new/
    json: {{headline: "{{unique}}", body: "Of somebody else."}}
    status: 201
    statements: 1
"""
EXPERIMENT = """\
experiment: theirs
setup: {target: theirs, route: new, server: gunicorn-gthread, connections: persistent}
vary: {delay_ms: [0]}
also:
  granian:
    because: another server, with a pool and middleware of the rig's
    only: {delay_ms: [0]}
    set: {server: granian-wsgi, connections: pool, pool_size: 3, app_threads: 3, middleware: none}
  asgi:
    because: it has no such callable
    only: {delay_ms: [0]}
    set: {server: uvicorn}
load: {users: {from: 4, per_s: 4, to: 4}, steady: 3s, load_workers: 1}
data: {posts: 100, cpu_n: 1}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The experiment, run once."""
    folder = tmp_path_factory.mktemp("theirs")
    shutil.copytree(ROOT / "examples" / "plain_wsgi", folder / "code")
    (folder / "code" / ".env").write_text("SAID='a $b # c'\n")
    (folder / "theirs").mkdir()
    (folder / "theirs" / "target.yaml").write_text(TARGET)
    (folder / "theirs.yaml").write_text(EXPERIMENT)
    session, _ = valid_session(
        "theirs.yaml", "--backend", "local", "--yes", "--no-calibrate", cwd=folder
    )
    return session


def trial(session: Session, server: str) -> dict[str, str]:
    (row,) = (row for row in session.rows("schedule.csv") if row["server"] == server)
    return row


def app(session: Session, server: str) -> dict[str, Any]:
    return session.last(trial(session, server)["trial"]).app


def test_its_own_python_runs_it_in_a_copy_that_its_commands_change(session: Session) -> None:
    code = session.path.parents[2] / "code"
    assert (code / "articles.py").exists()
    assert not (code / "prepared").exists()


def test_each_cell_is_served_as_it_asks(session: Session) -> None:
    kept, pooled = app(session, "gunicorn-gthread"), app(session, "granian-wsgi")
    assert kept["worker_class"] == "gunicorn.workers.gthread.ThreadWorker"
    assert (kept["conn_max_age_s"], kept["pool"]) == (None, None)
    assert (pooled["pool"]["max_connections"], pooled["middleware"]) == (3, [])
    assert "granian" in pooled["versions"]


def test_what_the_wrapper_counts_is_what_the_database_has(session: Session) -> None:
    for server in ("gunicorn-gthread", "granian-wsgi"):
        attempt = session.last(trial(session, server)["trial"])
        checks = {check["name"]: check["status"] for check in attempt.manifest["checks"]}
        assert checks["ledger"] == "pass"
        assert attempt.rows("probes/app_loop.csv")


def test_a_server_that_it_has_no_callable_for_is_skipped(session: Session) -> None:
    assert trial(session, "uvicorn")["skip"] == (
        "target theirs names no asgi callable under `django`"
    )
