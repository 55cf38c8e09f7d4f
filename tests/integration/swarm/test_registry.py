"""Nodes take images from a registry: Debian's docker-registry."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from rig.backends.docker.images import OBSERVER, image_of
from rig.backends.machine.binaries import which
from tests.integration.compose.containers import call, docker
from tests.integration.swarm.lab import Lab

pytestmark = [pytest.mark.swarm, pytest.mark.campaign]

WHERE = "127.0.0.1:5077"
"""Engines ask a loopback address without TLS."""
CONFIG = """\
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: STORE}}
http: {addr: "WHERE"}
"""


@contextmanager
def registry(three: Lab) -> Iterator[None]:
    """One store, served at the same address on this machine and in each node's network."""
    program = which("docker-registry")
    if not program:
        pytest.skip("no docker-registry: setup/tools.sh test unpacks it")
    config = three.folder / "registry.yml"
    store = three.folder / "store"
    config.write_text(CONFIG.replace("STORE", str(store)).replace("WHERE", WHERE))
    spaces = [f"swarm-{node.socket.parent.name}" for node in three.nodes]
    with ExitStack() as ends:
        for inside in ([], *(["ip", "netns", "exec", space] for space in spaces)):
            words = [*inside, program, "serve", str(config)]
            one = ends.enter_context(subprocess.Popen(words, stderr=subprocess.DEVNULL))
            ends.callback(one.kill)
        give_up_s = time.monotonic() + 10
        while call("curl", "--silent", "--fail", f"http://{WHERE}/v2/").code:
            assert time.monotonic() < give_up_s
            time.sleep(0.1)
        yield


def test_what_a_node_lacks_it_pulls(three: Lab) -> None:
    image, node = image_of(OBSERVER), three.node("load")
    nodes = three.file(more=f"registry: {WHERE}", name="registry.yaml")
    call("docker", "--host", f"unix://{node.socket}", "image", "rm", "--force", image)
    with registry(three):
        done = three.run("doctor", "--nodes", nodes)
        assert "ok   images: the same on all nodes, by content" in done.out, done.out + done.err
        with urllib.request.urlopen(f"http://{WHERE}/v2/_catalog", timeout=5) as answer:
            assert json.load(answer) == {"repositories": [image]}
    form = ("image", "inspect", "--format", "{{.Id}}", image)
    assert node.docker(*form) == docker(*form)
    # no other name of it stays
    for said in (docker("image", "ls"), node.docker("image", "ls")):
        assert WHERE not in said


def test_a_registry_that_nobody_answers_for_is_one_line(three: Lab) -> None:
    node = three.node("load")
    nodes = three.file(more=f"registry: {WHERE}", name="registry.yaml")
    image = image_of(OBSERVER)
    call("docker", "--host", f"unix://{node.socket}", "image", "rm", "--force", image)
    done = three.run("doctor", "--nodes", nodes)
    assert done.code == 6
    assert f"NO   overlay: image {image} cannot be pushed: docker push: " in done.out
    assert WHERE not in docker("image", "ls")
