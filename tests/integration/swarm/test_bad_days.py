"""What goes wrong between machines, really caused: one line, its exit code, and nothing left."""

from __future__ import annotations

import os
import random
import signal
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rig.backends.swarm.swarm import LOCK
from tests.integration.compose.containers import call
from tests.integration.swarm.lab import Lab, LabNode
from tests.integration.swarm.one_trial import (
    BEGIN_DEADLINE_S,
    TWO_LOAD_NODES,
    await_load,
    ended,
    refused,
    words,
)
from tests.runs import sessions

pytestmark = [pytest.mark.swarm, pytest.mark.campaign]

KILLS = int(os.environ.get("SWARM_KILLS", "20"))
LOSSES = int(os.environ.get("SWARM_LOSSES", "10"))


@contextmanager
def inside(node: LabNode, do: str, undo: str) -> Iterator[None]:
    """A change of a node's network."""
    space = f"swarm-{node.socket.parent.name}"
    assert call("ip", "netns", "exec", space, "sh", "-c", do).code == 0
    try:
        yield
    finally:
        assert call("ip", "netns", "exec", space, "sh", "-c", undo).code == 0


def test_a_context_that_does_not_answer(three: Lab) -> None:
    nodes = three.file()
    nodes.write_text(nodes.read_text().replace(str(three.node("db").socket), "/run/nobody.sock"))
    refused(three.run(*words(three, nodes, "silent")), 6, "node db: docker info: ", "nodes file")
    assert three.left() == set()


