"""OpenMetrics text as the client's own parser reads it."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from analysis.exports import export
from rig.model import UsageError
from tests.unit.analysis.exports.metrics import families_of
from tests.unit.analysis.sessions import Answer, Made, make, steady

Samples = dict[str, list[Any]]

STARTED_S = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC).timestamp()


def read(session: Path) -> tuple[Samples, list[str]]:
    """Samples by the name of their family."""
    found = export(session, "prometheus", "")
    return families_of(found.text), list(found.left_out)


def test_every_second_of_a_trial(tmp_path: Path) -> None:
    answers = [*steady(10, 20.0), Answer(4.5, outcome="timeout")]
    samples, left_out = read(make(tmp_path / "s", [Made({"delay_ms": 100}, answers)]))
    assert left_out == []
    by_outcome: dict[str, list[Any]] = defaultdict(list)
    for sample in samples["rig_answers_per_second"]:
        by_outcome[sample.labels["outcome"]].append(sample)
    assert sum(one.value for one in by_outcome["ok"]) == len(answers) - 1
    assert [float(one.timestamp) for one in by_outcome["timeout"] if one.value] == [STARTED_S + 4]
    assert by_outcome["ok"][0].labels["target"] == "sync"
    assert by_outcome["ok"][0].labels["trial"] == "0001-made-r1"
    times = [float(one.timestamp) for one in by_outcome["ok"]]
    assert times == [STARTED_S + second for second in range(len(times))]
    assert {one.value for one in samples["rig_users"]} == {150}
    medians = [s for s in samples["rig_response_seconds"] if s.labels["quantile"] == "0.5"]
    assert len(medians) == len(times)
    assert medians[3].value == pytest.approx(0.02, rel=0.5)


def test_probes_on_the_loads_clock(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))])
    (attempt,) = session.glob("trials/*/attempt-1")
    (attempt / "probes").mkdir()
    (attempt / "probes" / "postgres.csv").write_text("at_s,total\n1.5,3\n2.5,\n3.5,7\n")
    (attempt / "probes" / "processes.csv").write_text(
        "at_s,role,index,cpu_s,rss_bytes\n1,app,0,0.5,1000\n2,app,0,1.25,2000\n1,database,0,0,5\n"
    )
    samples, left_out = read(session)
    assert left_out == []
    assert [(float(s.timestamp), s.value) for s in samples["rig_database_sessions"]] == [
        (STARTED_S + 1.5, 3),
        (STARTED_S + 3.5, 7),
    ]
    spent = samples["rig_cpu_seconds"]
    assert {one.name for one in spent} == {"rig_cpu_seconds_total"}
    assert [(one.labels["role"], one.value) for one in spent] == [
        ("app", 0.5), ("app", 1.25), ("database", 0),
    ]  # fmt: skip
    assert len(samples["rig_resident_memory_bytes"]) == 3


def test_what_cannot_be_read_is_named_and_the_rest_is_there(tmp_path: Path) -> None:
    made = [Made({"delay_ms": 0}, steady(10)), Made({"delay_ms": 100}, skip="cannot be")]
    session = make(tmp_path / "s", made)
    (attempt,) = session.glob("trials/*/attempt-1")
    (attempt / "probes").mkdir()
    (attempt / "probes" / "processes.csv").write_text("nonsense\n1\n")
    samples, (broken, skipped) = read(session)
    assert "processes.csv" in broken
    assert skipped == "0002-made-r1: cannot be"
    assert samples["rig_users"]


def test_a_load_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))])
    (seconds,) = session.glob("trials/*/attempt-1/load/seconds.csv")
    seconds.write_text("nonsense\n1\n")
    samples, left_out = read(session)
    assert samples == {}
    assert any("seconds.csv" in line for line in left_out)


def test_a_clock_that_is_none(tmp_path: Path) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))])
    (manifest,) = session.glob("trials/*/attempt-1/manifest.json")
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**said, "started_at": "yesterday"}))
    samples, (line,) = read(session)
    assert samples == {}
    assert line.endswith("its manifest does not say when it was")


@pytest.mark.parametrize("name", ['a"b', "a\\", "a\nb", "\x1b[2J", "ü"])
def test_labels_are_text(tmp_path: Path, name: str) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))], experiment=name)
    samples, _ = read(session)
    labels = samples["rig_users"][0].labels
    assert labels["experiment"] == (name if name != "\x1b[2J" else "\\x1b[2J")


@pytest.mark.parametrize("form", ["benchmarks", "otel", "prometheus"])
def test_a_session_of_another_schema_is_one_line(tmp_path: Path, form: str) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))], schema=1)
    with pytest.raises(UsageError) as caught:
        export(session, form, "goodput_rps")
    assert "schema 1" in str(caught.value)
    assert "\n" not in caught.value.what
