"""A session of this schema, measured once, stays readable and keeps yielding the same numbers.

`session-vN` is never written again; `session-vN-expected` holds what it yields. Where the schema
changes, a new one takes its place.
"""

import json
import shutil
from pathlib import Path

import pytest

from analysis import derive, differences, table
from analysis.exports import export
from rig.evidence.verify import verify
from rig.model import SCHEMA
from rig.store.session_folder import SessionFolder
from tests.unit.analysis.exports.metrics import families_of
from tests.unit.analysis.exports.test_otlp import points_of
from tests.unit.analysis.summary_schema import fitting

HERE = Path(__file__).parent
SESSIONS = sorted(path.name for path in HERE.glob("session-v*") if "-expected" not in path.name)
NUMBERS = [
    pytest.param(name, path.name, id=f"{name}-{path.stem}")
    for name in SESSIONS
    for path in sorted((HERE / f"{name}-expected").glob("*.csv"))
]


def copied(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(HERE / name, folder / name))


def test_the_schema_has_its_session() -> None:
    assert [f"session-v{SCHEMA}"] == SESSIONS


@pytest.mark.parametrize(("session", "file"), NUMBERS)
def test_the_numbers_are_the_same(session: str, file: str, tmp_path: Path) -> None:
    derived = derive(copied(session, tmp_path))
    (found,) = derived.folder.rglob(file)
    expected = (HERE / f"{session}-expected" / file).read_text(encoding="utf-8")
    assert found.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize("session", SESSIONS)
def test_the_table_is_the_same(session: str, tmp_path: Path) -> None:
    expected = (HERE / f"{session}-expected" / "table.txt").read_text(encoding="utf-8")
    assert table(copied(session, tmp_path)) == expected


@pytest.mark.parametrize("session", SESSIONS)
def test_what_programs_read_fits_its_schema(session: str, tmp_path: Path) -> None:
    said = fitting(derive(copied(session, tmp_path)).folder)
    expected = json.loads((HERE / f"{session}-expected" / "summary.json").read_bytes())
    assert said == expected


@pytest.mark.parametrize("session", SESSIONS)
def test_it_verifies(session: str, tmp_path: Path) -> None:
    folder = copied(session, tmp_path)
    derive(folder)
    found = list(verify(SessionFolder(folder)))
    assert [str(one) for one in found if one.differs] == []
    # by the rules of its day: two goodputs, a round of 8 users that takes 2.8 s of its 4, and two
    # percentages without a digit
    notes = sorted(one.what for one in found)
    assert len(notes) == 5
    assert notes[0].startswith("check feasibility says pass")
    assert all(note.startswith("check generator says pass") for note in notes[1:3])
    assert all("by today's rule" in note for note in notes[3:])
    assert differences(folder) == ((), ())


@pytest.mark.parametrize("session", SESSIONS)
def test_it_is_exported_whole(session: str, tmp_path: Path) -> None:
    folder = copied(session, tmp_path)
    tracked = export(folder, "benchmarks")
    assert json.loads(tracked.text)
    otel, prometheus = (export(folder, form) for form in ("otel", "prometheus"))
    points, families = points_of(otel.text), families_of(prometheus.text)
    assert {name.replace("rig.", "rig_") for name in points} == set(families)
    assert "rig_response_seconds" in families
    assert otel.left_out == prometheus.left_out == []