@contextmanager
def aged(node: LabNode, as_old: str, at: Path) -> Iterator[None]:
    """At a socket the node's engine, but for the version that it says: one as long as its own."""
    own = node.docker("version", "--format", "{{.Server.Version}}").strip()
    old = (as_old + own[len(as_old) :]).encode()

    class Ageing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as there, suppress(OSError):
                there.connect(str(node.socket))
                asking = threading.Thread(target=self.ask, args=(there,), daemon=True)
                asking.start()
                said = b""
                while data := there.recv(1 << 16):
                    said += data
                    whole = said[: -len(own)]  # a version may be cut in two
                    self.request.sendall(whole.replace(own.encode(), old))
                    said = said[len(whole) :]
                self.request.sendall(said.replace(own.encode(), old))

        def ask(self, there: socket.socket) -> None:
            with suppress(OSError):
                while data := self.request.recv(1 << 16):
                    there.sendall(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                there.shutdown(socket.SHUT_WR)

    with socketserver.ThreadingUnixStreamServer(str(at), Ageing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


@pytest.mark.a_share
def test_an_engine_that_is_too_old(three: Lab) -> None:
    node, nodes, old = three.node("db"), three.file(), three.folder / "old.sock"
    nodes.write_text(nodes.read_text().replace(str(node.socket), str(old)))
    with aged(node, "19.03", old):
        done = three.run(*words(three, nodes, "old"))
    refused(done, 6, "node db: Docker engine 19.03", "is too old", "20.10 or later is needed")
    assert three.left() == set()


def test_a_node_of_no_swarm_and_one_of_another(three: Lab) -> None:
    node, manager = three.node("load"), three.nodes[0]
    token = manager.docker("swarm", "join-token", "--quiet", "worker").strip()
    node.docker("swarm", "leave")
    try:
        done = three.run(*words(three, three.file(), "apart"))
        refused(done, 6, "node load is in no Swarm", "docker swarm join-token")
        node.docker("swarm", "init", "--advertise-addr", node.address)
        done = three.run(*words(three, three.file(), "apart"))
        refused(done, 6, "node load is in another Swarm than node sut")
    finally:
        call("docker", "--host", f"unix://{node.socket}", "swarm", "leave", "--force")
        join = ("swarm", "join", "--token", token, "--advertise-addr", node.address)
        node.docker(*join, f"{manager.address}:2377")
    assert three.left() == set()


@pytest.mark.a_share
def test_large_packets_that_do_not_pass(three: Lab) -> None:
    rule = "INPUT -p udp --dport 4789 -m length --length 1301:65535 -j DROP"
    with inside(three.node("load"), f"iptables-legacy -A {rule}", f"iptables-legacy -D {rule}"):
        done = three.run(*words(three, three.file(), "mtu"))
    refused(done, 6, "only small packets pass between nodes", "mtu_bytes")
    assert three.left() == set()


@pytest.mark.a_share
def test_vxlan_that_is_blocked(three: Lab) -> None:
    rule = "INPUT -p udp --dport 4789 -j DROP"
    with inside(three.node("load"), f"iptables-legacy -A {rule}", f"iptables-legacy -D {rule}"):
        done = three.run(*words(three, three.file(), "blocked"))
    refused(done, 6, "nothing passes between nodes", "UDP port 4789")
    assert three.left() == set()


def test_another_session_on_the_same_swarm(three: Lab) -> None:
    manager = three.nodes[0]
    labels = ("--label", "org.async-django-rig=theirs", "--label", "org.async-django-rig.host=far")
    manager.docker("config", "create", *labels, LOCK, str(three.file()))
    try:
        done = three.run(*words(three, three.file(), "second"))
        refused(done, 2, "another session has this Swarm: theirs, started on far", "clean --nodes")
        assert LOCK in three.left()
        clean = three.run("clean", "--nodes", three.file())
        assert f"removed config {LOCK}" in clean.out
    finally:
        call("docker", "--host", f"unix://{manager.socket}", "config", "rm", LOCK)


def test_no_room_for_images_on_one_node(three: Lab) -> None:
    node = three.node("load")
    folder, pid = node.socket.parent, (node.socket.parent / "pid").read_text()
    within = ("nsenter", "--mount", "--target", pid)
    image = "async-django-rig/locust-worker"
    node.docker("image", "rm", "--force", image)
    assert (
        call(*within, "mount", "-t", "tmpfs", "-o", "size=4m", "t", f"{folder}/data/tmp").code == 0
    )
    try:
        done = three.run(*words(three, three.file(), "full"))
        refused(done, 6, "node load cannot be given the images", "no space left", "make room")
    finally:
        assert call(*within, "umount", f"{folder}/data/tmp").code == 0
    assert three.left() == set()


# while a load runs


def kept(alive: Sequence[LabNode]) -> set[str]:
    """What is left on nodes that live, but for networks."""
    return {one for node in alive for one in node.holds() if not one.startswith("network ")}


def await_manifest(out: Path, process: subprocess.Popen[str], more_than: int) -> None:
    """Until one more attempt than before is finished."""
    give_up_s = time.monotonic() + BEGIN_DEADLINE_S
    while time.monotonic() < give_up_s:
        assert process.poll() is None, ended(process)
        if len(standing(out)) > more_than:
            return
        time.sleep(0.2)
    raise AssertionError("no attempt came to its end")


@contextmanager
def died(three: Lab, node: LabNode) -> Iterator[None]:
    """A node that is dead for as long as the context lasts."""
    node.die()
    try:
        yield
    finally:
        three.restart(node)


@pytest.mark.a_share
def test_a_load_node_that_dies_ends_the_session_which_can_be_resumed(three: Lab) -> None:
    node, out = three.node("load"), "lost"
    nodes = three.file(TWO_LOAD_NODES)
    with three.under_way(*words(three, nodes, out)) as process:
        await_load(node, process)
        with died(three, node):
            done = ended(process)
    refused(done, 6, "node load is lost", "resume")
    # a node that is gone keeps the networks that it was in
    assert kept(three.nodes[:2]) == set()
    # it has come back, with what it held when it died
    resumed = three.run("resume", "--out", three.folder / out)
    assert resumed.code == 0, resumed.out + resumed.err
    assert three.left() == set()


@pytest.mark.a_share
def test_a_load_node_that_dies_can_be_done_without(three: Lab) -> None:
    node, out = three.node("load"), "without"
    nodes = three.file(TWO_LOAD_NODES, more="lost_load_node: go_on")
    with three.under_way(*words(three, nodes, out)) as process:
        await_load(node, process)
        with died(three, node):
            done = ended(process)
    assert done.code == 0, done.out + done.err
    assert "node load is lost; the session goes on without it" in done.err
    (session,) = sessions(three.folder / out)
    first, second = [attempt.manifest for attempt in session.attempts()]
    assert (first["verdict"], first["lost_node"]) == ("failed", "load")
    assert second["verdict"] == "valid"
    assert three.run("clean", "--nodes", nodes).code == 0
    assert three.left() == set()


@pytest.mark.a_share
@pytest.mark.parametrize(
    "place", ["app: load, database: db, pooler: db", "app: db, database: load, pooler: load"]
)
def test_the_apps_node_dies_or_the_databases(three: Lab, place: str) -> None:
    node, out = three.node("load"), place.partition(",")[0].replace(": ", "-")
    nodes = three.file(
        f"{{{place}, load_master: sut, load_worker: [sut]}}", more="lost_load_node: go_on"
    )
    with three.under_way(*words(three, nodes, out)) as process:
        await_load(three.node("sut"), process)
        with died(three, node):
            done = ended(process)
    refused(done, 6, "node load is lost", "cannot go on without it")
    assert three.run("clean", "--nodes", nodes).code == 0
    assert three.left() == set()


@pytest.mark.a_share
def test_a_runner_that_was_killed_is_cleaned_up_after_and_resumed(three: Lab) -> None:
    nodes, out = three.file(), "killed"
    with three.under_way(*words(three, nodes, out)) as process:
        await_load(three.node("load"), process)
        os.killpg(process.pid, signal.SIGKILL)
    assert three.left() != set()
    clean = three.run("clean", "--nodes", nodes)
    assert clean.code == 0, clean.out + clean.err
    assert f"removed config {LOCK}" in clean.out
    assert three.left() == set()
    resumed = three.run("resume", "--out", three.folder / out)
    assert resumed.code == 0, resumed.out + resumed.err
    assert three.left() == set()


def standing(out: Path) -> dict[Path, bytes]:
    """Every manifest of an attempt there, and what it says."""
    return {path: path.read_bytes() for path in out.glob("*/*/trials/*/attempt-*/manifest.json")}


def assert_kept(out: Path, before: Mapping[Path, bytes]) -> None:
    """What was finished stands as it did, and no valid trial was run again."""
    now = standing(out)
    assert {path: now.get(path) for path in before} == dict(before)
    valid = [path.parent.parent for path, said in now.items() if b'"verdict": "valid"' in said]
    assert len(valid) == len({*valid})


def begin_or_resume(lab: Lab, nodes: Path, out: Path, trials: int) -> list[str | Path]:
    if sessions(out):
        return ["resume", "--out", out]
    return [*words(lab, nodes, out.name), "--repeats", str(trials)]


@pytest.mark.a_share
def test_interrupts_leave_nothing_and_lose_no_finished_trial(three: Lab) -> None:
    out, nodes = three.folder / "interrupts", three.file()
    for number in range(KILLS):
        rng = random.Random(f"{os.environ.get('SEED', '')}{number}")
        before = standing(out)
        with three.under_way(*begin_or_resume(three, nodes, out, KILLS + 2)) as process:
            if not number:
                await_manifest(out, process, more_than=0)
            time.sleep(rng.uniform(0.5, 25))  # too short for two trials
            process.send_signal(signal.SIGINT)
            done = ended(process)
        assert done.code == 130, done.out + done.err
        assert three.left() == set()
        assert_kept(out, before)


@pytest.mark.a_share
def test_losses_leave_nothing_on_nodes_that_live_and_no_finished_trial(three: Lab) -> None:
    out, nodes = three.folder / "losses", three.file(TWO_LOAD_NODES)
    for number in range(LOSSES):
        rng = random.Random(f"{os.environ.get('SEED', '')}{number}")
        node, before = three.node(rng.choice(["db", "load"])), standing(out)
        with three.under_way(*begin_or_resume(three, nodes, out, LOSSES + 1)) as process:
            await_manifest(out, process, more_than=len(before))
            finished = standing(out)
            time.sleep(rng.uniform(0, 10))  # too short for one more trial
            with died(three, node):
                done = ended(process)
                assert kept([one for one in three.nodes if one is not node]) == set()
        refused(done, 6, f"node {node.name} is lost")
        assert_kept(out, finished)
    resumed = three.run("resume", "--out", out)
    assert resumed.code in (0, 4), resumed.out + resumed.err  # a busy machine may reject a trial
    assert_kept(out, finished)
    assert three.left() == set()
