"""The results directory."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from rig.disk.files import sha256, write_atomically
from rig.disk.schema import OtherSchema
from rig.factors import of_every_cell
from rig.model import SCHEMA, DamagedFile, UsageError, Verdict
from rig.store import names, session_folder
from rig.store.session_folder import SessionFolder
from tests.unit.plans import LEVELS, PLAN, record, trial


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    made = SessionFolder(tmp_path / "results" / "small" / "20240101-000000-quick")
    made.begin({"schema": SCHEMA, "backend": "fake"}, "experiment: small\n")
    return made


def finish(folder: SessionFolder, trial_name: str, **changes: object) -> Path:
    _, attempt = folder.new_attempt(trial_name)
    manifest = replace(record(), **changes).to_json()  # type: ignore[arg-type]
    (attempt / names.MANIFEST).write_text(json.dumps(manifest))
    return attempt


def test_a_session_begins_with_what_is_known(folder: SessionFolder) -> None:
    assert folder.session() == {"schema": SCHEMA, "backend": "fake"}
    assert (folder.path / "experiments.yaml").read_text() == "experiment: small\n"
    assert folder.scheduled() == []


def test_a_session_never_begins_in_a_folder_that_is_there(folder: SessionFolder) -> None:
    with pytest.raises(FileExistsError):
        folder.begin({}, "")


def test_what_is_no_session_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no session"):
        SessionFolder(tmp_path).session()


@pytest.mark.parametrize(
    ("schema", "says"), [(1, "schema 1 is older than"), (SCHEMA + 1, "newer than")]
)
def test_a_session_of_another_schema_is_refused(schema: int, says: str, tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"schema": schema}))
    with pytest.raises(OtherSchema, match=f"{path}: .*{says}"):
        SessionFolder(tmp_path).session()


def test_the_schedule_grows_and_every_trial_has_its_plan(folder: SessionFolder) -> None:
    folder.schedule([trial(position=1)])
    folder.schedule([trial(position=2, skip="PgBouncer, it says, is not here", delay_ms=0.5)])
    first, second = folder.scheduled()
    assert (first["trial"], first["skip"], first["cell"]) == ("0001-made-r1", "", trial().cell.id)
    assert second["skip"] == "PgBouncer, it says, is not here"
    assert second["delay_ms"] == "0.5"
    assert {name: first[name] for name in of_every_cell()} == {k: str(v) for k, v in LEVELS.items()}
    plan = json.loads((folder.path / "trials" / "0001-made-r1" / "plan.json").read_text())
    assert plan.pop("digest") == PLAN.digest
    assert plan == json.loads(json.dumps(PLAN.to_json()))


def test_the_journal_only_grows(folder: SessionFolder) -> None:
    folder.journal.append("began", trial="a")
    folder.journal.append("ended", trial="a", attempt=1, verdict=Verdict.VALID)
    lines = (folder.path / "journal.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["opened", "began", "ended"]
    assert events[0]["files"] == {
        name: sha256(folder.path / name)
        for name in ("session.json", "experiments.yaml", "schedule.csv")
    }
    assert events[2]["verdict"] == "valid"
    assert all(event["at"] for event in events)


def test_nothing_is_appended_to_a_line_cut_short(folder: SessionFolder) -> None:
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"at": "2026-')
    folder.journal.append("began", trial="a")
    assert [event["event"] for event in folder.journal.events()] == ["opened", "began"]


@pytest.mark.parametrize(
    "facts",
    [{"files": {"../other/session.json": ""}}, {"files": {"/etc/hostname": ""}},
     {"files": {"trials/../../x": ""}}, {"files": {"a\0b": ""}}, {"files": {"": ""}},
     {"event": "ended", "trial": "..", "attempt": 1},
     {"event": "ended", "trial": "a/b", "attempt": 1},
     {"event": "adopted", "trial": "", "attempt": 1}],
)  # fmt: skip
def test_a_journal_names_nothing_outside_its_session(
    folder: SessionFolder, facts: dict[str, object]
) -> None:
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write(json.dumps({"at": "", "event": "x", **facts}) + "\n")
    with pytest.raises(DamagedFile, match=r"journal.jsonl:2: no line of a journal"):
        folder.journal.events()


def test_the_journal_vouches_for_the_schedule_as_it_grows(folder: SessionFolder) -> None:
    for position in (1, 2):
        folder.schedule([trial(position=position)])
        told = folder.journal.events()[-1]
        assert told["event"] == "scheduled"
        names = ("schedule.csv", f"trials/{trial(position=position).name}/plan.json")
        assert told["files"] == {name: sha256(folder.path / name) for name in names}
    before = folder.journal.events()
    folder.schedule([])
    assert folder.journal.events() == before


def test_attempts_are_numbered_beyond_ten(folder: SessionFolder) -> None:
    numbers = [folder.new_attempt("a")[0] for _ in range(11)]
    assert numbers == list(range(1, 12))
    assert folder.attempts("a")[-1].name == "attempt-11"


def test_the_attempts_with_a_manifest_are_the_trials_records(folder: SessionFolder) -> None:
    assert folder.records("a") == []
    finish(folder, "a", attempt=1)
    finish(folder, "a", attempt=2)
    folder.new_attempt("a")  # was interrupted
    assert [record.attempt for record in folder.records("a")] == [1, 2]
    (folder.attempts("a")[1] / "manifest.json").write_text('{"trial": ')
    assert [record.attempt for record in folder.records("a")] == [1]


def test_every_file_but_the_manifest_is_hashed(tmp_path: Path) -> None:
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "load.json").write_bytes(b"{}")
    (tmp_path / "manifest.json").write_bytes(b"{}")
    assert session_folder.hashes(tmp_path) == {"load/load.json": hashlib.sha256(b"{}").hexdigest()}


def test_writing_replaces_all_at_once_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, "old")
    write_atomically(path, "neu: ü")
    assert path.read_text(encoding="utf-8") == "neu: ü"
    assert list(tmp_path.iterdir()) == [path]


def test_a_session_is_held_by_one_process_at_a_time(folder: SessionFolder) -> None:
    with folder.hold():
        with pytest.raises(UsageError, match=f"session {folder.path} is running"), folder.hold():
            pass
        assert folder.session()  # reading goes on
    with folder.hold():
        pass


def test_only_its_owner_can_hold_a_session(folder: SessionFolder) -> None:
    with folder.hold():
        assert (folder.path / names.LOCK).stat().st_mode & 0o777 == 0o600


def make(out: Path, experiment: str, name: str) -> SessionFolder:
    made = SessionFolder(out / experiment / name)
    made.begin({}, "")
    return made


def test_sessions_are_found_by_name_by_path_and_the_newest(tmp_path: Path) -> None:
    old = make(tmp_path, "b", "20240101-000000-quick")
    new = make(tmp_path, "a", "20240102-000000")
    assert session_folder.find_session(tmp_path, None) == new
    assert session_folder.find_session(tmp_path, old.name) == old
    assert session_folder.find_session(tmp_path / "elsewhere", str(old.path)) == old


def test_a_session_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no session in"):
        session_folder.find_session(tmp_path, None)
    make(tmp_path, "a", "20240102-000000")
    with pytest.raises(UsageError) as said:
        session_folder.find_session(tmp_path, "20240103-000000")
    assert "20240102-000000" in said.value.do


def test_the_schedule_has_the_documented_columns(folder: SessionFolder) -> None:
    with (folder.path / "schedule.csv").open(newline="") as file:
        heading = next(csv.reader(file))
    assert heading == [
        *("position", "trial", "block", "replicate", "cell", "skip", "because"),
        *of_every_cell(),
    ]
