"""Runs sessions, kills them, resumes them, and says what is not as if nothing had happened."""

from __future__ import annotations

import hashlib
import os
import queue
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from tests.campaign.disk import Disk
from tests.runs import Done, Session, command, read_csv, read_json
from tests.warm import Warm

DEADLINE_S = 120
KILLED, USAGE = -9, 2
_OF_AN_ATTEMPT = ("attempt", "attempts")
_LABELS = ("started_at", "spans", "attempt")
"""What a manifest holds of its own attempt: when, how long, which."""

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


Fleet: TypeAlias = "queue.SimpleQueue[Warm]"
"""Those that have nothing to do."""


@contextmanager
def fleet() -> Iterator[Fleet]:
    """A warm process for each CPU that this process of the tests has to itself."""
    idle: Fleet = queue.SimpleQueue()
    sharing = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    all_of_them = [Warm() for _ in range(max(1, (os.cpu_count() or 1) // sharing))]
    for one in all_of_them:
        idle.put(one)
    try:
        yield idle
    finally:
        for one in all_of_them:
            one.close()


def everywhere(
    idle: Fleet,
    task: Callable[[Warm, Path, _Job], _Result],
    jobs: Sequence[_Job],
) -> list[_Result]:
    """A task for each of the jobs, as many at a time as there are warm processes.

    Each has an empty folder of its own, in memory where the machine has such a place.
    """

    def one(job: _Job) -> _Result:
        warm = idle.get()
        folder = scratch()
        try:
            return task(warm, folder, job)
        finally:
            idle.put(warm)
            shutil.rmtree(folder)

    with ThreadPoolExecutor(idle.qsize()) as threads:
        return list(threads.map(one, jobs))


def scratch() -> Path:
    """An empty folder."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="campaign-", dir=memory if memory.is_dir() else None))


def cold(*arguments: str | Path, cwd: Path, kill_after_s: float | None = None) -> Done:
    """The command in a process of its own, `python runner.py …`, killed after some seconds."""
    with subprocess.Popen(
        command(*arguments), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=kill_after_s or DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
    return Done(process.returncode, out, err)


@dataclass(frozen=True)
class Undisturbed:
    """A session that nobody killed: what every other of its experiment must come to."""

    text: str
    code: int
    tables: dict[str, list[dict[str, str]]]
    manifests: dict[str, dict[str, Any]]
    """By trial, without labels."""
    files: frozenset[str]
    """Without what is in an attempt's folder."""
    operations: tuple[str, ...]
    """What its run asked of the disk, in order."""
    took_s: float
    """Its run, where its process had imported everything."""


def undisturbed(warm: Warm, text: str, *options: str) -> Undisturbed:
    """Runs an experiment once, to the end."""
    folder = scratch()
    try:
        began_s = time.monotonic()
        done = begin(warm, folder, text, *options)
        took_s = time.monotonic() - began_s
        operations = (folder / "operations").read_text().splitlines()
        session = only_one(folder)
        verified = warm.run("verify", cwd=folder)
        assert (verified.code, verified.err) == (0, ""), verified
        return Undisturbed(
            text, done.code, tables(session), manifests(session), outside_attempts(session),
            tuple(operations), took_s,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)


def reference_of(idle: Fleet, text: str) -> Undisturbed:
    """The same, by any of them."""
    warm = idle.get()
    try:
        return undisturbed(warm, text)
    finally:
        idle.put(warm)


def begin(
    warm: Warm,
    folder: Path,
    text: str,
    *options: str,
    kill_at: int = 0,
    power_cut: bool = False,
    kill_after_s: float = DEADLINE_S,
) -> Done:
    """Runs an experiment, or the part of it until it is killed."""
    (folder / "it.yaml").write_text(text)
    (folder / "results").mkdir(exist_ok=True)
    return warm.run(
        *("run", "it.yaml", "--backend", "fake", *options),
        cwd=folder,
        kill_after_s=kill_after_s,
        disk=Disk(str(folder / "results"), kill_at, power_cut),
    )


def only_one(folder: Path) -> Session:
    """The one session of a folder."""
    (found,) = (folder / "results").glob("*/*/session.json")
    return Session(found.parent)


def tables(session: Session) -> dict[str, list[dict[str, str]]]:
    """Every CSV in `derived/`, without the numbers of attempts."""
    derived = session.path / "derived"
    return {
        path.relative_to(derived).as_posix(): [
            {name: value for name, value in row.items() if name not in _OF_AN_ATTEMPT}
            for row in read_csv(path)
        ]
        for path in sorted(derived.rglob("*.csv"))
    }


def manifests(session: Session) -> dict[str, dict[str, Any]]:
    """The last finished attempt of each trial, without labels."""
    return {
        trial: {name: value for name, value in read_json(path).items() if name not in _LABELS}
        for trial, paths in finished(session).items()
        for path in paths[-1:]
    }


def finished(session: Session) -> dict[str, list[Path]]:
    """The manifests of each trial, in the order of its attempts."""
    found: dict[str, list[Path]] = {}
    for attempt in session.attempts():
        if (attempt.path / "manifest.json").exists():
            found.setdefault(attempt.path.parent.name, []).append(attempt.path / "manifest.json")
    return found


def outside_attempts(session: Session) -> frozenset[str]:
    """Every file and folder of a session but those of its attempts at trials."""
    every = (path.relative_to(session.path).as_posix() for path in session.path.rglob("*"))
    return frozenset(name for name in every if "/attempt-" not in name.removeprefix("calibration"))


def has_begun(folder: Path, sessions: int = 1) -> bool:
    """Whether there are so many sessions to resume."""
    return len(list((folder / "results").glob("*/[!.]*/session.json"))) >= sessions


def outlived(
    folder: Path, warm: Warm, reference: Undisturbed, kept: dict[Path, bytes] | None = None
) -> list[str]:
    """Resumes what was killed, or runs it anew where there is no session yet; every fault.

    `kept`: what stood at earlier kills.
    """
    kept = {**(kept or {}), **standing(folder)}
    begun = has_begun(folder)
    done = warm.run("resume", cwd=folder)
    if not begun:
        if done.code != USAGE or done.out or not done.err.startswith("error: "):
            return [f"resume: of no session: exit {done.code}: {done.out}{done.err}"]
        done = begin(warm, folder, reference.text)
    if done.code != reference.code or done.err:
        return [f"resume: exit {done.code}: {done.out[-300:]} {done.err[-900:]}"]
    return faults(folder, warm, kept, reference)


def faults(folder: Path, warm: Warm, kept: dict[Path, bytes], reference: Undisturbed) -> list[str]:
    """What of a resumed session is not as that of an undisturbed one.

    `kept`: the manifests that stood when it was killed.
    """
    found = []
    session = only_one(folder)
    verified = warm.run("verify", cwd=folder)
    if verified.code or verified.err or "nothing differs" not in verified.out:
        found.append(f"verify: exit {verified.code}: {verified.out} {verified.err}")
    if tables(session) != reference.tables:
        found.append("numbers: derived/ is not as that of an undisturbed session")
    now = manifests(session)
    if now != reference.manifests:
        differ = sorted(t for t in {*now, *reference.manifests}
                        if now.get(t) != reference.manifests.get(t))  # fmt: skip
        found.append(f"records: not as those of an undisturbed session: {differ}")
    for manifest in (path for paths in finished(session).values() for path in paths):
        found += [f"half-written: {path}" for path in torn(manifest)]
    for path, told in kept.items():
        if not path.exists() or path.read_bytes() != told:
            found.append(f"lost: {path.relative_to(folder)}")
    found += [f"run again: {trial}" for trial, paths in finished(session).items() if len(paths) > 1]
    found += [f"litter: {name}" for name in litter(folder, session, reference)]
    return found


def torn(manifest: Path) -> list[Path]:
    """Files of an attempt that are not those which its manifest vouches for."""
    told: dict[str, str] = read_json(manifest)["files"]
    every = [path for path in manifest.parent.rglob("*") if path.is_file() and path != manifest]
    have = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in every}
    names = {manifest.parent / name: digest for name, digest in told.items()}
    return sorted(path for path in {*have, *names} if have.get(path) != names.get(path))


def litter(folder: Path, session: Session, reference: Undisturbed) -> list[str]:
    """What an undisturbed session does not leave, unfinished attempts aside."""
    results = folder / "results"
    belongs = {session.path, session.path.parent}
    strangers = {*results.iterdir(), *session.path.parent.iterdir()} - belongs
    names = outside_attempts(session) ^ reference.files
    parts = {path for path in results.rglob("*") if path.suffix == ".part"}
    return [*map(str, sorted(strangers | parts)), *sorted(names)]


def standing(folder: Path) -> dict[Path, bytes]:
    """Every manifest of a trial's attempt there, and what it says."""
    found = (folder / "results").glob("*/*/trials/*/attempt-*/manifest.json")
    return {path: path.read_bytes() for path in found}
