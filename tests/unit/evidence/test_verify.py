"""`verify` agrees with every untouched attempt, and lists what it cannot read.

How a whole session is tampered with stands in `tests/pipeline/test_verify.py`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rig import attempt
from rig.backends.base import Stack
from rig.backends.fake import FakeBackend, FakeStack
from rig.disk.files import sha256
from rig.evidence.consistency import Discrepancy
from rig.evidence.verify import verify
from rig.model import SCHEMA, StackError, Verdict
from rig.plan import Plan
from rig.record import Record
from rig.store import names
from rig.store.journal import CHAIN
from rig.store.session_folder import SessionFolder
from tests.unit.plans import PLAN, trial

LOADED = replace(PLAN, load=replace(PLAN.load, load_workers=2))
LATENCIES = "load/latencies.hlog"


class NotUp(FakeBackend):
    """Gives out no stack."""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        raise StackError("no Postgres")
        yield  # pragma: no cover


class Spoilt(FakeBackend):
    """A stack that spoils its own files, or does not hand them over."""

    def __init__(self, spoils: Callable[[Path], object]) -> None:
        self._spoils = spoils

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        spoils = self._spoils

        class Its(FakeStack):
            def collect(self, folder: Path) -> None:
                super().collect(folder)
                spoils(folder)

        yield Its(plan)


def refuse(folder: Path) -> None:
    raise StackError("the host is gone")


def cut(folder: Path) -> None:
    (folder / "load" / "load.json").write_text('{"complete": tr')


def session_of(backend: FakeBackend, path: Path) -> tuple[SessionFolder, Record]:
    """A session of one attempt."""
    session = SessionFolder(path / "session")
    session.begin({"schema": SCHEMA}, "")
    only = trial(LOADED)
    session.schedule([only])
    number, folder = session.new_attempt(only.name)
    record = attempt.run(only, number, folder, backend, 0.0, lambda _: None, lambda _: None)
    session.journal.append(
        "ended", trial=only.name, attempt=number, verdict=record.verdict,
        manifest_sha256=sha256(folder / names.MANIFEST),
    )  # fmt: skip
    return session, record


@pytest.mark.parametrize("backend", [NotUp(), Spoilt(refuse), Spoilt(cut)])
def test_an_attempt_that_broke_is_as_it_says(backend: FakeBackend, tmp_path: Path) -> None:
    session, record = session_of(backend, tmp_path)
    assert record.verdict is Verdict.FAILED
    assert list(verify(session)) == []


def spoil_payload(place: int) -> Callable[[str], str]:
    """Changes one character of the first histogram of a correct answer in the steady window."""

    def spoil(text: str) -> str:
        lines = text.splitlines(keepends=True)
        number = next(n for n, line in enumerate(lines) if line.startswith("Tag=steady|make|ok"))
        head, comma, payload = lines[number].rpartition(",")
        other = "A" if payload[place] != "A" else "B"
        lines[number] = head + comma + payload[:place] + other + payload[place + 1 :]
        return "".join(lines)

    return spoil


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("load/load.json", lambda text: text[:20]),
        ("load/load.json", lambda _: "5"),
        ("load/completions.csv", lambda text: f"{text}{200_000 * 'x'}\n"),
        ("load/seconds.csv", lambda text: text.replace(",", ";")),
        ("probes/delay.json", lambda text: text.replace('"lost"', '"found"')),
        ("probes/delay.json", lambda _: "[]"),
        *((LATENCIES, spoil_payload(place)) for place in (0, 8, 20)),
    ],
)
def test_what_cannot_be_read_is_a_finding_among_others(
    name: str, spoil: Callable[[str], str], tmp_path: Path
) -> None:
    session, record = session_of(FakeBackend(), tmp_path)
    assert list(verify(session)) == []
    path = session.attempts(record.trial)[0] / name
    path.write_text(spoil(path.read_text()))
    (session.path / names.YAML).write_text("another")
    said = [str(finding) for finding in verify(session)]
    where = f"trials/{record.trial}/attempt-1"
    assert f"{where}/{name}: is not the file whose hash the manifest has" in said
    assert f"{names.YAML}: is not the file whose hash journal.jsonl has" in said
    assert any(line.startswith(f"{where}: its raw files cannot be read") for line in said)


def test_a_schedule_that_cannot_be_read(tmp_path: Path) -> None:
    session, record = session_of(FakeBackend(), tmp_path)
    (session.path / names.SCHEDULE).write_text("nothing\n1\n")
    said = list(verify(session))
    assert Discrepancy(f"trials/{record.trial}", "is not in schedule.csv") in said
    assert any(finding.where == names.SCHEDULE for finding in said)


@pytest.mark.parametrize(
    ("row", "other", "says"),
    [
        ("1,0001-made-r1,1,1,", "1,0001-made-r1,2,1,", "is of block 2"),
        ("1,0001-made-r1,1,1,", "2,0001-made-r1,1,1,", "at position 2"),
        ("1,0001-made-r1,1,1,", "1,0001-made-r1,1,2,", "replicate 2"),
    ],
)
@pytest.mark.parametrize("vouched", [True, False])
def test_a_trial_moved_to_another_place(
    row: str, other: str, says: str, vouched: bool, tmp_path: Path
) -> None:
    session, _ = session_of(FakeBackend(), tmp_path)
    if not vouched:
        as_an_older_version_wrote(session.path / names.JOURNAL)
    assert list(verify(session)) == []
    path = session.path / names.SCHEDULE
    path.write_bytes(path.read_bytes().replace(row.encode(), other.encode()))
    said = [discrepancy.what for discrepancy in verify(session)]
    assert ("is not the file whose hash journal.jsonl has" in said) is vouched
    assert any(says in line for line in said)


def as_an_older_version_wrote(journal: Path) -> None:
    """Without hashes of the schedule and of the lines themselves."""
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for line in lines:
        del line[CHAIN]
        line.pop("appended", None)
        line.get("files", {}).pop(names.SCHEDULE, None)
    kept = [json.dumps(line) for line in lines if line["event"] != "scheduled"]
    journal.write_text("\n".join(kept) + "\n")
