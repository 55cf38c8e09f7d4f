"""Observers in processes of their own, one of them on another clock: one attempt's files of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.another_clock import AHEAD_S, HERE, WHY
from bench.loopback import process, wait_for
from rig.backends.observers import READY, merge
from rig.endpoints import Endpoints, endpoints_from_json
from rig.evidence.probes import probe_facts
from rig.model import Role
from rig.record import LoadFacts
from tests.pipeline.serving import free_port
from tests.runs import read_csv
from tests.unit.plans import PLAN

pytestmark = pytest.mark.skipif(not HERE, reason=WHY)
SERVER = "import sys, gevent\nfrom rig.load import time_server\n"
SERVER += "server = time_server.serve(int(sys.argv[1]))\ngevent.sleep(60)"
OBSERVER = ("-m", "bench.another_clock", "rig.probes.observe")
LOOKS_S = 2.0


def seen(port: int, node: str, pids: dict[Role, tuple[int, ...]]) -> Endpoints:
    return Endpoints(pids=pids, clock=("127.0.0.1", port), node=node)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float, float]:
    """The attempt's folder, and from when to when its observers looked."""
    folder, port, own = tmp_path_factory.mktemp("observed"), free_port(), os.getpid()
    outs = [folder / "observer-1", folder / "observer-2"]
    nodes = [
        seen(port, "sut", {Role.DATABASE: (own,), Role.LOAD_WORKER: (own, 0)}),
        seen(port, "load", {Role.LOAD_WORKER: (0, own)}),
    ]
    with ExitStack() as exits:
        exits.enter_context(process(["-c", SERVER, str(port)], folder / "server.log"))
        _await_port(port)
        running = []
        from_s = time.monotonic()
        for out, node in zip(outs, nodes, strict=True):
            out.mkdir()
            spec = folder / f"{out.name}.json"
            spec.write_text(node.to_json())
            words = [
                "-m",
                "bench.another_clock",
                "rig.probes.observe",
                str(spec),
                str(out),
            ]
            running.append(exits.enter_context(process(words, folder / f"{out.name}.log")))
        for out, one in zip(outs, running, strict=True):
            wait_for(out / READY, 30, one)
        time.sleep(LOOKS_S)
        for one in running:
            one.send_signal(signal.SIGTERM)
        for one in running:
            assert one.wait(20) == 0
        until_s = time.monotonic()
    (folder / "attempt").mkdir()
    merge(outs, folder / "attempt" / "probes")
    return folder / "attempt", from_s, until_s


def _await_port(port: int) -> None:
    give_up_s = time.monotonic() + 20
    while time.monotonic() < give_up_s:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("no time server")


def test_nothing_failed(observed: tuple[Path, float, float]) -> None:
    assert json.loads((observed[0] / "probes" / "failed.json").read_text()) == {}


def test_every_moment_is_told_in_session_time(observed: tuple[Path, float, float]) -> None:
    folder, from_s, until_s = observed
    for name in ("processes", "host", "clock"):
        at_s = [float(row["at_s"]) for row in read_csv(folder / "probes" / f"{name}.csv")]
        assert len(at_s) >= 4
        assert at_s == sorted(at_s)
        assert from_s - 0.1 < at_s[0]
        assert at_s[-1] < until_s + 0.1


def test_both_machines_are_told_apart_and_no_index_is_lost(
    observed: tuple[Path, float, float],
) -> None:
    folder, from_s, until_s = observed
    rows = read_csv(folder / "probes" / "processes.csv")
    who = {(row["node"], row["role"], row["index"]) for row in rows}
    assert who == {("sut", "database", "0"), ("sut", "load_worker", "0"),
                   ("load", "load_worker", "1")}  # fmt: skip
    load = LoadFacts(began_at_s=from_s, ramp_s=0.0, duration_s=until_s - from_s)
    facts = probe_facts(folder, PLAN, load)
    assert set(facts.roles) == {"database", "load_worker"}
    assert facts.samples["host"] >= 4


def test_the_true_offset_is_as_near_as_is_said(observed: tuple[Path, float, float]) -> None:
    folder, *_ = observed
    clocks = probe_facts(folder, PLAN, LoadFacts()).clocks
    assert set(clocks) == {"sut", "load"}
    for node, true_s in (("sut", 0), ("load", AHEAD_S)):
        clock = clocks[node]
        assert abs(clock.offset_s - true_s) <= clock.uncertainty_s + 1e-6
        assert clock.uncertainty_s < 0.1
        assert clock.drift_s is not None


def test_what_is_seen_is_what_its_file_says(tmp_path: Path) -> None:
    one = seen(5558, "sut", {Role.APP: (1, 2)})
    assert endpoints_from_json(one.to_json()) == one
