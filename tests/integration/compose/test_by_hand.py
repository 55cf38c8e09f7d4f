"""The stack by hand, as the README says it: it comes up as it is, works, and goes as a whole."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from rig.backends.docker.engine import HERE, OPEN_FILES_WANTED
from stack.app.entry import USER_ID
from tests.integration.compose.containers import (
    CAPABILITY_SETS,
    docker,
    holds,
    processes,
    running_services,
)
from tests.runs import ROOT, Done

pytestmark = [pytest.mark.campaign, pytest.mark.compose]

PAGE = "http://127.0.0.1:8089"
PROJECT, IMAGE = "async-django-by-hand", "async-django-rig/postgres"
USERS = 4
STACKS = {
    "async": {"TARGET": "async"},
    "sync behind pgbouncer": {"TARGET": "sync", "POOLER": "pgbouncer"},
}


def compose(*words: str, **variables: str) -> Done:
    """`docker compose -f stack/compose.yaml …`, from the project's root."""
    files = HERE.open_files(IMAGE, OPEN_FILES_WANTED)
    done = subprocess.run(
        ["docker", "compose", "-f", "stack/compose.yaml", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "RIG_OPEN_FILES": str(files), **variables},
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def page(path: str, **form: object) -> Any:
    """What Locust's own page answers."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(f"{PAGE}{path}", data, timeout=10) as answer:
        body = answer.read()
        kind = answer.headers.get_content_type()
    return json.loads(body) if kind == "application/json" else body.decode()


@pytest.fixture(params=STACKS)
def up(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A stack with two load workers; afterwards nothing of it is there."""
    variables, before = STACKS[request.param], holds()
    try:
        done = compose(
            "up", "--detach", "--wait", "--wait-timeout", "120", "--build",
            "--scale", "locust_worker=2", **variables,
        )  # fmt: skip
        assert done.code == 0, done.err
        yield variables
    finally:
        done = compose("down", "--volumes", "--timeout", "2", **variables)
    assert done.code == 0, done.err
    assert holds().left_since(before) == {}


def test_it_serves_under_a_swarm_with_its_delay(up: dict[str, str]) -> None:
    services = running_services(PROJECT)
    app = f"django_{up['TARGET']}"
    wanted = ["locust_master", "locust_worker", "locust_worker", "postgres", app]
    wanted += ["pgbouncer"] if "POOLER" in up else []
    assert sorted(services.values()) == sorted(wanted)
    assert "<title>Locust" in page("/")
    assert_swarms()
    (container,) = (key for key, name in services.items() if name == app)
    assert_delayed(container)
    assert_unprivileged(services, app)


def assert_swarms() -> None:
    """A few users make successes, and only successes."""
    workers = page("/stats/requests")["workers"]
    assert len(workers) == 2
    answer = page("/swarm", user_count=USERS, spawn_rate=USERS, host="")
    assert answer["success"] is True, answer
    seen: dict[str, Any] = {}
    give_up_s = time.monotonic() + 30
    while time.monotonic() < give_up_s:
        seen = page("/stats/requests")
        total = next(row for row in seen["stats"] if row["name"] == "Aggregated")
        if total["num_requests"] >= 2 * USERS or total["num_failures"]:
            break
        time.sleep(0.5)
    page("/stop", now=1)
    assert total["num_requests"] >= USERS
    assert (total["num_failures"], seen["errors"]) == (0, [])
    # seven delays of 100 ms at the least: six round trips to the database, and its own way
    assert total["min_response_time"] >= 690


def assert_delayed(container: str) -> None:
    told = json.loads(docker("exec", container, "cat", "/root/delay/ready.json"))
    assert told["mechanism"] in ("netem", "nfqueue")
    for link in ("front", "data"):
        assert statistics.median(told["rtt_ms"][link]["before"]) == pytest.approx(100, abs=2)
    if told["mechanism"] == "netem":
        assert "delay 100ms" in docker("exec", container, "tc", "-s", "qdisc")


def assert_unprivileged(services: dict[str, str], app: str) -> None:
    servers = [it for it in processes(services) if it.name == "gunicorn"]
    assert {it.service for it in servers} == {app}
    for it in servers:
        assert it.capabilities == dict.fromkeys(CAPABILITY_SETS, 0)
        assert (it.status["NoNewPrivs"], it.status["Uid"].split()[0]) == ("1", str(USER_ID))
