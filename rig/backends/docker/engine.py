"""A Docker engine: how it is asked, and what it says as one clear line with advice.

May not know which containers there are, nor what stands in them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rig.backends.processes import run, until
from rig.model import StackError

LABEL = "org.async-django-rig"
KEPT = ("by-hand", "cache", "image")
"""Labels of what is not a session's: a user's own stack, the cache, what images hand down."""
NETWORKS = "198.18.40.0 to 198.18.47.255"
COMMAND_DEADLINE_S = 60.0
OPEN_FILES_WANTED = 65_536
"""By a container, where its engine gives so many."""
REMOVE_DEADLINE_S = 15.0

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
_ADVICE_OF_NODE = (
    ("context not found", "make it: docker context create NAME --docker host=ssh://USER@HOST"),
    ("Cannot connect to", "start Docker there, or correct its `context` in the nodes file"),
    ("failed to connect to", "start Docker there, or correct its `context` in the nodes file"),
    ("error during connect", "start Docker there, or correct its `context` in the nodes file"),
    ("did not end within", "see whether the machine is up and can be reached"),
    (
        "in use by task",
        "a node that is gone keeps it: bring it back, or on a manager: docker node rm --force NODE",
    ),
    ("no space left", "make room there: docker system df, docker image prune"),
)
_LISTED = {
    "container": (("ps", "--all", "--format", "{{.Names}}"), ("rm", "--force", "--volumes")),
    "network": (("network", "ls", "--format", "{{.Name}}"), ("network", "rm")),
    "volume": (("volume", "ls", "--format", "{{.Name}}"), ("volume", "rm", "--force")),
}
KINDS = tuple(_LISTED)
"""Of what a session makes in an engine, in the order in which it can be removed."""


@dataclass(frozen=True)
class Engine:
    """An engine: this machine's own, or that of a node."""

    node: str = ""
    """Its name in the nodes file; empty: this machine's."""
    options: tuple[str, ...] = ()
    """How the command line is led to it: `--context NAME`, or `--host ADDRESS`."""

    def command(self, *arguments: str) -> list[str]:
        """The words of `docker …` for this engine."""
        return ["docker", *self.options, *arguments]

    def docker(self, *arguments: str, deadline_s: float = COMMAND_DEADLINE_S) -> str:
        """What `docker …` prints. StackError with advice where it fails; it names the node."""
        try:
            command = self.command(*arguments)
            return advised(command, f"docker {arguments[0]}", deadline_s, os.environ)
        except StackError as error:
            if not self.node:
                raise
            lower = error.what.lower()
            known = (do for words, do in _ADVICE_OF_NODE if words.lower() in lower)
            raise StackError(f"node {self.node}: {error.what}", next(known, error.do)) from error

    def version(self) -> tuple[int, ...]:
        """Of the engine, as numbers. StackError."""
        return version_of(self.docker("version", "--format", "{{.Server.Version}}", deadline_s=20))

    def open_files(self, image: str, wanted: int) -> int:
        """How many open files a container may have: what is wanted, or the engine's own limit."""
        alone = ("run", "--rm", "--network", "none", "--label", f"{LABEL}=probe")
        shell = (*alone, "--entrypoint", "sh")
        try:
            self.docker(*shell, "--ulimit", f"nofile={wanted}:{wanted}", image, "-c", "true")
        except StackError:
            return int(self.docker(*shell, image, "-c", "ulimit -Hn"))
        return wanted

    def said_by(self, image: str, program: str, *arguments: str) -> str:
        """What a program of an image prints. StackError."""
        alone = ("run", "--rm", "--network", "none", "--label", f"{LABEL}=probe")
        return self.docker(*alone, "--entrypoint", program, image, *arguments).strip()

    def remove_left_behind(self, kinds: Sequence[str] = KINDS) -> list[str]:
        """Removes containers, networks and volumes of sessions; their names. StackError.

        Only what carries our label, and never what somebody started by hand, nor the cache.
        """
        removed = []
        for kind in kinds:
            listing, remove = _LISTED[kind]
            found = self._of_sessions(listing)
            if found:
                self._remove(listing, remove)
            removed += [f"{kind} {name}" for name in found]
        return removed

    def await_gone(self, kind: str) -> None:
        """Until none of a session is listed here: a manager removed it, and it goes by and by.

        StackError.
        """
        found: list[str] = []
        for _ in until(REMOVE_DEADLINE_S, every_s=0.2):
            if not (found := self._of_sessions(_LISTED[kind][0])):
                return
        what = f"{kind} {found[0]} is removed but still there after {REMOVE_DEADLINE_S:g} s"
        do = "restart its engine: systemctl restart docker"
        raise StackError(f"node {self.node}: {what}" if self.node else what, do)

    def _of_sessions(self, listing: Sequence[str]) -> list[str]:
        form = f'{listing[-1]}\t{{{{.Label "{LABEL}"}}}}'
        said = self.docker(*listing[:-1], form, "--filter", f"label={LABEL}")
        lines = [line.partition("\t") for line in said.splitlines()]
        return [name for name, _, session in lines if session not in KEPT]

    def _remove(self, listing: Sequence[str], remove: Sequence[str]) -> None:
        """Tries again: a container that ends by itself may be about to remove itself."""
        error = None
        for _ in until(REMOVE_DEADLINE_S, every_s=0.2):
            try:
                if not (found := self._of_sessions(listing)):
                    return
                # again until they are gone: a Swarm removes its networks by and by
                self.docker(*remove, *found)
            except StackError as failed:
                error = failed
        raise error or StackError(f"docker {remove[0]} did not end")


HERE = Engine()
"""This machine's own, or the one that DOCKER_HOST names."""


def advised(
    command: Sequence[str], short: str, deadline_s: float, environment: Mapping[str, str]
) -> str:
    """What a command of Docker's prints. StackError, with advice, where it fails: it says `short`
    for the dozen options that the command was given.
    """
    try:
        return run(command, deadline_s, environment)
    except StackError as error:
        what = error.what.replace(" ".join(command), short)
        raise StackError(what, advice(error.what)) from error


def advice(said: str) -> str:
    """What to do about an error of an engine's; empty where nobody knows."""
    return next((do for words, do in _ADVICE if words.lower() in said.lower()), "")


def version_of(text: str) -> tuple[int, ...]:
    """The first two numbers of a version; (0, 0) of what is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)
