"""What is asked of an engine, and how its answers are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.backends.docker import engine as engines
from rig.backends.docker import stack_files
from rig.backends.docker.clusters import CACHE_VOLUME
from rig.backends.docker.engine import HERE, LABEL, advice, version_of
from rig.model import StackError

Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """fake(script): a `docker` that runs it, after noting its arguments in the file returned."""

    def put(script: str) -> Path:
        log, program = tmp_path / "log", tmp_path / "docker"
        program.write_text(f'#!/bin/sh\necho "$*" >> {log}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return log

    return put


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("20.10.24+dfsg1", (20, 10)),
        ("v2.26.1", (2, 26)),
        ("2.26.1-4", (2, 26)),
        ("28.2.2", (28, 2)),
        ("dev", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_versions(text: str, version: tuple[int, int]) -> None:
    assert version_of(text) == version


FITS = 'case "$1" in version) echo 20.10.24;; compose) echo v2.24.0;; esac'


def test_an_engine_that_is_fit_lacks_nothing(fake: Fake) -> None:
    log = fake(FITS)
    assert stack_files.unsupported_reason() == ""
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (FITS.replace("20.10.24", "20.9.1"), "Docker engine 20.9.1 is too old"),
        (FITS.replace("v2.24.0", "2.23.3"), "Compose 2.23.3 is too old: 2.24 or later"),
        (FITS.replace("echo v2.24.0", "exit 1"), "has no Compose v2"),
        ("echo something else >&2; exit 1", "no Docker engine: docker version: something else"),
    ],
)
def test_what_an_engine_lacks_is_one_line(fake: Fake, script: str, said: str) -> None:
    fake(script)
    assert said in stack_files.unsupported_reason()
    assert "\n" not in stack_files.unsupported_reason()


def test_no_docker_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert stack_files.unsupported_reason().startswith("docker is not here")


# as engines, Compose and pip of several versions say it
SAID = {
    "Got permission denied while trying to connect to the Docker daemon socket at unix:///v": (
        "usermod -aG docker"
    ),
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock": (
        "usermod -aG docker"
    ),
    "Cannot connect to the Docker daemon at tcp://127.0.0.1:9. Is the docker daemon running?": (
        "systemctl start docker"
    ),
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path": (
        "systemctl start docker"
    ),
    "error during connect: Get http://nowhere:2375/v1.24/version: dial tcp": "DOCKER_HOST",
    "Bind for 127.0.0.1:8089 failed: port is already allocated": "that port is taken",
    "listen tcp4 127.0.0.1:8089: bind: address already in use": "that port is taken",
    "Error response from daemon: Pool overlaps with other one on this address space": (
        "another Docker network has addresses of 198.18.40.0"
    ),
    "conflicts with network 22 (br-22): networks have overlapping IPv4": "another Docker network",
    "Temporary failure resolving 'deb.example.org'": "the image build has no network",
    "E: Failed to fetch http://deb.example.org/debian/x.deb": "the image build cannot download",
    "setup: could not fetch uv: x; the package index cannot be reached: check": "PIP_INDEX_URL",
    "pull access denied for debian, repository does not exist": "docker pull debian:trixie-slim",
}


@pytest.mark.parametrize("said", SAID)
def test_advice(fake: Fake, said: str) -> None:
    fake(f'echo "{said}" >&2; exit 1')
    with pytest.raises(StackError) as caught:
        HERE.docker("start", "some-container")
    assert caught.value.what == f"docker start: {said}"
    assert SAID[said] in caught.value.do


def test_a_file_that_nobody_may_read_says_nothing_of_the_socket() -> None:
    assert advice("exec /venv/bin/python: permission denied: unknown") == ""
    assert advice("open /root/.docker/config.json: permission denied") == ""


def test_an_error_of_compose_names_the_command_and_not_its_options(fake: Fake) -> None:
    fake("echo no such service >&2; exit 1")
    with pytest.raises(StackError) as caught:
        stack_files.compose("some-project", {}, "up", "--no-start", "postgres")
    assert caught.value.what == "docker compose up: no such service"


def test_images_are_built_as_one_project_whatever_the_session(fake: Fake) -> None:
    log = fake('echo "$COMPOSE_PROFILES" >> "$0.profiles"')
    stack_files.build("postgres", "locust_master")
    (line,) = log.read_text().splitlines()
    assert "--project-name async-django-by-hand " in line
    assert line.endswith(" build postgres locust_master")
    assert (log.parent / "docker.profiles").read_text() == "*\n"


def test_a_build_that_fails_says_why_and_not_that_it_failed(fake: Fake) -> None:
    fake(
        "echo '#12 8.41 setup: x; the package index cannot be reached: y'\n"
        "echo '#12 8.50 ERROR: exit code: 1'\necho failed to solve >&2; exit 17"
    )
    with pytest.raises(StackError) as caught:
        stack_files.build("postgres")
    said = "docker compose build: setup: x; the package index cannot be reached: y"
    assert caught.value.what == said
    assert "PIP_INDEX_URL" in caught.value.do
    fake("echo nobody knows >&2; exit 1")
    with pytest.raises(StackError, match="docker compose build: nobody knows"):
        stack_files.build("postgres")


def test_open_files_are_what_is_wanted_or_the_engines_own(fake: Fake) -> None:
    fake("true")
    assert HERE.open_files("image", 65_536) == 65_536
    fake('case "$*" in *nofile*) exit 1;; *) echo 20000;; esac')
    assert HERE.open_files("image", 65_536) == 20_000


LISTS = """\
state=$(dirname "$0")
case "$1 $2" in
  "ps --all") cat "$state/ps" 2>/dev/null;;
  "network ls") cat "$state/network" 2>/dev/null;;
  "volume ls") cat "$state/volume" 2>/dev/null;;
  "rm --force") rm "$state/ps";;
  "network rm") rm "$state/network";;
  "volume rm") rm "$state/volume";;
