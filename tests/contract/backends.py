"""What a session leaves, whichever backend measured it: the same files, columns and units.

Each function holds one promise; a backend's own tests call them with a session of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from tests.runs import Attempt, Session, heading

Promise: TypeAlias = Callable[[Session, Attempt, Session], None]
"""Of a session and one of its attempts, with a session of the fake backend to compare with."""

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


def keys(data: Any) -> Any:
    """The names in a record, without what only one machine or target can say."""
    if isinstance(data, Mapping):
        free = (
            *("facts", "files", "outcomes", "finished_by_load_worker"),
            *("load_worker_cpu_share", "sequences", "commonest"),
        )
        # nothing is probed on simulated hosts: the names alone
        if "postgres_sessions_max" in data:
            return sorted(data)
        # by load worker, whose names differ
        known = {"clocks": [*data["clocks"].values()]} if data.get("clocks") else {}
        return {
            name: None if name in free else keys(value) for name, value in {**data, **known}.items()
        }
    if isinstance(data, list):
        return [keys(data[0])] if data and isinstance(data[0], Mapping) else []
    return type(data).__name__.replace("int", "float")


def the_files_that_are_needed_are_there(_: Session, attempt: Attempt, __: Session) -> None:
    for name in NEEDED:
        assert (attempt.path / name).stat().st_size > 0
    assert (attempt.path / "logs").is_dir()
    for name, columns in COLUMNS.items():
        assert heading(attempt.path / name) == columns


def simulated(attempt: Attempt, fake: Session) -> Attempt:
    """The attempt at the same cell on the fake backend."""
    levels = attempt.manifest["levels"]
    (found,) = (one for one in fake.attempts() if one.manifest["levels"] == levels)
    return found


def records_have_the_same_members(_: Session, attempt: Attempt, fake: Session) -> None:
    assert keys(attempt.manifest) == keys(simulated(attempt, fake).manifest)


def what_is_derived_has_the_same_columns(session: Session, _: Attempt, fake: Session) -> None:
    for name in ("derived/trials.csv", "derived/summary.csv", "derived/figures/goodput.csv"):
        assert heading(session.path / name) == heading(fake.path / name)
    assert heading(session.path / "schedule.csv") == heading(fake.path / "schedule.csv")


def units_are_the_same(session: Session, attempt: Attempt, _: Session) -> None:
    load, levels = attempt.manifest["load"], attempt.manifest["levels"]
    trial = attempt.manifest["trial"]
    (row,) = [row for row in session.rows("derived/trials.csv") if row["trial"] == trial]
    delay_ms = levels["delay_ms"]
    assert (row["verdict"], load["duration_s"]) == ("valid", 4.0)
    # a request waits for its answer at least one delay, in ms
    assert delay_ms <= float(row["p50_ms"]) < 5000
    assert float(row["measured_delay_ms"]) == pytest.approx(delay_ms, abs=max(1, 0.02 * delay_ms))
    longest_us = max(line.get_max_value() for line in attempt.histograms())
    assert delay_ms * 1000 <= longest_us < 5_000_000
    instants = [float(line["last_s"]) for line in attempt.rows("load/completions.csv")]
    assert 1 < max(instants) < 60


def the_phases_are_the_same(_: Session, attempt: Attempt, fake: Session) -> None:
    both = (attempt, simulated(attempt, fake))
    walked = [[span["phase"] for span in one.manifest["spans"]] for one in both]
    assert walked[0] == walked[1]


PROMISES: tuple[Promise, ...] = (
    the_files_that_are_needed_are_there,
    records_have_the_same_members,
    what_is_derived_has_the_same_columns,
    units_are_the_same,
    the_phases_are_the_same,
)
EACH_PROMISE = pytest.mark.parametrize("promise", PROMISES, ids=lambda one: one.__name__)
