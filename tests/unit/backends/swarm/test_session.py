"""What a session has on nodes, from its first to its last; the agents on them are real."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.backends.docker.engine import LABEL
from rig.backends.processes import until
from rig.backends.swarm import doctor, overlays, session, swarm
from rig.backends.swarm.session import SwarmSession
from rig.model import LostNode, UsageError
from tests.pipeline.serving import free_port
from tests.unit.backends.swarm.engines import NAMES, Engines, nodes, on_path

IMAGE = "async-django-rig/observer"
LOOPBACK_MTU_BYTES = int(Path("/sys/class/net/lo/mtu").read_text())


def on_loopback(patched: pytest.MonkeyPatch) -> None:
    """Nodes reach each other on this machine."""
    patched.setattr(overlays, "address_of_agent", lambda *_: "127.0.0.1")
    patched.setattr(session, "PROOF_PORT", free_port())


def begun(scratch: Path) -> SwarmSession:
    members = swarm.members_of(nodes(), NAMES)
    return SwarmSession(members, {name: [IMAGE] for name in members}, 1400, scratch)


Begin = Callable[[], SwarmSession]


@pytest.fixture
def begin(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Begins a session."""
    on_loopback(monkeypatch)
    return lambda: begun(tmp_path)


@dataclass(frozen=True)
class Held:
    """A session that has begun."""

    engines: Engines
    session: SwarmSession


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("held")
    with pytest.MonkeyPatch.context() as patched:
        on_loopback(patched)
        engines = on_path(folder, patched)
        with closing(begun(folder)) as made:
            yield Held(engines, made)
    assert engines.left == []


def test_a_session_has_the_swarm_its_networks_and_an_agent_on_each_node(held: Held) -> None:
    made = held.session
    assert list(made.nodes) == [*NAMES]
    assert {said["boot_id"] for said in made.facts.values()} == {
        Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    }
    assert made.mtus == dict.fromkeys(NAMES, LOOPBACK_MTU_BYTES)
    networks = [overlays.name(made.name, link) for link in overlays.ALWAYS]
    assert held.engines.left == sorted([
        *(f"a/network/{name}" for name in networks),
        *(f"{name}/container/{made.name}-agent-{n}" for n, name in enumerate(NAMES)),
        *(f"{name}/volume/{made.name}" for name in NAMES),
        "config",
    ])  # fmt: skip
    with pytest.raises(UsageError, match=f"another session has this Swarm: {made.name}"):
        swarm.take(made.members["a"], "other", held.engines.root)


def test_networks_reach_nothing_else_and_have_the_packets_asked_for(held: Held) -> None:
    told = held.engines.told("network create")
    assert len(told) == len(overlays.ALWAYS)
    for line in told:
        assert line.startswith("a network create --driver overlay --attachable --internal ")
        # Docker takes VXLAN's 50 bytes from it
        assert "--opt com.docker.network.driver.mtu=1450 " in line
        assert "encrypted" not in line


def test_an_agent_may_do_no_more_than_it_needs(held: Held) -> None:
    told = held.engines.told("create --interactive")
    assert len(told) == len(NAMES)
    for line in told:
        assert " --read-only " in line
        assert " --cap-drop ALL --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add CHOWN " in line
        assert " --security-opt no-new-privileges:true " in line
        assert "--privileged" not in line
        assert "docker.sock" not in line