esac
true
"""


def test_only_what_is_a_sessions_is_removed(fake: Fake, tmp_path: Path) -> None:
    log = fake(LISTS)
    (tmp_path / "ps").write_text(
        "async-django-1-app-1\tasync-django-1\nby-hand-app-1\tby-hand\nprobe\tprobe\nmine\timage\n"
    )
    (tmp_path / "network").write_text("async-django-1_data\tasync-django-1\nhand_data\tby-hand\n")
    (tmp_path / "volume").write_text(f"{CACHE_VOLUME}\tcache\nhand_roles\tby-hand\n")
    assert HERE.remove_left_behind() == [
        "container async-django-1-app-1", "container probe", "network async-django-1_data",
    ]  # fmt: skip
    done = [line for line in log.read_text().splitlines() if "--filter" not in line]
    assert done == [
        "rm --force --volumes async-django-1-app-1 probe",
        "network rm async-django-1_data",
    ]
    listed = [line for line in log.read_text().splitlines() if "--filter" in line]
    assert all(f"--filter label={LABEL}" in line for line in listed)


def test_what_removes_itself_meanwhile_is_no_error(fake: Fake, tmp_path: Path) -> None:
    log = fake(LISTS.replace('rm "$state/ps"', 'rm "$state/ps"; exit 1'))
    (tmp_path / "ps").write_text("probe\tprobe\n")
    assert HERE.remove_left_behind() == ["container probe"]
    assert log.read_text().count("rm --force") == 1


def test_what_cannot_be_removed_is_an_error(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "REMOVE_DEADLINE_S", 0.3)
    fake(LISTS.replace('rm "$state/network"', "echo it has active endpoints >&2; exit 1"))
    (tmp_path / "network").write_text("async-django-1_data\tasync-django-1\n")
    with pytest.raises(StackError, match="docker network: it has active endpoints"):
        HERE.remove_left_behind()


GONE_BY_AND_BY = """\
state=$(dirname "$0")
echo >> "$state/times"
[ "$(wc -l < "$state/times")" -gt 2 ] || printf 'async-django-1_data\\tasync-django-1\\n'
"""


def test_what_another_node_removed_is_waited_for(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(GONE_BY_AND_BY)
    HERE.await_gone("network")
    assert len((tmp_path / "times").read_text().splitlines()) == 3
    monkeypatch.setattr(engines, "REMOVE_DEADLINE_S", 0.3)
    fake("printf 'async-django-1_data\\tasync-django-1\\n'")
    with pytest.raises(StackError, match="network async-django-1_data is removed but still there"):
        HERE.await_gone("network")
