"""Asks the Docker engine, and turns what it says into one clear line."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig.backends.processes import Process, run, until
from rig.backends.specs import PROJECT
from rig.model import StackError

LABEL = "org.async-django-rig"
KEPT = ("by-hand", "cache", "image")
"""Labels of what is not a session's: a user's own stack, the cache, what images hand down."""
BY_HAND_PROJECT = "async-django-by-hand"
CACHE_VOLUME = "async-django-rig-clusters"
SCRATCH_PREFIX = "async-django-rig-compose-"
OLDEST_ENGINE = (20, 10)
NETWORKS = "198.18.40.0 to 198.18.44.255"
COMMAND_DEADLINE_S = 60.0
REMOVE_DEADLINE_S = 15.0
BUILD_DEADLINE_S = 900.0
FILES = (PROJECT / "stack" / "compose.yaml", PROJECT / "stack" / "compose.rig.yaml")

_BUILD_STEP = re.compile(r"^#\d+ +[\d.]+ *")
_ADDRESSES = f"another Docker network has addresses of {NETWORKS}: docker network ls, remove it"
_ADVICE = (
    (
        "permission denied while trying to connect",
        "you may not use the engine: sudo usermod -aG docker $USER, log in again",
    ),
    ("Cannot connect to", "it does not answer: sudo systemctl start docker"),
    ("failed to connect to", "it does not answer: sudo systemctl start docker"),
    ("error during connect", "nothing answers at DOCKER_HOST: correct or unset it"),
    ("is already allocated", "that port is taken: end what listens there"),
    ("address already in use", "that port is taken: end what listens there"),
    ("Pool overlaps", _ADDRESSES),
    ("networks have overlapping IPv4", _ADDRESSES),
    ("Temporary failure resolving", "the image build has no network: check proxy and DNS"),
    ("Failed to fetch", "the image build cannot download: check network, proxy and PIP_CERT"),
    (
        "the package index cannot be reached",
        "the image build cannot reach a package index: check PIP_INDEX_URL",
    ),
    ("pull access denied", "the base image is missing: docker pull debian:trixie-slim"),
)


def docker(*arguments: str, deadline_s: float = COMMAND_DEADLINE_S) -> str:
    """What `docker …` prints. StackError with advice where it fails."""
    return _advised(["docker"], arguments, deadline_s, os.environ)


def compose(
    project: str,
    variables: Mapping[str, str],
    *arguments: str,
    deadline_s: float = COMMAND_DEADLINE_S,
) -> str:
    """What `docker compose …` prints for a project of ours."""
    return _advised(_compose_words(project), arguments, deadline_s, {**os.environ, **variables})


def _compose_words(project: str, progress: str = "quiet") -> list[str]:
    files = [word for file in FILES for word in ("--file", str(file))]
    return ["docker", "compose", "--progress", progress, "--project-name", project, *files]


def build(*services: str) -> None:
    """Builds services' images, unless they are there. StackError."""
    code, lines = build_log(services, {})
    if code is None:
        raise StackError(f"the images were not built within {BUILD_DEADLINE_S:g} s")
    if code != 0:
        # the reason stands far above the last line
        why = next(filter(advice, lines), (lines or ["it printed nothing"])[-1])
        raise StackError(f"docker compose build: {_BUILD_STEP.sub('', why)}", advice(why))


def build_log(
    services: Sequence[str], variables: Mapping[str, str]
) -> tuple[int | None, Sequence[str]]:
    """The exit code of a build, None where it took too long, and what it printed.

    Always as the same project: its name becomes a label, and another label another image.
    """
    command = [*_compose_words(BY_HAND_PROJECT, "plain"), "build", *services]
    fixed = {"COMPOSE_PROFILES": "*", "DOCKER_BUILDKIT": "1"}
    environment = {**os.environ, **fixed, **variables}
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX) as folder:
        building = Process(command, Path(folder) / "log", environment)
        try:
            code = building.wait(BUILD_DEADLINE_S)
        finally:
            building.kill()
        return code, building.log_lines()


def _advised(
    program: Sequence[str],
    arguments: Sequence[str],
    deadline_s: float,
    environment: Mapping[str, str],
) -> str:
    command = [*program, *arguments]
    try:
        return run(command, deadline_s, environment)
    except StackError as error:
        # what failed, not the dozen options it was given
        short = error.what.replace(" ".join(command), f"{' '.join(program[:2])} {arguments[0]}")
        raise StackError(short, advice(error.what)) from error


def advice(said: str) -> str:
    """What to do about an error of the engine's; empty where nobody knows."""
    return next((do for words, do in _ADVICE if words.lower() in said.lower()), "")


def unsupported_reason() -> str:
    """Why containers cannot be used here, and what to do; empty where they can."""
    if shutil.which("docker") is None:
        return "docker is not here: install Docker Engine 20.10 or later with Compose v2"
    try:
        engine = docker("version", "--format", "{{.Server.Version}}", deadline_s=20).strip()
    except StackError as error:
        return f"no Docker engine: {error.do or error.what}"
    if _version(engine) < OLDEST_ENGINE:
        return f"Docker engine {engine} is too old: 20.10 or later is needed"
    try:
        found = docker("compose", "version", "--short", deadline_s=20).strip()
    except StackError:
        return "this Docker has no Compose v2: sudo apt install docker-compose-plugin"
    if _version(found) < (2, 24):
        return f"Compose {found} is too old: 2.24 or later is needed"
    return ""


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def open_files(image: str, wanted: int) -> int:
    """How many open files a container may have: what is wanted, or the engine's own limit."""
    shell = ("run", "--rm", "--network", "none", "--label", f"{LABEL}=probe", "--entrypoint", "sh")
    try:
        docker(*shell, "--ulimit", f"nofile={wanted}:{wanted}", image, "-c", "true")
    except StackError:
        return int(docker(*shell, image, "-c", "ulimit -Hn"))
    return wanted


def said_by(image: str, program: str, *arguments: str) -> str:
    """What a program of an image prints. StackError."""
    alone = ("run", "--rm", "--network", "none", "--label", f"{LABEL}=probe")
    return docker(*alone, "--entrypoint", program, image, *arguments).strip()


def remove_left_behind() -> list[str]:
    """Removes containers, networks and volumes of sessions; their names. StackError.

    Only what carries our label, and never what somebody started by hand, nor the cache.
    """
    removed = []
    for kind, listing, remove in (
        ("container", ("ps", "--all", "--format", "{{.Names}}"), ("rm", "--force", "--volumes")),
        ("network", ("network", "ls", "--format", "{{.Name}}"), ("network", "rm")),
        ("volume", ("volume", "ls", "--format", "{{.Name}}"), ("volume", "rm", "--force")),
    ):
        found = _of_sessions(listing)
        if found:
            _remove(listing, remove)
        removed += [f"{kind} {name}" for name in found]
    return removed


def _of_sessions(listing: Sequence[str]) -> list[str]:
    form = f'{listing[-1]}\t{{{{.Label "{LABEL}"}}}}'
    said = docker(*listing[:-1], form, "--filter", f"label={LABEL}")
    lines = [line.partition("\t") for line in said.splitlines()]
    return [name for name, _, session in lines if session not in KEPT]


def _remove(listing: Sequence[str], remove: Sequence[str]) -> None:
    """Tries again: a container that ends by itself may be about to remove itself."""
    error = None
    for _ in until(REMOVE_DEADLINE_S, every_s=0.2):
        try:
            if found := _of_sessions(listing):
                docker(*remove, *found)
            return
        except StackError as failed:
            error = failed
    raise error or StackError(f"docker {remove[0]} did not end")