def test_a_folder_is_given_to_a_node_once(held: Held, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    project.mkdir()
    (project / "manage.py").write_text("# theirs")
    node = held.session.nodes["a"]
    first = node.given(project)
    assert (Path(first) / "manage.py").read_text() == "# theirs"
    assert node.given(project) == first
    assert node.given(project, writable=True) != first


def test_an_agent_that_the_swarm_does_not_attach_in_time_is_started_again(
    engines: Engines, begin: Begin
) -> None:
    engines.refuses("b", "Error response: could not attach to network s_front: context deadline")
    with closing(begin()) as made:
        assert made.nodes["b"].agent.lost == ""
    agents = [line for line in engines.told("create --interactive") if line.startswith("b ")]
    assert len(agents) == 2
    assert engines.left == []


def test_an_agent_that_cannot_start_is_one_line_and_leaves_nothing(
    engines: Engines, begin: Begin
) -> None:
    engines.refuses("c", "Error response: no space left on device")
    with pytest.raises(LostNode) as caught:
        begin()
    assert caught.value.what == "node c is lost: Error response: no space left on device"
    assert engines.left == []


def test_what_a_killed_session_of_this_machine_left_goes_first(
    engines: Engines, begin: Begin, tmp_path: Path
) -> None:
    swarm.take(swarm.member(nodes().nodes["a"]), "async-django-old", tmp_path)
    engines.has("b", "container", "async-django-old-app-1", "async-django-old")
    with closing(begin()) as made:
        holder = swarm.holder(made.members["a"])
        assert holder is not None
        assert holder.session == made.name
        assert not [name for name in engines.left if "async-django-old" in name]


def test_a_session_on_another_machine_keeps_the_swarm_and_what_it_has(
    engines: Engines, begin: Begin
) -> None:
    engines.held_by({LABEL: "async-django-far", f"{LABEL}.host": "far", f"{LABEL}.boot": "1"})
    engines.has("b", "container", "async-django-far-app-1", "async-django-far")
    with pytest.raises(UsageError, match="async-django-far, started on far"):
        begin()
    assert engines.left == ["b/container/async-django-far-app-1", "config"]


def test_a_node_that_is_lost_is_noticed_and_the_others_are_cleaned(
    engines: Engines, begin: Begin
) -> None:
    made = begin()
    made.nodes["c"].agent._process._popen.kill()
    for _ in until(10):
        if made.lost:
            break
    with pytest.raises(LostNode):
        made.check()
    assert made.lost == ["c"]
    engines.ends("c")
    made.close()
    assert engines.left == [
        f"c/container/{made.name}-agent-2", f"c/volume/{made.name}",
    ]  # fmt: skip


def test_the_doctor_looks_at_all_that_a_session_does_first(engines: Engines, begin: Begin) -> None:
    found = {one.name: (one.fine, one.message) for one in doctor.examine(nodes())}
    assert found.pop("place")[0]
    clocks = {name: found.pop(f"{name}: clock") for name in NAMES}
    for fine, said in clocks.values():
        assert fine
        assert "s from this machine's, known within" in said
    mtus = ", ".join(f"{name} {LOOPBACK_MTU_BYTES}" for name in NAMES)
    assert found == {
        **{f"{name}: engine": (True, f"Docker 28.5.0, kernel 6.1.0, context {name}")
           for name in NAMES},
        **{f"{name}: CPUs": (True, "4") for name in NAMES},
        "Swarm": (True, "3 members of one, managed by a"),
        "images": (True, "the same on all nodes, by content"),
        "overlay": (True, f"1 MB passes between all nodes; MTU (bytes): {mtus}"),
        "kernels": (False, "a and b and c share a kernel, so disturb each other"),
    }  # fmt: skip
    assert engines.left == []


def test_the_doctor_says_what_is_missing_before_it_tries_more(engines: Engines) -> None:
    engines.ends("b")
    engines.says("c", ServerVersion="19.03.8", NCPU=1)
    found = {one.name: (one.fine, one.message) for one in doctor.examine(nodes())}
    assert found["b: engine"][1].startswith("node b: docker info: Cannot connect")
    assert found["c: engine"][1].startswith("node c: Docker engine 19.03.8 is too old")
    assert not found["b: engine"][0]
    assert not found["c: engine"][0]
    assert found["c: CPUs"] == (False, "1")
    assert "Swarm" not in found
    assert engines.left == []


def test_the_doctor_says_that_images_are_made_by_the_first_session(engines: Engines) -> None:
    (engines.root / "image").write_text("")
    *_, last = doctor.examine(nodes())
    assert (last.name, last.fine, last.needed) == ("images", False, False)
    assert "the first session makes them" in last.message
    assert engines.left == []
