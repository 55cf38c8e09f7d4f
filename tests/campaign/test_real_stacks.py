"""Sessions on real stacks, killed at random moments: the next command leaves nothing of them."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rig.backends.compose import engine
from tests.campaign.killing import USAGE, finished, has_begun, only_one, standing, torn
from tests.integration.worlds import children, machine, namespace
from tests.runs import Done, command, only_session, read_csv, runner

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]

LOCAL_KILLS = int(os.environ.get("LOCAL_KILLS", "30"))
COMPOSE_KILLS = int(os.environ.get("COMPOSE_KILLS", "10"))
ENDS_WITHIN_S = 60.0
WAITS_FOR_THE_MACHINE_S = 1200.0
BESIDE_TRIALS_S = 20.0
"""A session that takes longer beside its trials has made images."""

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


def killed(folder: Path, backend: str, kills: int, seed: int) -> list[list[str]]:
    """So many sessions killed and resumed; every fault of each."""
    chance, found = random.Random(f"{seed} {backend}"), list[list[str]]()
    usual_s = undisturbed_s(prepared(folder / "undisturbed"), backend)
    for number in range(10 * kills):
        if len(found) == kills:
            break
        after_s = chance.uniform(0, usual_s)
        faults = outlived(prepared(folder / str(number)), backend, after_s)
        if faults is not None:
            found.append([f"{fault} (killed after {after_s:.3f} s)" for fault in faults])
    return found


def prepared(folder: Path) -> Path:
    """A folder with the experiment."""
    folder.mkdir()
    (folder / "tiny.yaml").write_text(TWO_TRIALS)
    return folder


def undisturbed_s(folder: Path, backend: str) -> float:
    """How long a session takes once templates and images are made."""
    for name in ("first", "second"):
        began_s = time.monotonic()
        done = in_turn(*WORDS, backend, "--out", name, cwd=folder)
        took_s = time.monotonic() - began_s
        assert done.code in (0, 4), done
        attempts = [attempt.manifest["spans"] for attempt in only_session(folder / name).attempts()]
        if took_s - sum(lasted_s(span) for spans in attempts for span in spans) < BESIDE_TRIALS_S:
            break
    first, *_, last = (lasted_s(spans[0]) for spans in attempts)
    # the first trial's provisioning made the templates
    return took_s - max(0.0, first - last)


def lasted_s(span: Mapping[str, Any]) -> float:
    return float(span["end_s"] - span["start_s"])


def in_turn(*words: str | Path, cwd: Path) -> Done:
    """A command, once no other session has the machine."""
    give_up_s = time.monotonic() + WAITS_FOR_THE_MACHINE_S
    while True:
        done = runner(*words, cwd=cwd)
        if "is running on this machine" not in done.err or time.monotonic() > give_up_s:
            return done
        time.sleep(1.0)


def outlived(folder: Path, backend: str, after_s: float) -> list[str] | None:
    """Kills a session and resumes it; every fault, or None where it was over or had no turn."""
    before = machine()
    process = subprocess.Popen(
        command(*WORDS, backend), cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(after_s)
    worlds = worlds_of(process.pid)
    process.kill()
    if process.wait() != -9:
        return None
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
        found += [f"left: {what}" for what in engine.remove_left_behind()]
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
