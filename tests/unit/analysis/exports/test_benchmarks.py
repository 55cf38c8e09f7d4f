"""The list that benchmark-tracking actions read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.exports import export
from tests.unit.analysis.sessions import Made, make, steady


def tracked(session: Path, measure: str | None = "goodput_rps") -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = json.loads(export(session, "benchmarks", measure).text)
    for one in made:
        assert [(key, type(value)) for key, value in one.items()] == [
            ("name", str), ("unit", str), ("value", float), ("range", str),
        ]  # fmt: skip
    return made


def runs(*rates: float, target: str = "sync", failed: float = 0.0) -> list[Made]:
    return [
        Made({"target": target}, steady(rate, 50.0, failed, "timeout"), replicate=number)
        for number, rate in enumerate(rates, 1)
    ]


def test_a_cell_is_an_entry_with_its_interval(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [*runs(98, 100, 102), *runs(30, target="async")])
    both = tracked(session)
    assert [one["value"] for one in both] == [100.0, 30.0]
    assert {one["unit"] for one in both} == {"answers/s"}
    low, high = map(float, both[0]["range"].split(" to "))
    assert low < 100 < high
    assert both[1]["range"] == ""  # one run tells nothing of others
    assert [one["name"] for one in both] == [
        "asynchronize-django · io_create · sync · goodput_rps",
        "asynchronize-django · io_create · async · goodput_rps",
    ]


@pytest.mark.parametrize(
    ("measure", "unit", "value"), [("p50_ms", "ms", 50), ("failure_share", "%", 10)]
)
def test_where_less_is_better(tmp_path: Path, measure: str, unit: str, value: float) -> None:
    session = make(tmp_path / "s", runs(100, 100, failed=0.1 if unit == "%" else 0.0))
    (one,) = tracked(session, measure)
    assert one["unit"] == unit
    assert one["value"] == pytest.approx(value, rel=0.1)


def test_a_cell_without_a_number_is_left_out_and_named(tmp_path: Path) -> None:
    made = [*runs(0.1), Made({"target": "async"}, skip="cannot be")]
    found = export(make(tmp_path / "s", made), "benchmarks", "goodput_rps")
    assert json.loads(found.text) == []
    assert [line.rpartition(": ")[2] for line in found.left_out] == [
        "no number for it is known", "cannot be",
    ]  # fmt: skip


def test_without_an_objective_there_is_no_capacity_to_track(tmp_path: Path) -> None:
    found = export(make(tmp_path / "s", runs(30)), "benchmarks", "capacity_per_s")
    assert json.loads(found.text) == []
    assert found.left_out == [
        "asynchronize-django: no objective is asked for, so it has no capacity"
    ]


def test_names_steer_nothing(tmp_path: Path) -> None:
    session = make(tmp_path / "s", runs(30), experiment="\x1b[2J\u202eevil")
    text = export(session, "benchmarks", "goodput_rps").text
    assert text.isascii()
    (one,) = json.loads(text)
    assert one["name"].isprintable()
