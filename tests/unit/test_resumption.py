"""What a crash, a full disk or a hand has done to a session's files: `resume` mends it or says so.

The backend is the fake one; design, folder, attempts, tables and `verify` are the real ones.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.session_files import read_session
from analysis.summaries.trials import results
from rig import resumption, session_facts
from rig.backends.fake import FakeBackend
from rig.calibrate import stored_calibration
from rig.config import Repeats
from rig.design import RandomBlocks
from rig.evidence.verify import verify
from rig.model import DamagedFile, RigError, UsageError
from rig.plan import Cell
from rig.store import session_folder
from rig.store.journal import Journal
from rig.store.session_folder import SessionFolder
from tests.shares import every
from tests.unit.session_runs import run_trials
from tests.unit.test_session import MATRIX, Told

TWO = replace(MATRIX, vary={"route": ("list", "make")}, design=Repeats(1))
DESIGN = RandomBlocks(TWO, 1)
NAMES = [trial.name for trial in DESIGN.block(1)]


@dataclass(frozen=True)
class Kept:
    """A session that is done, of which every file can be put back."""

    folder: SessionFolder
    files: dict[Path, bytes]

    def restore(self) -> None:
        for path in self.folder.path.rglob("*"):
            if path.is_file() and path not in self.files:
                path.unlink()
        for path, data in self.files.items():
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
        for attempt in self.folder.path.glob("trials/*/attempt-[2-9]"):
            shutil.rmtree(attempt)

    def path(self, name: str) -> Path:
        return self.folder.path / name

    def of_first(self, name: str) -> Path:
        return self.folder.path / "trials" / NAMES[0] / name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = SessionFolder(tmp_path_factory.mktemp("resuming") / "small" / "one")
    facts = session_facts.session_facts(TWO, {}, FakeBackend(), folder.name)
    folder.begin(facts, "experiment: small\n# über\n")
    run(folder, {})
    return Kept(folder, {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()})


@pytest.fixture
def kept(made: Kept) -> Iterator[Kept]:
    yield made
    made.restore()


def run(folder: SessionFolder, done: Any) -> None:
    run_trials(folder, DESIGN, FakeBackend(), Told(), done)


def resume(folder: SessionFolder) -> list[str]:
    """As the command does; gives what it said."""
    said: list[str] = []
    resumption.opened(folder)
    run(folder, resumption.resumed(folder, DESIGN, said.append))
    return said


def levels(folder: SessionFolder) -> dict[str, dict[str, Any]]:
    """What every table has for each trial."""
    return {one.trial: dict(one.levels) for one in read_session(folder.path).scheduled}


def differs(folder: SessionFolder) -> list[str]:
    return [str(finding) for finding in verify(folder) if finding.differs]


NTH = every(2, [17, 1])
"""Of the bytes at which a file can be cut."""


def cuts(path: Path, step: int = 1) -> Iterator[int]:
    """Leaves a file with its first bytes only, once for each number of them, longest first."""
    size = path.stat().st_size
    for left in (size - 1, size - 2, *range(size - 3, -1, -step)):
        os.truncate(path, left)
        yield left


# the schedule


@pytest.mark.parametrize("nth", NTH)
def test_a_schedule_cut_at_any_byte_is_read_right_and_made_whole(kept: Kept, nth: int) -> None:
    path, truth = kept.path("schedule.csv"), levels(kept.folder)
    whole = path.read_bytes()
    for size in cuts(path, nth):
        assert levels(kept.folder).items() <= truth.items()
        if size % 6 == 0 or size < 2 + nth:
            done = resumption.resumed(kept.folder, DESIGN, lambda _: None)
            assert sorted(done) == sorted(NAMES), size
            assert path.read_bytes() == whole
    assert differs(kept.folder) == []


def test_a_reader_says_what_a_cut_schedule_lacks(kept: Kept) -> None:
    path = kept.path("schedule.csv")
    path.write_bytes(path.read_bytes()[:-5])
    said = " ".join(read_session(kept.folder.path).notes)
    assert "its last line was cut short" in said
    assert f"{NAMES[-1]} was measured" in said


@pytest.mark.parametrize("nth", NTH)
def test_no_line_is_read_that_a_tear_and_an_append_have_made(kept: Kept, nth: int) -> None:
    path, truth = kept.path("schedule.csv"), levels(kept.folder)
    whole = path.read_bytes()
    line = whole.splitlines(keepends=True)[-1]
    for size in range(1, len(whole), nth):
        path.write_bytes(whole[:size] + line)
        with contextlib.suppress(RigError):
            assert levels(kept.folder).items() <= truth.items(), size
        with contextlib.suppress(UsageError):
            assert sorted(resumption.resumed(kept.folder, DESIGN, lambda _: None)) == sorted(NAMES)
            assert path.read_bytes() == whole


def test_lines_that_only_the_journal_has_are_written_again(kept: Kept) -> None:
    path = kept.path("schedule.csv")
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0])  # killed before the schedule was written
    assert resume(kept.folder) == ["schedule.csv was cut short, and is whole again"]
    assert path.read_bytes() == whole
    assert len(kept.folder.attempts(NAMES[0])) == 1


@pytest.mark.parametrize(
    ("text", "other"), [(",list,", ",make,"), (",1,1,", ",2,1,"), ("r1,1,1,", "r1,1,2,")]
)
def test_an_edited_schedule_is_told_from_a_torn_one(kept: Kept, text: str, other: str) -> None:
    path = kept.path("schedule.csv")
    path.write_bytes(path.read_bytes().replace(text.encode(), other.encode(), 1))
    with pytest.raises(UsageError, match=r"schedule\.csv: line \d is not as journal\.jsonl has it"):
        resume(kept.folder)


def test_a_level_that_was_never_measured_is_in_no_table(kept: Kept) -> None:
    path, before = kept.path("schedule.csv"), levels(kept.folder)
    path.write_bytes(path.read_bytes().replace(b",list,0,", b",list,2020,"))
    with pytest.raises(DamagedFile, match=r"the levels of 000\d-list-r1 are not those of its cell"):
        read_session(kept.folder.path)
    row = next(row for row in kept.folder.scheduled() if row["route"] == "list")
    forged = Cell({**before[row["trial"]], "delay_ms": 2020}).id
    path.write_bytes(path.read_bytes().replace(row["cell"].encode(), forged.encode()))
    measured = results(read_session(kept.folder.path))
    assert ["measured at delay_ms 0, in schedule.csv 2020" in r.reason for r in measured].count(
        True
    )


# the journal


def test_a_journal_cut_at_any_byte_has_its_whole_lines(kept: Kept) -> None:
    journal = kept.folder.journal
    events, lines = journal.events(), journal.path.read_bytes().splitlines(keepends=True)
    ends = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
    for size in cuts(journal.path):
        assert journal.events() == events[: sum(size >= end for end in ends) - 1]
        assert list(journal.broken()) == []


def test_whatever_a_journal_has_lost_is_in_it_again_after_a_resume(kept: Kept) -> None:
    path = kept.path("journal.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        for more in (b"", lines[number][:9]):
            kept.restore()
            path.write_bytes(b"".join(lines[:number]) + more)
            assert differs(kept.folder) != [] or number == len(lines)
            resume(kept.folder)
            assert differs(kept.folder) == [], number
            assert len(kept.folder.attempts(NAMES[0])) == 1


def test_an_attempt_without_its_line_is_adopted_once(kept: Kept) -> None:
    path = kept.path("journal.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    (said,) = resume(kept.folder)
    assert f"{NAMES[-1]}/attempt-1 counts" in said
    assert kept.folder.journal.events()[-1]["event"] == "adopted"
    assert resume(kept.folder) == []


@pytest.mark.parametrize("change", [lambda lines: lines.pop(2), lambda lines: lines.reverse()])
def test_a_line_that_was_taken_out_or_moved_shows(
    kept: Kept, change: Callable[[list[bytes]], object]
) -> None:
    path = kept.path("journal.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))
    assert any("does not follow the line before it" in line for line in differs(kept.folder))
    with pytest.raises(UsageError, match="does not follow the line before it"):
        resume(kept.folder)


def test_an_append_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append("began", trial="a")
    before, write = journal.path.read_bytes(), os.write

    def full(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:20])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("rig.store.journal.os.write", full)
        with pytest.raises(OSError, match="No space"):
            journal.append("began", trial="b")
    assert journal.path.read_bytes() == before
    journal.append("began", trial="c")
    assert [event["trial"] for event in journal.events()] == ["a", "c"]


# session.json and experiments.yaml


@pytest.mark.parametrize("name", ["session.json", "experiments.yaml"])
def test_no_session_is_resumed_by_half_of_what_it_began_with(kept: Kept, name: str) -> None:
    for size in cuts(kept.path(name)):
        with pytest.raises(UsageError) as said:
            resumption.opened(kept.folder)
        assert name in str(said.value), size


# plans


@pytest.mark.parametrize("nth", NTH)
def test_a_plan_cut_at_any_byte_is_written_again(kept: Kept, nth: int) -> None:
    path = kept.of_first("plan.json")
    whole = path.read_bytes()
    for _ in cuts(path, 13 * nth):
        assert len(resumption.resumed(kept.folder, DESIGN, lambda _: None)) == 2
        assert path.read_bytes() == whole
    path.unlink()
    assert resume(kept.folder) == [
        f"{NAMES[0]}/plan.json was cut short or lost, and is written again"
    ]
    assert differs(kept.folder) == []


def test_an_edited_plan_is_refused(kept: Kept) -> None:
    path = kept.of_first("plan.json")
    path.write_text(path.read_text().replace('"timeout_s": 400', '"timeout_s": 30'))
    with pytest.raises(UsageError, match=f"trial {NAMES[0]} would be another one now"):
        resume(kept.folder)


# attempts


@pytest.mark.parametrize("nth", NTH)
def test_a_manifest_cut_at_any_byte_is_none(kept: Kept, nth: int) -> None:
    path = kept.of_first("attempt-1/manifest.json")
    told = kept.folder.journal.manifests()[NAMES[0], 1]
    assert told is not None
    for size in cuts(path, nth):
        try:
            session_folder.read_record(path.parent)
        except DamagedFile:
            continue
        assert not session_folder.holds(path, told), size


def raw_files() -> list[str]:
    return [
        *("manifest.json", "checks.json", "facts.json", "load/completions.csv"),
        *("load/latencies.hlog", "load/load.json", "load/seconds.csv", "probes/delay.json"),
    ]


@pytest.mark.parametrize("damage", every(2, ["emptied", "removed"]))
@pytest.mark.parametrize("name", raw_files())
def test_an_attempt_whose_files_do_not_hold_is_run_again_and_kept(
    kept: Kept, name: str, damage: str
) -> None:
    path = kept.of_first("attempt-1") / name
    path.unlink()
    if damage == "emptied":
        path.touch()
    (said,) = resume(kept.folder)
    assert said.startswith(f"{NAMES[0]}/attempt-1 does not count any more: ")
    assert name in said
    assert [path.name for path in kept.folder.attempts(NAMES[0])] == ["attempt-1", "attempt-2"]
    assert kept.of_first("attempt-1/load").exists()
    counts = {
        r.scheduled.trial: (r.attempt, r.verdict) for r in results(read_session(kept.folder.path))
    }
    assert counts == {NAMES[0]: (2, "valid"), NAMES[1]: (1, "valid")}
    assert differs(kept.folder) == []
    notes = [str(finding) for finding in verify(kept.folder)]
    assert any("attempt-1: does not count, as a newer one does" in note for note in notes)
    assert resume(kept.folder) == []


def test_an_attempt_of_other_levels_does_not_count(kept: Kept) -> None:
    first, second = (kept.folder.attempt(name, 1) / "manifest.json" for name in NAMES)
    shutil.copyfile(second, first)
    kept.path("journal.jsonl").write_text("")
    assert any("of another trial, attempt, plan or cell" in line for line in resume(kept.folder))


def test_what_does_not_count_is_said_until_a_newer_attempt_does(kept: Kept) -> None:
    kept.of_first("attempt-1/load/load.json").write_text("")
    said: list[str] = []
    for _ in range(2):  # the first ends before the trial has run again
        resumption.resumed(kept.folder, DESIGN, said.append)
    assert len(said) == 2
    assert len(set(said)) == 1
    assert [e["event"] for e in kept.folder.journal.events()].count("discarded") == 1
    assert any("load/load.json" in line for line in differs(kept.folder))


def test_a_session_that_an_older_version_began_is_taken_up_and_verifies(kept: Kept) -> None:
    path = kept.path("journal.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    for event in events:
        del event["line_before_sha256"]
        event.pop("appended", None)
        event.pop("at_byte", None)
        event.pop("files", {}).pop("schedule.csv", None)
    path.write_text(
        "".join(json.dumps(one) + "\n" for one in events if one["event"] != "scheduled")
    )
    resume(kept.folder)
    assert differs(kept.folder) == []
    assert len(kept.folder.attempts(NAMES[0])) == 1
    schedule = kept.path("schedule.csv")
    schedule.write_bytes(schedule.read_bytes()[:-9])
    assert resume(kept.folder) == ["schedule.csv was cut short, and is whole again"]


# the calibration


def test_a_calibration_cut_at_any_byte_is_made_again_of_its_raw_files(kept: Kept) -> None:
    path = kept.path("calibration.json")
    whole = path.read_bytes()
    for _ in cuts(path, 11):
        assert stored_calibration(kept.folder, lambda _: None) is not None
        assert path.read_bytes() == whole


def test_a_lost_line_of_the_calibration_is_noticed_and_written_again(kept: Kept) -> None:
    path = kept.path("journal.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    assert json.loads(lines[2])["event"] == "calibrated"
    assert "calibration.json: journal.jsonl has no hash of it" in differs(kept.folder)
    assert any("had lost its line of calibration.json" in line for line in resume(kept.folder))
    assert differs(kept.folder) == []


def test_a_calibration_beyond_repair_ends_a_session_with_trials(kept: Kept) -> None:
    kept.path("calibration.json").write_text("{")
    kept.path("calibration/null/attempt-1/manifest.json").write_text("{")
    with pytest.raises(UsageError, match="is not what its trials were judged by"):
        resume(kept.folder)
    for name in NAMES:
        (kept.folder.attempt(name, 1) / "manifest.json").unlink()
    said = resume(kept.folder)
    assert "calibration.json was cut short or edited before any trial: it is measured again" in said
    assert stored_calibration(kept.folder, lambda _: None) is not None
    assert differs(kept.folder) == []


# on disk


def test_what_a_manifest_names_is_on_disk_before_the_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: dict[str, int] = {}
    named: list[tuple[Path, set[str]]] = []
    fsync, replaced = os.fsync, os.replace

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        synced[os.readlink(f"/proc/self/fd/{descriptor}")] = os.fstat(descriptor).st_size

    def watch_too(source: Any, target: Any) -> None:
        if Path(target).name == "manifest.json":
            named.append((Path(target), {p for p, size in synced.items() if fits(p, size)}))
        replaced(source, target)

    def fits(path: str, size: int) -> bool:
        return os.path.isdir(path) or (os.path.exists(path) and os.path.getsize(path) == size)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(os, "replace", watch_too)
    folder = SessionFolder(tmp_path.resolve() / "out" / "small" / "one")
    folder.begin({}, "")
    run(folder, {})
    assert len(named) == 3  # the null target's, and the two trials'
    for manifest, before in named:
        attempt = manifest.parent
        vouched = session_folder.read_record(attempt).files
        assert vouched
        assert {str(attempt / name) for name in vouched} <= before
        folders = {path.parent for path in attempt.rglob("*")}
        above = set(attempt.parents) - set(tmp_path.resolve().parents)
        assert {str(path) for path in folders | above} <= before
