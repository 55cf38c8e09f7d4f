"""Reading a session's own files, and what is said where they are none."""

import json
from pathlib import Path

import pytest

from analysis.reading.session import Factor, Searched
from analysis.reading.session_files import read_session
from rig.model import SCHEMA, DamagedFile, Level, UsageError
from tests.unit.analysis.sessions import CLAIM, Made, make


def test_levels_come_back_with_their_types(tmp_path: Path) -> None:
    session = read_session(make(tmp_path / "s", [Made({"delay_ms": 200, "pooler": "pgbouncer"})]))
    (trial,) = session.scheduled
    assert trial.levels["delay_ms"] == 200
    assert trial.levels["pooler"] == "pgbouncer"
    assert session.claim is not None
    assert session.claim.at_least == 2


def test_what_the_results_decided_comes_back(tmp_path: Path) -> None:
    plain = read_session(make(tmp_path / "plain", [Made()]))
    assert (plain.adaptive, plain.search) == (False, None)
    until = {"within": 0.1, "at_least": 4}
    assert read_session(make(tmp_path / "until", [Made()], until=until)).adaptive
    search = {"factor": "delay_ms", "between": [0, 20]}
    found = read_session(make(tmp_path / "search", [Made()], search=search)).search
    assert found == Searched("delay_ms", (0.0, 20.0))


@pytest.mark.parametrize(
    ("text", "level"), [("0", 0), ("100.0", 100), ("2.5", 2.5), ("7", 7), ("word", "word")]
)
def test_a_cell_of_the_schedule_becomes_its_level(text: str, level: object) -> None:
    assert Factor("delay_ms", "added delay", "ms", (0, 100, 2.5)).level(text) == level


def test_levels_are_ordered_as_in_the_yaml_and_strangers_come_last() -> None:
    factor = Factor("route", "route", "", ("io_read", "cpu"))
    levels: list[Level] = ["cpu", "zebra", "io_read", 3]
    assert sorted(levels, key=factor.rank) == ["io_read", "cpu", 3, "zebra"]


def test_of_two_lines_for_one_trial_the_later_holds(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [Made(skip="")])
    lines = (folder / "schedule.csv").read_text().splitlines()
    fields = lines[1].split(",")
    fields[5] = "no PgBouncer here"
    (folder / "schedule.csv").write_text("\n".join([*lines, ",".join(fields)]) + "\n")
    (trial,) = read_session(folder).scheduled
    assert trial.skip == "no PgBouncer here"


def test_a_session_without_a_schedule_has_no_trials(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [])
    (folder / "schedule.csv").unlink()
    assert read_session(folder).scheduled == ()


def test_no_session(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no session here \(it has no session\.json\)"):
        read_session(tmp_path)


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (1, f"schema 1 is older than this code's {SCHEMA}; measure it again"),
        (99, f"schema 99 is newer than this code's {SCHEMA}; update the code"),
    ],
)
def test_another_schema_is_refused_in_one_line(schema: int, says: str, tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [], schema=schema)
    with pytest.raises(UsageError) as caught:
        read_session(folder)
    assert str(caught.value) == f"{folder}/session.json: {says}"


def test_a_schema_is_looked_at_before_the_rest(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text('{"schema": 1}')
    with pytest.raises(UsageError, match="schema 1 is older"):
        read_session(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", json.dumps({"schema": SCHEMA, "factors": [{}]})])
def test_a_broken_session_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "session.json").write_text(text)
    with pytest.raises(
        DamagedFile, match=r"session\.json(: not as a session is written| is no JSON)"
    ) as caught:
        read_session(tmp_path)
    assert "\n" not in caught.value.what


def test_a_broken_schedule_names_its_line(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", [Made()])
    with (folder / "schedule.csv").open("a") as file:
        file.write("half,a,li\n")
    with pytest.raises(DamagedFile, match=r"schedule\.csv:3: no line of a schedule"):
        read_session(folder)


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "..", ""])
def test_a_trial_stays_in_the_session(tmp_path: Path, name: str) -> None:
    folder = make(tmp_path / "s", [Made()])
    schedule = folder / "schedule.csv"
    schedule.write_text(schedule.read_text().replace("0001-made-r1", name))
    with pytest.raises(DamagedFile, match="no name of a trial"):
        read_session(folder)


def test_a_claim_of_no_difference_comes_back(tmp_path: Path) -> None:
    claim = {**CLAIM, "at_least": None, "equivalent_within": 0.25}
    found = read_session(make(tmp_path / "s", [Made()], claim=claim)).claim
    assert found is not None
    assert (found.at_least, found.equivalent_within) == (None, 0.25)
    assert found.bound == "equal within 25 %"


@pytest.mark.parametrize(("at_least", "within"), [(None, None), (2, 0.25), (None, 1.5)])
def test_a_claim_has_one_bound(at_least: object, within: object, tmp_path: Path) -> None:
    claim = {**CLAIM, "at_least": at_least, "equivalent_within": within}
    folder = make(tmp_path / "s", [Made()], claim=claim)
    with pytest.raises(DamagedFile, match="not as a session is written"):
        read_session(folder)
