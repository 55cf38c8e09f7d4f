"""Gives nodes the images of this machine that they lack, and proves that they have the same.

By save and load, or by a registry that all of them reach. May not know which roles need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rig.backends.docker.engine import HERE, Engine
from rig.backends.parallel import in_parallel
from rig.backends.processes import pipeline
from rig.backends.swarm.swarm import Member
from rig.model import StackError

DEADLINE_S = 900.0
TAG_CHARS = 32


def ids_of(names: Iterable[str]) -> dict[str, str]:
    """Content hashes of this machine's images, by name. StackError."""
    return {name: _id(HERE, name) for name in names}


def give(
    members: Mapping[str, Member],
    images: Mapping[str, Sequence[str]],
    ids: Mapping[str, str],
    registry: str,
) -> None:
    """Each node's `images` (names), with these `ids`. StackError names what does not arrive.

    `registry`: where they are pushed for the nodes to pull; empty: save and load.
    """

    def lacks(node: str) -> list[str]:
        engine = members[node].engine
        return [name for name in images[node] if _id(engine, name, absent=True) != ids[name]]

    missing = dict(zip(images, in_parallel(lacks, images), strict=True))
    wanted = sorted({name for names in missing.values() for name in names})
    if registry:
        for name in wanted:
            _push(name, address(registry, name, ids[name]))

    def hand_over(node: str) -> None:
        to = members[node].engine
        for name in missing[node] if registry else ():
            _pull(to, name, address(registry, name, ids[name]))
        if missing[node] and not registry:
            _load(to, missing[node])
        for name in missing[node]:
            if _id(to, name) != ids[name]:
                raise StackError(f"node {node}: image {name} is not the one made here")

    in_parallel(hand_over, images)


def address(registry: str, name: str, of: str) -> str:
    """Where a registry keeps an image of this content hash: no other is ever there."""
    return f"{registry}/{name.partition(':')[0]}:{of.rpartition(':')[2][:TAG_CHARS]}"


def _push(name: str, there: str) -> None:
    HERE.docker("tag", name, there)
    try:
        HERE.docker("push", "--quiet", there, deadline_s=DEADLINE_S)
    except StackError as error:
        raise StackError(
            f"image {name} cannot be pushed: {error.what}",
            "correct `registry` in the nodes file, or log in: docker login",
        ) from error
    finally:
        HERE.docker("image", "rm", there)  # this name of it


def _pull(to: Engine, name: str, there: str) -> None:
    try:
        to.docker("pull", "--quiet", there, deadline_s=DEADLINE_S)
    except StackError as error:
        do = f"see whether that machine reaches it: docker pull {there}"
        raise StackError(error.what, do) from error
    to.docker("tag", there, name)
    to.docker("image", "rm", there)


def _load(to: Engine, names: Sequence[str]) -> None:
    try:
        pipeline(HERE.command("save", *names), to.command("load"), DEADLINE_S)
    except StackError as error:
        said = error.what.rpartition(": ")[2]
        raise StackError(
            f"node {to.node} cannot be given the images: {said}",
            "make room there: docker system df, docker image prune",
        ) from error


def _id(engine: Engine, name: str, absent: bool = False) -> str:
    """An image's content hash; empty where it is absent and may be. StackError."""
    try:
        return engine.docker("image", "inspect", "--format", "{{.Id}}", name).strip()
    except StackError as error:
        if absent and "no such image" in error.what.lower():
            return ""
        raise
