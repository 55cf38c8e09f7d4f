"""What goes wrong in containers: one clear line, its own exit code, and nothing left running."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.compose.containers import Engine, call, docker, holds
from tests.integration.nobody import ordinary_user
from tests.runs import ROOT, Done, command, only_session, runner
from tests.shares import by_chance

pytestmark = [pytest.mark.campaign, pytest.mark.compose]

ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [0]}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 3s, load_workers: 1}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with an experiment of one trial."""
    (tmp_path / "one.yaml").write_text(ONE_TRIAL)
    return tmp_path


@pytest.fixture
def before() -> Iterator[Engine]:
    """What the engine holds; nothing more may be there afterwards."""
    kept = holds()
    yield kept
    assert holds().left_since(kept) == {}


def run(folder: Path, *arguments: str, **env: str) -> Done:
    return runner(
        "one.yaml",
        "--backend",
        "compose",
        "--yes",
        "--no-calibrate",
        *arguments,
        cwd=folder,
        env=env,
    )


def assert_refused(done: Done, said: str, code: int = 6) -> None:
    """Its error is one line, perhaps with advice below, and it names what it is about."""
    assert done.code == code, done.out + done.err
    lines = done.err.splitlines()
    assert len(lines) <= 2, done.err
    assert lines[0].startswith("error: ")
    assert said in done.err
    assert "Traceback" not in done.err


# an engine that is not there, or not fit


def test_an_engine_that_does_not_answer(one: Path, before: Engine) -> None:
    done = run(one, DOCKER_HOST="tcp://127.0.0.1:9")
    assert_refused(done, "no Docker engine: it does not answer: sudo systemctl start docker")
    assert not (one / "results").exists()


def test_no_docker_at_all(one: Path, before: Engine) -> None:
    done = run(one, PATH=str(one))
    assert_refused(done, "docker is not here: install Docker Engine 20.10 or later")


FAKES = {
    "an engine that is too old": (
        'case "$1" in version) echo 19.03.15;; *) exit 1;; esac',
        "Docker engine 19.03.15 is too old: 20.10 or later is needed",
    ),
    "Compose v1 only": (
        'case "$1" in version) echo 20.10.24;; '
        "*) echo \"docker: 'compose' is not a docker command.\" >&2; exit 1;; esac",
        "this Docker has no Compose v2: sudo apt install docker-compose-plugin",
    ),
    "a Compose that is too old": (
        'case "$1" in version) echo 20.10.24;; compose) echo 2.5.0;; *) exit 1;; esac',
        "Compose 2.5.0 is too old: 2.24 or later is needed",
    ),
}


@pytest.mark.parametrize("fake", FAKES)
def test_a_docker_that_is_not_fit(one: Path, before: Engine, fake: str) -> None:
    script, said = FAKES[fake]
    (one / "bin").mkdir()
    program = one / "bin" / "docker"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    done = run(one, PATH=f"{program.parent}:{os.environ['PATH']}")
    assert_refused(done, said)


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs this may use the engine")
def test_no_permission_on_the_socket(tmp_path: Path, before: Engine) -> None:
    yaml = ROOT / "bench" / "delay_bound.yaml"
    closed = tmp_path / "docker.sock"
    tmp_path.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listener, ordinary_user(tmp_path) as words:
        listener.bind(str(closed))
        listener.listen()
        done = call(
            *words, *command(yaml, "--backend", "compose", "--yes", "--out", "/tmp/nowhere"),
            env={"HOME": "/tmp", "DOCKER_HOST": f"unix://{closed}"},
        )  # fmt: skip
    assert_refused(done, "you may not use the engine: sudo usermod -aG docker $USER")
    assert not Path("/tmp/nowhere").exists()


# the command line


@pytest.mark.parametrize("workers", ["0", "1000"])
def test_a_number_of_load_workers_that_cannot_be(one: Path, before: Engine, workers: str) -> None:
    done = run(one, "--workers", workers)
    assert_refused(done, f"--workers {workers}", code=2)


# what else is on the engine


def test_addresses_that_another_network_has(one: Path) -> None:
    docker("network", "create", "--subnet", "198.18.41.0/24", "not-ours")
    try:
        kept = holds()
        done = run(one)
        assert done.code == 6, done.err
        said = done.err.splitlines()[0]
        assert said.startswith("error: provision: docker compose up: ")
        assert "overlap" in said
        assert "; another Docker network has addresses of 198.18.40.0" in said
        assert holds().left_since(kept) == {}
        assert "not-ours" in kept.networks
    finally:
        docker("network", "rm", "not-ours")


def test_by_hand_a_port_that_is_taken_is_named(before: Engine) -> None:
    files = ("docker", "compose", "-f", ROOT / "stack" / "compose.yaml")
    with socket.create_server(("127.0.0.1", 8089)):
        env = {"RIG_OPEN_FILES": "1024"}
        done = call(*files, "up", "--detach", "--wait", "--no-deps", "locust_master", env=env)
        call(*files, "down", "--volumes", "--timeout", "0")
    assert done.code != 0
    assert "8089" in done.err.splitlines()[-1]


