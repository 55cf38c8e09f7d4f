"""The delay role where no delay is asked: a process of this machine, its peers on loopback."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.backends.base import spec_file
from rig.backends.processes import until
from stack.delay.spec import DelaySpec, LinkSpec
from tests.runs import ROOT, read_csv, read_json

PEERS = {"front": "127.0.0.10", "data": "127.0.0.3"}
NOBODYS = "198.18.9.9"


def spec(delay_ms: float = 0.0, own: str = "127.0.0.2", **changes: Any) -> DelaySpec:
    links = tuple(LinkSpec(name, own, 24, peer, delay_ms > 0) for name, peer in PEERS.items())
    return DelaySpec(delay_ms, links=links, interval_s=0.1, **changes)


@contextmanager
def role(asked: DelaySpec, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The role, in whose folder it writes; ended with the block."""
    (folder / "spec.json").write_bytes(spec_file(asked))
    (folder / "out").mkdir(exist_ok=True)
    words = ("-m", "stack.delay", str(folder / "spec.json"), str(folder / "out"))
    process = subprocess.Popen(
        [sys.executable, "-s", *words],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        try:
            yield process
        finally:
            process.kill()


def written(path: Path) -> Any:
    for _ in until(20):
        if path.exists():
            return read_json(path)
    raise AssertionError(f"no {path.name}")


@pytest.mark.parametrize("base", [False, True])
def test_paths_are_measured_before_during_and_after(tmp_path: Path, base: bool) -> None:
    out = tmp_path / "out"
    with role(spec(base=base), tmp_path) as process:
        ready = written(out / "ready.json")
        assert (ready["mechanism"], ready["why"]) == ("", "no delay was asked")
        first = {"base": 11} if base else {}
        for moments in ready["rtt_ms"].values():
            counted = {moment: len(ms) for moment, ms in moments.items()}
            assert counted == {**first, "before": 11, "during": 0}
        for _ in until(20):
            if len(read_csv(out / "delay.csv")) >= 4:
                break
        process.send_signal(signal.SIGUSR1)
        facts = written(out / "facts.json")
        assert process.poll() is None  # what it delays it goes on delaying until it is ended
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    rows = read_csv(out / "delay.csv")
    assert {row["link"] for row in rows} == {*PEERS}
    assert {(row["packets"], row["drops"], row["alive"]) for row in rows} == {("0", "0", "1")}
    for link, moments in facts["rtt_ms"].items():
        assert len(moments["during"]) == sum(row["link"] == link for row in rows)
        assert len(moments["after"]) == 11
    assert facts["lost"] == dict.fromkeys(PEERS, 0)
    assert facts["missing_packets"] == 0


def test_what_no_mechanism_can_delay_is_one_line(tmp_path: Path) -> None:
    with role(spec(5.0, NOBODYS, mechanism="nfqueue"), tmp_path) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert said == (
        f"delay: nfqueue was asked for; nfqueue: no device here has the address {NOBODYS}\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_is_written_into_what_stands_there_already(tmp_path: Path) -> None:
    """It has rights that whoever put a link there has not."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ready.part").symlink_to(tmp_path / "elsewhere")
    with role(spec(), tmp_path) as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert said.startswith("delay: [Errno 17] File exists: ")
    assert not (tmp_path / "elsewhere").exists()
