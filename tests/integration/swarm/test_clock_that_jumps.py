"""A load worker's clock that jumps in the middle of a load: that attempt does not count."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.backends.docker import stack_files
from rig.backends.docker.engine import HERE
from rig.backends.docker.images import image_of
from rig.backends.processes import pipeline
from tests.integration.compose.containers import call
from tests.integration.swarm.lab import Lab, LabNode
from tests.integration.swarm.one_trial import TWO_LOAD_NODES, ended, into_load, words
from tests.runs import only_session

pytestmark = [
    pytest.mark.swarm,
    pytest.mark.campaign,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the clock is written in C"),
]

SOURCE = Path(__file__).with_name("stepped_clock.c")
STEP_MS = 50
LOAD_WORKER = "locust_worker"


@contextmanager
def clock_that_jumps(node: LabNode, scratch: Path) -> Iterator[None]:
    """Load workers of a node have a clock that SIGUSR2 sets STEP_MS ahead.

    It is laid into the topmost layer of their image as the node's engine has it on disk: the image
    has the same id, and its containers are made as ever.
    """
    library = scratch / "stepped_clock.so"
    built = call(
        *("cc", "-shared", "-fPIC", "-O2", f"-DSTEP_NS={STEP_MS}000000L"),
        *("-o", library, SOURCE),
    )
    assert built.code == 0, built.err
    stack_files.build(LOAD_WORKER)
    image = image_of(LOAD_WORKER)
    loading = ["docker", "--host", f"unix://{node.socket}", "load"]
    pipeline(HERE.command("save", image), loading, 120)
    form = ("--format", "{{.GraphDriver.Data.UpperDir}}")
    layer = Path(node.docker("image", "inspect", *form, image).strip())
    inside, preload = layer / "stepped_clock.so", layer / "etc" / "ld.so.preload"
    had_etc = preload.parent.is_dir()
    preload.parent.mkdir(exist_ok=True)
    try:
        shutil.copyfile(library, inside)
        preload.write_text("/stepped_clock.so\n")
        yield
    finally:
        inside.unlink(missing_ok=True)
        preload.unlink(missing_ok=True)
        if not had_etc:
            preload.parent.rmdir()


@pytest.mark.a_share
def test_a_clock_that_jumps_in_the_load(three: Lab, tmp_path: Path) -> None:
    node, out = three.node("load"), "jumps"
    nodes = three.file(TWO_LOAD_NODES)
    with (
        clock_that_jumps(node, tmp_path),
        three.under_way(*words(three, nodes, out)) as process,
    ):
        into_load(three.node("db"), process, 3.0)
        listing = ("ps", "--filter", "name=load_worker", "--format", "{{.Names}}")
        (name,) = node.docker(*listing).split()
        node.docker("kill", "--signal", "USR2", name)
        done = ended(process)
    # a busy machine may reject the next attempts for reasons of their own
    assert done.code in (0, 4), done.out + done.err
    first, second, *_ = [one.manifest for one in only_session(three.folder / out).attempts()]
    assert first["verdict"] == "invalid"
    statuses = [
        {check["name"]: check["status"] for check in one["checks"]} for one in (first, second)
    ]
    assert [of["clock"] for of in statuses] == ["fail", "pass"]
    drifts_ms = {name: 1000 * clock["drift_s"] for name, clock in first["load"]["clocks"].items()}
    jumped = max(drifts_ms, key=lambda name: abs(drifts_ms[name]))
    assert jumped in first["facts"]["nodes"]["load"]["load_workers"]
    assert drifts_ms.pop(jumped) == pytest.approx(STEP_MS, abs=5)
    assert all(abs(drift_ms) < 5 for drift_ms in drifts_ms.values())
    # the reason says it, and which clock it was
    assert f"ms from there ({jumped}), 5 ms allowed" in first["why"]
    assert three.left() == set()
