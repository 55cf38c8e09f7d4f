"""Somebody's Locust file in containers: what stands beside it, and its requirements."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.compose.containers import running_services
from tests.runs import ROOT, valid_session

pytestmark = [pytest.mark.compose, pytest.mark.campaign]

EXPERIMENT = """\
experiment: theirs
setup: {target: clubhouse, route: locustfile, app_threads: 4, data_access: orm}
load: {users: {from: 4, per_s: 4, to: 4}, steady: 3s, load_workers: 2}
data: {posts: 1000, cpu_n: 1}
"""
LOCUST_FILE = """\
from locust import HttpUser, constant, task
from people import NAME
from text_unidecode import unidecode


class Reader(HttpUser):
    wait_time = constant(0.1)

    @task
    def read(self):
        self.client.get("/articles/1/", name=unidecode(NAME))
"""


def test_its_folder_and_its_requirements_reach_the_load_s_image(tmp_path: Path) -> None:
    club = tmp_path / "clubhouse"
    shutil.copytree(ROOT / "tests" / "integration" / "clubhouse", club)
    with (club / "target.yaml").open("a") as file:
        file.write("locustfile: load/locustfile.py\n")
    (club / "load").mkdir()
    (club / "load" / "locustfile.py").write_text(LOCUST_FILE)
    (club / "load" / "people.py").write_text('NAME = "\\u00c5sa"\n')
    (club / "load" / "requirements.txt").write_text("locust\ntext-unidecode==1.3\n")
    (tmp_path / "theirs.yaml").write_text(EXPERIMENT)
    session, _ = valid_session(
        "theirs.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=tmp_path
    )
    (row,) = session.rows("schedule.csv")
    attempt = session.last(row["trial"])
    assert {row["route"] for row in attempt.rows("load/completions.csv")} == {"GET Asa"}
    load = attempt.manifest["load"]
    assert len(load["finished_by_load_worker"]) == 2
    assert sum(load["finished_by_load_worker"].values()) == load["finished"] > 0
    assert running_services() == {}
