"""What is said of a Swarm that is none, who has it, and what sessions leave on it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.backends.docker.engine import LABEL
from rig.backends.swarm import swarm
from rig.backends.swarm.backend import remove_left_behind
from rig.backends.swarm.swarm import Member
from rig.model import StackError, UsageError
from tests.unit.backends.swarm.engines import NAMES, Engines, nodes


def members() -> dict[str, Member]:
    return dict(swarm.members_of(nodes(), NAMES))


def test_a_member_is_what_its_engine_says(engines: Engines) -> None:
    found = members()
    assert list(found) == [*NAMES]
    one = found["b"]
    assert (one.version, one.cpus, one.kernel, one.manager) == ("28.5.0", 4, "6.1.0", False)
    assert swarm.manager_of(list(found.values())).node.name == "a"


DOES_NOT_ANSWER = "start Docker there, or correct its `context` in the nodes file"
Wrong = Callable[[Engines], None]
UNFIT: dict[str, tuple[Wrong, str, str]] = {
    "gone": (
        lambda on: on.ends("b"),
        "node b: docker info: Cannot connect to the Docker daemon at tcp://b:2375. "
        "Is the docker daemon running?",
        DOES_NOT_ANSWER,
    ),
    "gone, as an older client says it": (
        lambda on: on.says("b", ServerVersion="", ServerErrors=["error during connect"]),
        "node b: error during connect",
        DOES_NOT_ANSWER,
    ),
    "too old": (
        lambda on: on.says("c", ServerVersion="19.03.8"),
        "node c: Docker engine 19.03.8 is too old",
        "20.10 or later is needed there",
    ),
    "alone": (
        lambda on: on.says("c", Swarm={"LocalNodeState": "inactive"}),
        "node c is in no Swarm (its engine says inactive)",
        "join it: docker swarm join-token worker, on a manager, prints the command",
    ),
    "elsewhere": (
        lambda on: on.says("c", Swarm={"NodeID": "id-of-another"}),
        "node c is in another Swarm than node a",
        "there: docker swarm leave, then docker swarm join to the same one",
    ),
    "twice": (
        lambda on: on.says("c", Swarm={"NodeID": "id-b"}),
        "nodes b and c are one engine",
        "name each engine once in the nodes file",
    ),
    "unmanaged": (
        lambda on: on.says("a", Swarm={"ControlAvailable": False}),
        "none of the nodes is a manager of the Swarm",
        "name one in the nodes file, or: docker node promote NAME",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_nodes_that_are_no_swarm_are_one_line_with_what_to_do(engines: Engines, case: str) -> None:
    wrong, what, do = UNFIT[case]
    wrong(engines)
    with pytest.raises(StackError) as caught:
        members()
    assert (caught.value.what, caught.value.do) == (what, do)


def test_one_session_at_a_time_has_the_swarm(engines: Engines, tmp_path: Path) -> None:
    manager = members()["a"]
    assert swarm.holder(manager) is None
    swarm.take(manager, "one", tmp_path)
    found = swarm.holder(manager)
    assert found is not None
    assert (found.session, found.host, found.is_here) == ("one", socket.gethostname(), True)
    with pytest.raises(UsageError) as caught:
        swarm.take(manager, "two", tmp_path)
    assert caught.value.what == (
        f"another session has this Swarm: one, started on {socket.gethostname()}"
    )
    assert "clean --nodes" in caught.value.do
    assert swarm.let_go(manager) == ["config async-django-rig"]
    assert swarm.let_go(manager) == []


def test_whose_machine_was_started_anew_is_not_here(engines: Engines) -> None:
    """Its processes are gone; but another one of the same name may hold the Swarm."""
    engines.held_by(
        {LABEL: "old", f"{LABEL}.host": socket.gethostname(), f"{LABEL}.boot": "another"}
    )
    found = swarm.holder(members()["a"])
    assert found is not None
    assert not found.is_here


def left(engines: Engines) -> None:
    for name in NAMES:
        engines.has(name, "container", f"s-{name}", "async-django-1f")
        engines.has(name, "volume", "s", "async-django-1f")
    engines.has("a", "network", "s_front", "async-django-1f")
    engines.has("b", "container", "mine", "by-hand")
    engines.has("c", "volume", "async-django-rig-clusters", "cache")
    engines.held_by({LABEL: "async-django-1f"})


OURS_TO_KEEP = ["b/container/mine", "c/volume/async-django-rig-clusters"]


def test_clean_removes_what_sessions_left_and_nothing_else(engines: Engines) -> None:
    left(engines)
    removed, errors = remove_left_behind(nodes())
    assert errors == []
    assert removed == [
        *(f"container s-{name} on node {name}" for name in NAMES),
        "network s_front on node a",
        *(f"volume s on node {name}" for name in NAMES),
        "config async-django-rig",
    ]
    assert engines.left == OURS_TO_KEEP
    assert remove_left_behind(nodes()) == ([], [])


def test_clean_goes_on_where_a_node_does_not_answer(engines: Engines) -> None:
    left(engines)
    engines.ends("b")
    removed, errors = remove_left_behind(nodes())
    assert [error.what.partition(":")[0] for error in errors] == ["node b"]
    assert len(removed) == 6
    assert engines.left == [
        "b/container/mine", "b/container/s-b", "b/volume/s", "c/volume/async-django-rig-clusters",
    ]  # fmt: skip
