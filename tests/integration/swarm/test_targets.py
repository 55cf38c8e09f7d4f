"""Other people's code on nodes: its own Python, a service, a Locust file and its imports."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.swarm.lab import Lab
from tests.runs import ROOT, Attempt, Session, read_json, valid_session

pytestmark = [pytest.mark.swarm, pytest.mark.campaign]

EXPERIMENT = """\
experiment: theirs
setup: {target: shop, server: gunicorn-gthread, connections: persistent, delay_ms: 20}
vary: {route: [entries, locustfile]}
also:
  api:
    because: another project, with a pool and a service
    only: {route: [entries]}
    set: {target: stock, route: add, server: granian-asgi, connections: pool, pool_size: 3,
          middleware: none}
load: {users: {from: 4, per_s: 4, to: 4}, steady: 3s, load_workers: 2}
data: {posts: 100, cpu_n: 1}
"""
LOCUST_FILE = """\
from locust import HttpUser, task
from people import NAME
from text_unidecode import unidecode


class Reader(HttpUser):
    @task
    def read(self):
        self.client.get("/", name=unidecode(NAME))
"""
PLACE = "{app: sut, database: db, pooler: db, load_master: load, load_worker: [load, db]}"
BEFORE_START = """
before_start: [["{python}", -c, "open('made', 'w').close()"]]
locustfile: load/locustfile.py
"""


@pytest.fixture
def shop(three: Lab) -> Path:
    """The guestbook, which changes its own folder, with a Locust file that imports two things."""
    folder = three.folder / "shop"
    shutil.copytree(ROOT / "examples" / "guestbook", folder)
    said = (folder / "target.yaml").read_text().replace("name: guestbook", "name: shop")
    (folder / "target.yaml").write_text(said + BEFORE_START)
    (folder / "load").mkdir()
    (folder / "load" / "locustfile.py").write_text(LOCUST_FILE)
    (folder / "load" / "people.py").write_text('NAME = "\\u00c5sa"\n')
    (folder / "load" / "requirements.txt").write_text("locust\ntext-unidecode==1.3\n")
    return folder


@pytest.mark.a_share
def test_what_runs_on_one_machine_runs_on_nodes(three: Lab, shop: Path) -> None:
    experiment = three.folder / "theirs.yaml"
    experiment.write_text(EXPERIMENT)
    words = (experiment, "--backend", "swarm", "--nodes", three.file(PLACE), "--yes")
    session, _ = valid_session(*words, cwd=three.folder, run=three.run)
    has_its_own_python_and_a_copy_that_it_may_change(attempt(session, "entries"), shop)
    has_its_service_by_the_database_and_delayed(attempt(session, "add"))
    has_what_its_locust_file_imports_on_every_load_node(attempt(session, "locustfile"))
    load_nodes_are_judged_by_limits_of_their_own(session, attempt(session, "entries"))
    assert three.left() == set()


def attempt(session: Session, route: str) -> Attempt:
    (row,) = (row for row in session.rows("schedule.csv") if row["route"] == route)
    assert row["skip"] == ""
    return session.last(row["trial"])


def check(of: Attempt, name: str) -> dict[str, str]:
    (found,) = (check for check in of.manifest["checks"] if check["name"] == name)
    return {key: str(value) for key, value in found.items()}


def has_its_own_python_and_a_copy_that_it_may_change(seen: Attempt, shop: Path) -> None:
    assert seen.app["versions"]["django"].startswith("5.2.")
    assert check(seen, "ledger")["status"] == "pass"
    assert not (shop / "made").exists()


def has_its_service_by_the_database_and_delayed(seen: Attempt) -> None:
    assert check(seen, "ledger")["status"] == "pass"
    assert "service" in seen.manifest["facts"]["nodes"]["db"]["roles"]
    paths = {path["link"]: path for path in seen.manifest["delay"]["paths"]}
    assert set(paths) == {"front", "data", "services"}
    assert (seen.path / "logs" / "service-redis.log").exists()


def has_what_its_locust_file_imports_on_every_load_node(seen: Attempt) -> None:
    names = {row["route"] for row in seen.rows("load/completions.csv")}
    assert names == {"GET Asa"}
    own = seen.manifest["load"]["finished_by_load_worker"]
    assert len(own) == 2
    assert sum(own.values()) == seen.manifest["load"]["finished"]


def load_nodes_are_judged_by_limits_of_their_own(session: Session, seen: Attempt) -> None:
    limits_rps = read_json(session.path / "calibration.json")["null_rps_by_node"]
    shares = seen.manifest["null_share_by_node"]
    assert set(limits_rps) == set(shares) == {"load", "db"}
    assert all(0 < share < 1 for share in shares.values())
    nearest = max(shares, key=lambda node: shares[node])
    assert f"those on node {nearest} " in check(seen, "generator")["says"]
