"""Signals at random moments: while a command imports, works, ends, and a second one on top."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.campaign.designs import DESIGNS
from tests.campaign.killing import DEADLINE_S, USAGE, cold
from tests.runs import Done, command

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]

SIGNALS = int(os.environ.get("SIGNALS", "100"))
INTERRUPTED = 130
KINDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
YAML = "it.yaml"
COMMANDS = (
    *(("run", YAML, "--backend", "fake", "--out", "another"), ("resume",), ("plan", YAML)),
    *(("report",), ("verify",), ("show",), ("analyse",), ("doctor",), ("--help",)),
)
UNFINISHED = "trials/0002-*/attempt-1/manifest.json"


@dataclass(frozen=True)
class Signalled:
    """What a command was doing when a signal came, and how it ended."""

    done: Done
    words: tuple[str, ...]
    at_s: float
    listening: bool
    """Whether its code had come as far as to ask for signals."""


@pytest.fixture(scope="module")
def session() -> Iterator[Path]:
    """A folder with an experiment and a session of it."""
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    (folder / YAML).write_text(DESIGNS["fixed"])
    assert cold("run", YAML, "--backend", "fake", cwd=folder).code == 0
    yield folder
    shutil.rmtree(folder)


def listens(pid: int) -> bool:
    """Whether a process catches all of the signals. Python itself catches SIGINT alone."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(
        next(line for line in status.splitlines() if line.startswith("SigCgt")).split()[1], 16
    )
    return all(caught >> (number - 1) & 1 for number in KINDS)


def lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process has not come to its end: one that has waits to be asked for its code."""
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def signalled(
    folder: Path, words: tuple[str, ...], numbers: Sequence[int], at_s: float, apart_s: float
) -> Signalled | None:
    """Runs a command and signals it; None where it had ended by then."""
    out, err = folder / "out", folder / "err"
    with out.open("wb") as said, err.open("wb") as complained:
        process = subprocess.Popen(
            command(*words), cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=complained
        )
    time.sleep(at_s)
    listening, alive = listens(process.pid), lives(process)
    for number in numbers:
        if lives(process):
            process.send_signal(number)
            time.sleep(apart_s)
    code = process.wait(DEADLINE_S)
    done = Done(code, out.read_text(), err.read_text())
    return Signalled(done, words, at_s, listening) if alive else None


def fault_of(one: Signalled, undisturbed: Done) -> list[str]:
    """Empty where it ended by the signal, as it should."""
    if one.done.code == INTERRUPTED and "Traceback" not in one.done.err:
        return []
    if one.done.code == undisturbed.code and len(one.done.out) >= len(undisturbed.out) > 0:
        return ["too late: all of its output was there"]
    where = f"{' '.join(one.words)} after {one.at_s:.3f} s"
    return [f"exit {one.done.code}: {where}: {one.done.out[-200:]!r} {one.done.err[-600:]!r}"]


def shots(
    folder: Path, chance: random.Random, numbers: Callable[[], Sequence[int]], wanted: int
) -> tuple[list[list[str]], int]:
    """Faults of so many signals; and how many more came before any of its code ran."""
    took_s: dict[tuple[str, ...], tuple[float, Done]] = {}
    found: list[list[str]] = []
    too_early = 0
    while len(found) < wanted:
        words = chance.choice(COMMANDS)
        if words not in took_s:
            began_s = time.monotonic()
            done = cold(*words, cwd=folder)
            assert done.code != USAGE, done
            took_s[words] = time.monotonic() - began_s, done
        if words == ("resume",):
            for manifest in (folder / "results").glob(f"*/*/{UNFINISHED}"):
                manifest.unlink()
        usual_s, undisturbed = took_s[words]
        one = signalled(
            folder, words, numbers(), chance.uniform(0, usual_s), chance.uniform(0, 0.03)
        )
        if one is None:
            continue
        if one.listening:
            found.append(fault_of(one, undisturbed))
        else:
            too_early += 1
    return found, too_early


def test_a_signal_ends_every_command_whatever_it_was_doing(
    session: Path, judge: Judge, seed: int
) -> None:
    chance = random.Random(seed)
    found, early = shots(session, chance, lambda: [chance.choice(KINDS)], SIGNALS)
    judge(f"signals, and {early} before the first line of runner.py", found)


def test_a_second_signal_ends_it_as_well(session: Path, judge: Judge, seed: int) -> None:
    chance = random.Random(seed)
    found, early = shots(session, chance, lambda: chance.sample(KINDS, 2), SIGNALS // 2)
    judge(f"pairs of signals, and {early} before the first line of runner.py", found)
