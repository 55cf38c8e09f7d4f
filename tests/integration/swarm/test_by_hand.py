"""The stack by hand on the nodes, by the commands at the head of stack/swarm.yaml: it comes up as
it is, answers rightly, grows by load workers, and goes as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.compose.containers import call
from tests.integration.swarm.lab import Lab, LabNode
from tests.runs import ROOT

pytestmark = [pytest.mark.swarm, pytest.mark.campaign]

IMAGES = ("postgres", "django-async", "locust-master", "locust-worker")
SERVICES = {"postgres": 1, "django": 1, "locust_master": 1, "locust_worker": 2}
SERVICE = "com.docker.swarm.service.name"
USERS, REQUESTS, POSTS = 4, 40, 1000
DEADLINE_S = 180


def await_that(there: Callable[[], bool], what: Callable[[], object]) -> None:
    """AssertionError with `what` was seen, if it does not come."""
    give_up_s = time.monotonic() + DEADLINE_S
    while not there():
        assert time.monotonic() < give_up_s, what()
        time.sleep(0.5)


@dataclass(frozen=True)
class ByHand:
    """The stack as somebody sees it who has a manager's engine, and reaches the nodes."""

    lab: Lab

    @property
    def manager(self) -> LabNode:
        return self.lab.nodes[0]

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", command], cwd=ROOT, capture_output=True, text=True, check=False,
            timeout=DEADLINE_S, env={**os.environ, "DOCKER_HOST": f"unix://{self.manager.socket}"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def running(self) -> dict[str, int]:
        """How many containers of each service run."""
        listing = ("ps", "--filter", f"label={SERVICE}", "--format", f'{{{{.Label "{SERVICE}"}}}}')
        names = [name for node in self.lab.nodes for name in node.docker(*listing).split()]
        return dict(Counter(name.removeprefix("rig_") for name in names))

    def container_of(self, service: str) -> tuple[LabNode, str]:
        """The one that runs, and where."""
        listing = ("ps", "--quiet", "--filter", f"label={SERVICE}=rig_{service}")
        found = [(node, node.docker(*listing).split()) for node in self.lab.nodes]
        ((node, (container,)),) = [(node, ids) for node, ids in found if ids]
        return node, container

    def page(self, path: str, **form: object) -> Any:
        """What Locust's own page answers another node than its own."""
        there, _ = self.container_of("locust_master")
        here = next(node for node in self.lab.nodes if node is not there)
        data = ["--data", urllib.parse.urlencode(form)] if form else []
        patience = ("--max-time", "10", "--retry", "60", "--retry-delay", "1")
        curl = ("curl", "-sS", "--fail", "--retry-connrefused", *patience, *data)
        url = f"http://{there.address}:8089{path}"
        done = call("ip", "netns", "exec", f"swarm-{here.socket.parent.name}", *curl, url)
        assert done.code == 0, done.err
        return json.loads(done.out) if done.out.startswith("{") else done.out

    def posts(self) -> int:
        """How many are in the database."""
        node, container = self.container_of("postgres")
        psql = 'PGPASSWORD=$(cat /secrets/superuser) psql -h 127.0.0.1 -U postgres -Atc "$0" bench'
        asked = ("exec", container, "sh", "-euc", psql, "SELECT count(*) FROM posts_post")
        return int(node.docker(*asked))

    def is_seeded(self) -> bool:
        form = ("--format", "{{.CurrentState}}")
        return "Complete" in self.manager.docker("service", "ps", "rig_seed", *form)

    def load_workers(self) -> list[dict[str, Any]]:
        """Those that the load master sees."""
        seen: list[dict[str, Any]] = self.page("/stats/requests")["workers"]
        return seen


def commands() -> tuple[str, str, str, str]:
    """How secrets are made, how the stack is deployed, scaled and removed."""
    _, block, *_ = (ROOT / "stack" / "swarm.yaml").read_text().split("\n#\n")
    lines = [line.removeprefix("#   ") for line in block.splitlines()]
    *secrets, deploy, scale, remove = lines
    return "\n".join(secrets), deploy, scale, remove


@pytest.fixture
def up(three: Lab) -> Iterator[ByHand]:
    """The stack, from images that all nodes have; afterwards nothing of it is there."""
    by_hand, before = ByHand(three), three.left()
    make_secrets, deploy, _, remove = commands()
    build = ("docker", "compose", "-f", "stack/compose.yaml", "--profile", "async", "build")
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S)
    assert built.returncode == 0, built.stderr
    handed = call(os.environ["SWARM"], "load", *(f"async-django-rig/{name}" for name in IMAGES))
    assert handed.code == 0, handed.err
    by_hand.run(make_secrets)
    try:
        by_hand.run(deploy)
        yield by_hand
    finally:
        by_hand.run(remove)
        await_that(lambda: three.left() <= before, lambda: three.left() - before)


def test_it_answers_rightly_under_a_load_that_grows(up: ByHand) -> None:
    await_that(lambda: SERVICES.items() <= up.running().items(), up.running)
    await_that(lambda: len(up.load_workers()) == 2, up.load_workers)
    await_that(up.is_seeded, lambda: up.manager.docker("service", "ps", "--no-trunc", "rig_seed"))
    assert "<title>Locust" in up.page("/")
    assert up.posts() == POSTS
    answered = correct_answers(up)
    _, _, scale, _ = commands()
    up.run(scale)
    await_that(lambda: len(up.load_workers()) == 4, up.load_workers)
    answered += correct_answers(up)
    # a post each: those that were under way at a stop are in no answer
    assert up.posts() >= POSTS + answered


def correct_answers(of: ByHand) -> int:
    """So many come to a few users, shared by all load workers; nothing else comes."""
    of.page("/stats/reset", now=1)
    answer = of.page("/swarm", user_count=USERS, spawn_rate=USERS, host="")
    assert answer["success"] is True, answer
    await_that(lambda: sum(users_of(of)) == USERS, of.load_workers)
    assert min(users_of(of)) >= 1
    seen: dict[str, Any] = {}

    def enough() -> bool:
        seen.update(of.page("/stats/requests"))
        total = total_of(seen)
        return bool(total["num_requests"] >= REQUESTS or total["num_failures"])

    await_that(enough, lambda: seen)
    of.page("/stop", now=1)
    total = total_of(seen)
    assert (total["num_failures"], seen["errors"]) == (0, [])
    return int(total["num_requests"])


def users_of(of: ByHand) -> list[int]:
    """How many each load worker has."""
    return [int(worker["user_count"]) for worker in of.load_workers()]


def total_of(seen: dict[str, Any]) -> dict[str, Any]:
    (total,) = (row for row in seen["stats"] if row["name"] == "Aggregated")
    return dict(total)
