"""Sessions on real stacks, killed at random moments: the next command leaves nothing of them."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.backends.docker.engine import HERE
from tests.campaign.killing import KILLED, USAGE, finished, has_begun, only_one, standing, torn
from tests.integration.worlds import children, machine, namespace
from tests.runs import Done, command, read_csv, runner

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]

LOCAL_KILLS = int(os.environ.get("LOCAL_KILLS", "30"))
COMPOSE_KILLS = int(os.environ.get("COMPOSE_KILLS", "10"))
ENDS_WITHIN_S = 60.0
WAITS_FOR_THE_MACHINE_S = 1200.0
LONGEST_S = 60.0
"""A session is killed within so long, or sooner where it would have ended by then."""

TWO_TRIALS = """\
experiment: tiny
vary: {route: [io_create], target: [async, sync]}
load: {users: {from: 2, per_s: 2, to: 2}, steady: 3s, load_workers: 1}
data: {posts: 100, cpu_n: 100}
"""
WORDS = ("tiny.yaml", "--yes", "--no-calibrate", "--backend")


@pytest.mark.integration
def test_a_local_session_killed_at_any_time_goes_on_and_leaves_nothing(
    tmp_path: Path, judge: Judge, seed: int
) -> None:
    judge("kills of local sessions", killed(tmp_path, "local", LOCAL_KILLS, seed))


@pytest.mark.compose
def test_a_compose_session_killed_at_any_time_goes_on_and_leaves_nothing(
    tmp_path: Path, judge: Judge, seed: int
) -> None:
    judge("kills of compose sessions", killed(tmp_path, "compose", COMPOSE_KILLS, seed))


@dataclass(frozen=True)
class Ended:
    """A session that was over before it could be killed; USAGE where it had no turn."""

    code: int
    after_s: float


def killed(folder: Path, backend: str, kills: int, seed: int) -> list[list[str]]:
    """So many sessions killed and resumed; every fault of each."""
    chance, found = random.Random(f"{seed} {backend}"), list[list[str]]()
    # one that ends before it is killed tells how long the next may take
    lasts_s = LONGEST_S
    for number in range(10 * kills):
        if len(found) == kills:
            break
        after_s = chance.uniform(0, lasts_s)
        faults = outlived(prepared(folder / str(number)), backend, after_s)
        if isinstance(faults, Ended):
            lasts_s = min(lasts_s, faults.after_s) if faults.code != USAGE else lasts_s
        else:
            found.append([f"{fault} (killed after {after_s:.3f} s)" for fault in faults])
    return found


def prepared(folder: Path) -> Path:
    """A folder with the experiment."""
    folder.mkdir()
    (folder / "tiny.yaml").write_text(TWO_TRIALS)
    return folder


def in_turn(*words: str | Path, cwd: Path) -> Done:
    """A command, once no other session has the machine."""
    give_up_s = time.monotonic() + WAITS_FOR_THE_MACHINE_S
    while True:
        done = runner(*words, cwd=cwd)
        if "is running on this machine" not in done.err or time.monotonic() > give_up_s:
            return done
        time.sleep(1.0)


def outlived(folder: Path, backend: str, after_s: float) -> list[str] | Ended:
    """Kills a session and resumes it; every fault."""
    before, begun_s = machine(), time.monotonic()
    process = subprocess.Popen(
        command(*WORDS, backend), cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with suppress(subprocess.TimeoutExpired):
        return Ended(process.wait(after_s), time.monotonic() - begun_s)
    worlds = worlds_of(process.pid)
    process.kill()
    if (code := process.wait()) != KILLED:
        return Ended(code, time.monotonic() - begun_s)
    found = [f"left: processes of {world}" for world in sorted(worlds) if not ends(world)]
    kept = standing(folder)
    done = in_turn("resume", cwd=folder)
    if not has_begun(folder) and done.code == USAGE:
        done = in_turn(*WORDS, backend, cwd=folder)
    # a busy machine may make a trial invalid; finished it is all the same
    if done.code not in (0, 4) or done.err:
        return [*found, f"resume: exit {done.code}: {done.out[-300:]} {done.err[-900:]}"]
    found += faults_of(folder, kept)
    if left := machine().left_since(before):
        found.append(f"left: {left}")
    if backend == "compose":
        found += [f"left: {what}" for what in HERE.remove_left_behind()]
    return found


def worlds_of(pid: int) -> set[str]:
    """The process-id namespaces that processes below this one live in."""
    below, found = children(pid), set()
    while below:
        found |= {namespace(child, "pid") for child in below}
        below = [grandchild for child in below for grandchild in children(child)]
    return found - {"", namespace(os.getpid(), "pid")}


def ends(world: str) -> bool:
    """Whether every process of a world is gone soon."""
    give_up_s = time.monotonic() + ENDS_WITHIN_S
    while time.monotonic() < give_up_s:
        with suppress(OSError):
            pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
            if world not in {namespace(pid, "pid") for pid in pids}:
                return True
        time.sleep(0.05)
    return False


def faults_of(folder: Path, kept: dict[Path, bytes]) -> list[str]:
    """What of a resumed session is not as it should be. Real numbers are never the same twice."""
    session, found = only_one(folder), list[str]()
    verified = runner("verify", cwd=folder)
    if verified.code or verified.err or "nothing differs" not in verified.out:
        found.append(f"verify: exit {verified.code}: {verified.out} {verified.err}")
    for path, told in kept.items():
        if not path.exists() or path.read_bytes() != told:
            found.append(f"lost: {path.relative_to(folder)}")
    manifests = [path for paths in finished(session).values() for path in paths]
    found += [f"half-written: {path}" for manifest in manifests for path in torn(manifest)]
    rows = read_csv(session.path / "derived" / "trials.csv")
    found += [f"lost: {row['trial']} is {row['verdict']}" for row in rows if not row["attempt"]]
    hidden = [*folder.rglob("*.part"), *folder.rglob(".derived-*"), *folder.rglob(".begun-*")]
    return [*found, *(f"litter: {path}" for path in hidden)]
