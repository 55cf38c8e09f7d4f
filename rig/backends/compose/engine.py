"""Asks the Docker engine, and turns what it says into one clear line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping

from rig.backends.processes import run
from rig.backends.specs import PROJECT
from rig.model import StackError

LABEL = "org.async-django-rig"
BY_HAND = "by-hand"
CACHE_VOLUME = "async-django-rig-clusters"
OLDEST_ENGINE = (20, 10)
COMMAND_DEADLINE_S = 60.0
BUILD_DEADLINE_S = 900.0
FILES = (PROJECT / "stack" / "compose.yaml", PROJECT / "stack" / "compose.rig.yaml")

_ADVICE = (
    (
        "permission denied",
        "you may not use the engine: sudo usermod -aG docker $USER, log in again",
    ),
    ("Cannot connect", "no engine answers: sudo systemctl start docker"),
    ("is already allocated", "that port is taken: end what listens there"),
    ("address already in use", "that port is taken: end what listens there"),
    ("Pool overlaps", "its networks are in use: python runner.py clean, or docker compose down"),
    ("Temporary failure resolving", "the image build has no network: check proxy and DNS"),
    ("Failed to fetch", "the image build cannot download: check network, proxy and PIP_CERT"),
    (
        "Could not find a version",
        "the image build cannot reach a package index: check PIP_INDEX_URL",
    ),
    ("pull access denied", "the base image is missing: docker pull debian:trixie-slim"),
)


def docker(*arguments: str, deadline_s: float = COMMAND_DEADLINE_S) -> str:
    """What `docker …` prints. StackError with advice where it fails."""
    return _advised(["docker", *arguments], deadline_s, os.environ)


def compose(
    project: str,
    variables: Mapping[str, str],
    *arguments: str,
    deadline_s: float = COMMAND_DEADLINE_S,
) -> str:
    """What `docker compose …` prints for a project of ours."""
    files = [word for file in FILES for word in ("--file", str(file))]
    command = ["docker", "compose", "--project-name", project, *files, *arguments]
    return _advised(command, deadline_s, {**os.environ, **variables})


def _advised(command: list[str], deadline_s: float, environment: Mapping[str, str]) -> str:
    try:
        return run(command, deadline_s, environment)
    except StackError as error:
        said = error.what
        do = next((do for words, do in _ADVICE if words.lower() in said.lower()), "")
        raise StackError(said.replace(str(PROJECT), "."), do) from error


def lacks() -> str:
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


def remove_left_behind() -> list[str]:
    """Removes containers and networks of sessions that were killed; their names.

    Only what carries our label, and never what somebody started by hand, nor the cache.
    """
    removed = []
    for kind, listing, remove in (
        ("container", ("ps", "--all"), ("rm", "--force", "--volumes")),
        ("network", ("network", "ls"), ("network", "rm")),
        ("volume", ("volume", "ls"), ("volume", "rm", "--force")),
    ):
        name = {"container": ".Names", "network": ".Name", "volume": ".Name"}[kind]
        form = f'{{{{{name}}}}}\t{{{{.Label "{LABEL}"}}}}'
        for line in docker(*listing, "--filter", f"label={LABEL}", "--format", form).splitlines():
            found, _, session = line.partition("\t")
            if session not in (BY_HAND, "cache"):
                docker(*remove, found)
                removed.append(f"{kind} {found}")
    return removed