# a target or an image that does not come to be

BROKEN = """\
name: broken
title: Broken
start: {start}
seed: {seed}
limits: {{start: {within}}}
routes:
  hello: {{method: GET, path: /, answer: {{hello: world}}}}
"""
SERVER = """\
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"hello": "nobody"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer((sys.argv[1], int(sys.argv[2])), Answering).serve_forever()
"""


def run_broken(folder: Path, start: str, seed: str = "[]", within: str = "60s") -> Done:
    """An experiment whose target stands beside it; one that is not seeded leaves no log."""
    target = folder / "broken"
    target.mkdir()
    (target / "target.yaml").write_text(BROKEN.format(start=start, seed=seed, within=within))
    (target / "serve.py").write_text(SERVER)
    (folder / "one.yaml").write_text(
        ONE_TRIAL.replace("[io_create]", "[hello]").replace("[async]", "[broken]")
    )
    done = run(folder)
    (attempt,) = only_session(folder / "results").attempts()
    assert attempt.manifest["verdict"] == "failed"
    assert attempt.manifest["load"]["finished"] == 0
    assert (attempt.path / "logs" / "app.log").exists() == (seed == "[]")
    return done


@pytest.mark.either_backend
def test_a_server_that_dies_at_its_start(one: Path, before: Engine) -> None:
    done = run_broken(one, '["{python}", -c, "import sys; sys.exit(\'cannot find my settings\')"]')
    assert done.code == 6, done.out + done.err
    first = done.err.splitlines()[0]
    assert first == "error: provision: app ended at its start: cannot find my settings"


@pytest.mark.either_backend
def test_a_seed_that_fails(one: Path, before: Engine) -> None:
    done = run_broken(one, "[serve]", '["{python}", -c, "raise ValueError(\'no posts today\')"]')
    assert done.code == 6, done.out + done.err
    said = "target broken's seed failed (1): ValueError: no posts today"
    assert done.err.splitlines()[0] == f"error: provision: {said}"
    assert "Traceback" not in done.out + done.err


@pytest.mark.either_backend
def test_a_server_that_answers_wrongly(one: Path, before: Engine) -> None:
    done = run_broken(one, '["{python}", "{folder}/serve.py", "{host}", "{port}"]')
    assert done.code == 5, done.out + done.err
    assert "target broken does not answer hello correctly: hello is 'nobody' instead" in done.out


def test_a_server_that_never_answers(one: Path, before: Engine) -> None:
    """Its whole deadline runs out."""
    start = '["{python}", -c, "import time; time.sleep(600)"]'
    done = run_broken(one, start, within="15s")
    assert done.code == 6, done.out + done.err
    first = done.err.splitlines()[0]
    assert first.startswith("error: provision: target broken was not ready within 15 s (nobody ")
    assert "): it printed nothing; a start that takes longer" in first


def test_a_target_that_the_containers_user_cannot_read(one: Path, before: Engine) -> None:
    (one / "broken").mkdir()
    secret = one / "broken" / "settings.py"
    secret.touch(mode=0o600)
    (one / "broken" / "target.yaml").write_text(
        BROKEN.format(start="[serve]", seed="[]", within="60s")
    )
    (one / "one.yaml").write_text(
        ONE_TRIAL.replace("[io_create]", "[hello]").replace("[async]", "[broken]")
    )
    done = run(one)
    assert_refused(done, f"{secret} cannot be read by the containers' user")
    assert f"chmod -R o+rX {one / 'broken'}" in done.err


WITHOUT_NETWORK = {
    "packages of Python": (
        ("uv.lock", "", "# changed\n"),
        {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"},
        "the image build cannot reach a package index: check PIP_INDEX_URL",
    ),
    "packages of Debian": (
        ("locust_worker/Dockerfile", "apt-get update", "apt-get -o Acquire::Retries=0 update"),
        {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        "the image build cannot download: check network, proxy and PIP_CERT",
    ),
}


@pytest.mark.parametrize("what", by_chance(WITHOUT_NETWORK))
def test_an_image_that_cannot_be_built_without_network(
    one: Path, before: Engine, what: str
) -> None:
    """In a copy of the project in which one layer has to be built anew."""
    (file, old, new), env, said = WITHOUT_NETWORK[what]
    copy = one / "copy"
    skip = shutil.ignore_patterns(".*", "results", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=skip)
    changed = copy / file
    changed.write_text(changed.read_text().replace(old, new, 1))
    done = subprocess.run(
        [sys.executable, copy / "runner.py", one / "one.yaml", "--backend", "compose", "--yes"],
        cwd=one, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **env},
    )  # fmt: skip
    assert_refused(Done(done.returncode, done.stdout, done.stderr), said)
