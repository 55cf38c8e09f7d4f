"""Compose: the stack's files, and this machine's engine, which carries them out."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig.backends.docker.engine import COMMAND_DEADLINE_S, HERE, advice, advised, version_of
from rig.backends.processes import Process
from rig.backends.specs import PROJECT
from rig.model import StackError

BY_HAND_PROJECT = "async-django-by-hand"
SCRATCH_PREFIX = "async-django-rig-compose-"
OLDEST_ENGINE = (20, 10)
BUILD_DEADLINE_S = 900.0
FILES = (PROJECT / "stack" / "compose.yaml", PROJECT / "stack" / "compose.rig.yaml")

_BUILD_STEP = re.compile(r"^#\d+ +[\d.]+ *")

docker = HERE.docker


def compose(
    project: str,
    variables: Mapping[str, str],
    *arguments: str,
    deadline_s: float = COMMAND_DEADLINE_S,
) -> str:
    """What `docker compose …` prints for a project of ours."""
    command = [*_compose_words(project), *arguments]
    short = f"docker compose {arguments[0]}"
    return advised(command, short, deadline_s, {**os.environ, **variables})


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


def unsupported_reason() -> str:
    """Why containers cannot be used here, and what to do; empty where they can."""
    if shutil.which("docker") is None:
        return "docker is not here: install Docker Engine 20.10 or later with Compose v2"
    try:
        engine = docker("version", "--format", "{{.Server.Version}}", deadline_s=20).strip()
    except StackError as error:
        return f"no Docker engine: {error.do or error.what}"
    if version_of(engine) < OLDEST_ENGINE:
        return f"Docker engine {engine} is too old: 20.10 or later is needed"
    try:
        found = docker("compose", "version", "--short", deadline_s=20).strip()
    except StackError:
        return "this Docker has no Compose v2: sudo apt install docker-compose-plugin"
    if version_of(found) < (2, 24):
        return f"Compose {found} is too old: 2.24 or later is needed"
    return ""
