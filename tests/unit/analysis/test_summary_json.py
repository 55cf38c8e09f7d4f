"""`summary.json`: of the form that its schema has, of the numbers that the tables have."""

from __future__ import annotations

import copy
import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis import derive, differences
from analysis.report import report
from tests.shares import every
from tests.unit.analysis.sessions import CLAIM, Answer, Made, make, steady
from tests.unit.analysis.summary_schema import fitting, validator

SIDES = ("sync", 30), ("async", 90)


def trials(repeats: int = 3) -> list[Made]:
    return [
        Made({"target": target}, steady(rate + replicate), replicate=replicate)
        for replicate in range(1, repeats + 1)
        for target, rate in SIDES
    ]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of a session whose claim is decided."""
    limits = [{"of": "p95_ms", "relation": "<", "value": 300}]
    requires = [{"cell": {"target": "sync"}, "limits": limits}]
    folder = tmp_path_factory.mktemp("said") / "s"
    session = make(folder, trials(), repeats=3, requires=requires)
    return fitting(derive(session).folder)


def test_it_says_session_claim_ratio_and_check(said: Any) -> None:
    assert said["session"]["name"] == "s"
    assert said["session"]["ended"] is True
    assert (said["claim"]["verdict"], said["claim"]["says"]) == ("supported", CLAIM["says"])
    (ratio,) = said["ratios"]
    assert ratio["judgement"] == "supported"
    assert ratio["low"] < ratio["ratio"] < ratio["high"]
    assert ratio["ratio"] == pytest.approx(92 / 32, rel=0.02)
    by_cell = {cell["cell"]: cell["levels"]["target"] for cell in said["cells"]}
    assert [by_cell[ratio[f"{side}_cell"]] for side in ("numerator", "denominator")] == [
        "async", "sync",
    ]  # fmt: skip
    assert said["environment"]["host cpus"] == "2"
    assert said["environment"]["version of Django"] == "5.2.19"


@pytest.mark.usefixtures("undrawn")
def test_its_numbers_are_those_of_the_tables(said: Any, tmp_path: Path) -> None:
    derived = derive(make(tmp_path / "s", trials(), repeats=3))
    with derived.summary_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(said["cells"]) == 2
    for row, cell in zip(rows, said["cells"], strict=True):
        same = [name for name in row if name in cell and name not in ("cell", "why")]
        assert len(same) > 30
        for name in same:
            value = cell[name]
            assert row[name] == ("" if value is None else str(value).removesuffix(".0")), name


@pytest.mark.usefixtures("undrawn")
def test_report_and_analyse_write_the_same(tmp_path: Path) -> None:
    session = make(tmp_path / "s", trials(1))
    derive(session)
    before = (session / "derived" / "summary.json").read_bytes()
    report(session)
    assert (session / "derived" / "summary.json").read_bytes() == before


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("made", "claim", "code"),
    every(
        3,
        [
            ([], CLAIM, 9),
            (trials(1), None, 9),
            (trials(1), CLAIM, 9),
            (trials(), {**CLAIM, "at_least": None, "equivalent_within": 0.25}, 8),
            (trials(), {**CLAIM, "at_least": 20}, 8),
            (trials(), CLAIM, 0),
            ([Made({"target": "sync"}, skip="no such thing"), *trials(1)], CLAIM, 9),
            ([Made({"target": "sync"}), *trials(1)], CLAIM, 9),
            ([Made(answers=[Answer(3.0, outcome="timeout")])], CLAIM, 9),
        ],
    ),
)
def test_every_kind_of_session_fits(tmp_path: Path, made: Any, claim: Any, code: int) -> None:
    said = fitting(derive(make(tmp_path / "s", made, claim=claim, repeats=3)).folder)
    assert said["check"]["exit_code"] == code
    assert (said["claim"] is None) == (claim is None)


@pytest.mark.usefixtures("undrawn")
def test_text_from_outside_steers_nothing(tmp_path: Path) -> None:
    claim = {**CLAIM, "says": "\x1b[2J \u202e fast"}
    derived = derive(make(tmp_path / "s", trials(1), claim=claim)).folder
    text = (derived / "summary.json").read_text(encoding="utf-8")
    assert text.isascii()
    assert "\x1b" not in text
    assert fitting(derived)["claim"]["says"] == claim["says"]


def keys(value: Any) -> Iterator[tuple[Any, str]]:
    """Every map whose keys the schema names, with each of them."""
    if isinstance(value, dict):
        for key, inner in list(value.items()):
            yield value, key
            if not (key == "environment" or (key == "levels" and isinstance(inner, dict))):
                yield from keys(inner)
    elif isinstance(value, list):
        for inner in value[:1]:
            yield from keys(inner)


def test_the_schema_wants_every_key_and_no_other(said: Any) -> None:
    valid, whole = validator(), copy.deepcopy(said)
    count = 0
    for place, key in keys(whole):
        value = place.pop(key)
        assert not valid.is_valid(whole), key
        place[f"{key}_too"] = place[key] = value
        assert not valid.is_valid(whole), key
        del place[f"{key}_too"]
        count += 1
    assert valid.is_valid(whole)
    assert count > 80


def test_verify_names_the_value_that_was_edited(tmp_path: Path) -> None:
    session = make(tmp_path / "s", trials(1))
    derive(session)
    assert differences(session) == ((), ())
    path = session / "derived" / "summary.json"
    said = json.loads(path.read_text())
    said["cells"][0]["goodput_rps"] = 99.0
    path.write_text(json.dumps(said, indent=1) + "\n")
    assert differences(session).differ == (
        "derived/summary.json: cells[0].goodput_rps is 99.0, recomputed 31.0",
    )
    path.write_text("{")
    assert differences(session).differ == ("derived/summary.json: is no JSON",)
    path.unlink()
    assert differences(session).differ == ("derived/summary.json: is missing",)


def test_a_version_that_wrote_none_is_no_difference(tmp_path: Path) -> None:
    session = make(tmp_path / "s", trials(1))
    derive(session)
    (session / "derived" / "summary.json").unlink()
    path = session / "derived" / "made.json"
    made = json.loads(path.read_text())
    made["by"]["code"] = "0" * 64
    del made["files"]["summary.json"]
    path.write_text(json.dumps(made))
    differ, (line,) = differences(session)
    assert differ == ()
    assert line.startswith("derived/summary.json: another version")
