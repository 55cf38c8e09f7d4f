"""Every backend leaves the same files behind, with the same columns in the same units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.runs import Attempt, Session, heading, valid_session

BACKENDS = [
    "fake",
    pytest.param("local", marks=pytest.mark.integration),
    pytest.param("compose", marks=pytest.mark.compose),
]
ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [20]}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
NEEDED = {
    "load/latencies.hlog", "load/completions.csv", "load/seconds.csv", "checks.json",
    "manifest.json",
}  # fmt: skip
COLUMNS = {
    "load/completions.csv": ["second", "phase", "route", "outcome", "count", "first_s", "last_s"],
    "load/seconds.csv": [
        *("second", "phase", "planned_users", "users", "started", "finished", "dropped"),
        "in_flight",
    ],
}


@pytest.fixture(scope="module", params=BACKENDS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """One trial on each backend."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "one.yaml").write_text(ONE_TRIAL)
    return valid_session("one.yaml", "--backend", request.param, "--yes", cwd=folder)[0]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The same on the fake backend, to compare with."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / "one.yaml").write_text(ONE_TRIAL)
    return valid_session("one.yaml", "--backend", "fake", "--yes", cwd=folder)[0]


def attempt_of(session: Session) -> Attempt:
    *_, attempt = session.attempts()
    return attempt


def keys(data: Any) -> Any:
    """The names in a record, without what only one machine or target can say."""
    if isinstance(data, Mapping):
        free = (
            *("facts", "files", "outcomes", "finished_by_load_worker"),
            *("load_worker_cpu_share", "sequences"),
        )
        # nothing is probed on simulated hosts: the names alone
        if "postgres_sessions_max" in data:
            return sorted(data)
        return {name: None if name in free else keys(value) for name, value in data.items()}
    if isinstance(data, list):
        return [keys(data[0])] if data and isinstance(data[0], Mapping) else []
    return type(data).__name__.replace("int", "float")


def test_the_files_that_are_needed_are_there(session: Session) -> None:
    attempt = attempt_of(session)
    for name in NEEDED:
        assert (attempt.path / name).stat().st_size > 0
    assert (attempt.path / "logs").is_dir()
    for name, columns in COLUMNS.items():
        assert heading(attempt.path / name) == columns


def test_records_have_the_same_members_of_the_same_kind(
    session: Session, reference: Session
) -> None:
    assert keys(attempt_of(session).manifest) == keys(attempt_of(reference).manifest)


def test_what_is_derived_has_the_same_columns(session: Session, reference: Session) -> None:
    for name in ("derived/trials.csv", "derived/summary.csv", "derived/figures/goodput.csv"):
        assert heading(session.path / name) == heading(reference.path / name)
    assert heading(session.path / "schedule.csv") == heading(reference.path / "schedule.csv")


def test_units_are_the_same(session: Session) -> None:
    (row,) = session.rows("derived/trials.csv")
    load = attempt_of(session).manifest["load"]
    assert (row["verdict"], load["peak_users"], load["duration_s"]) == ("valid", 4, 4.0)
    # a request waits for its answer at least one delay: 20 ms, in ms
    assert 20 <= float(row["p50_ms"]) < 5000
    assert float(row["measured_delay_ms"]) == pytest.approx(20, abs=1)
    longest_us = max(line.get_max_value() for line in attempt_of(session).histograms())
    assert 20_000 <= longest_us < 5_000_000
    instants = [float(line["last_s"]) for line in attempt_of(session).rows("load/completions.csv")]
    assert 1 < max(instants) < 60


def test_the_phases_are_the_same(session: Session, reference: Session) -> None:
    walked = [
        [span["phase"] for span in attempt_of(one).manifest["spans"]]
        for one in (session, reference)
    ]
    assert walked[0] == walked[1]
