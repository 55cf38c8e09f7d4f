"""A session of one trial on the three nodes, which something happens to."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

from tests.integration.swarm.lab import Lab, LabNode
from tests.runs import Done

LOAD_S = 8
ONE_TRIAL = f"""\
experiment: bad
vary: {{route: [io_create], target: [async], delay_ms: [20]}}
load: {{users: {{from: 4, per_s: 4, to: 8}}, steady: {LOAD_S}s, load_workers: 2}}
data: {{posts: 1000, cpu_n: 1000}}
"""
TWO_LOAD_NODES = "{app: sut, database: sut, pooler: sut, load_master: db, load_worker: [db, load]}"
BEGIN_DEADLINE_S = 300
"""Images may have to be made and handed over first."""


def words(lab: Lab, nodes: Path, out: str) -> list[str | Path]:
    experiment = lab.folder / "one.yaml"
    experiment.write_text(ONE_TRIAL)
    fixed = ("--backend", "swarm", "--no-calibrate", "--yes", "--out", lab.folder / out)
    return [experiment, *fixed, "--nodes", nodes]


def refused(done: Done, code: int, *said: str) -> None:
    """One error with its advice, and its exit code."""
    assert done.code == code, done.out + done.err
    (at,) = [n for n, line in enumerate(done.err.splitlines()) if line.startswith("error: ")]
    told = " ".join(done.err.splitlines()[at:])
    for text in said:
        assert text in told


def await_load(node: LabNode, process: subprocess.Popen[str]) -> None:
    """Until a load worker of a session runs on a node, and some seconds into its load."""
    give_up_s = time.monotonic() + BEGIN_DEADLINE_S
    listing = ("ps", "--filter", "name=load_worker", "--format", "{{.Names}}")
    while time.monotonic() < give_up_s:
        assert process.poll() is None, ended(process)
        if "load_worker" in node.docker(*listing):
            time.sleep(LOAD_S / 2)
            return
        time.sleep(0.2)
    raise AssertionError("no load worker runs")


def into_load(master: LabNode, process: subprocess.Popen[str], at_s: float) -> None:
    """Until the load, whose master stands on a node, has run for so long."""
    volumes = master.socket.parent / "data" / "volumes"
    give_up_s = time.monotonic() + BEGIN_DEADLINE_S
    while time.monotonic() < give_up_s:
        assert process.poll() is None, ended(process)
        for progress in volumes.glob("*/_data/load_master/out/progress.jsonl"):
            # the last line may be under way
            said = progress.read_text().splitlines()[:-1]
            if said and json.loads(said[-1])["elapsed_s"] >= at_s:
                return
        time.sleep(0.2)
    raise AssertionError(f"no load has run for {at_s:g} s")


def ended(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=240)
    return Done(process.returncode, out, err)
