"""Failures by class: what they are laid to, and what went on at the first of each."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from analysis import derive, table
from analysis.reading.load_files import Completion, Second
from analysis.reading.probe_samples import Sample
from analysis.reading.role_logs import Logged
from analysis.report import report
from analysis.summaries.failures import (
    KILLED,
    Failure,
    attributed_to_worker_ends,
    failures,
    reasons,
)
from rig.record import ProbeFacts
from tests.unit.analysis.sessions import Answer, Made, make, write

BEGAN_AT_S = 1000.0


def came(outcome: str, first_s: float, last_s: float | None = None, count: int = 1) -> Completion:
    last_s = first_s if last_s is None else last_s
    return Completion(int(first_s), "steady", "r", outcome, count, first_s, last_s)


def test_a_class_has_its_count_and_the_moment_of_its_first() -> None:
    completions = [
        came("ok", 0.1, count=9), came("timeout", 5.5, count=2), came("app_error", 3.25),
        came("timeout", 4.0, 4.9, 7),
    ]  # fmt: skip
    seconds = [Second(3, "ramp", 30, 1, 3), Second(3, "steady", 31, 1, 2), Second(4, "x", 40, 1, 6)]
    samples = [Sample(2.9, 50), Sample(3.9, 60), Sample(4.1, 97)]
    assert failures(completions, seconds, samples) == (
        Failure("app_error", 1, 3.25, 31, 2, (50, 60)),
        Failure("timeout", 9, 4.0, 40, 6, (60, 97)),
    )


def test_what_nobody_counted_is_not_made_up() -> None:
    stale = [Sample(1.0, 97), Sample(13.5, 97)]
    assert failures([came("timeout", 8.0)], [], stale) == (Failure("timeout", 1, 8.0),)
    assert failures([came("ok", 8.0)], [], stale) == ()


@pytest.mark.parametrize(
    ("outcome", "first_s", "last_s", "killed"),
    [
        ("connection_reset", 10.2, 10.8, True),
        ("connection_refused", 11.5, 11.9, True),
        ("connection_reset", 9.0, 9.9, True),
        ("connection_reset", 8.9, 9.5, False),
        ("connection_reset", 11.8, 12.1, False),
        ("timeout", 10.2, 10.8, False),
        ("ok", 10.2, 10.8, False),
    ],
)
def test_broken_connections_are_laid_to_an_app_worker_that_ended_just_then(
    outcome: str, first_s: float, last_s: float, killed: bool
) -> None:
    (found,) = attributed_to_worker_ends([came(outcome, first_s, last_s, 3)], [2.0, 10.0])
    assert found.outcome == (KILLED if killed else outcome)
    assert found.count == 3


def test_without_an_end_nothing_is_laid_to_one() -> None:
    one = came("connection_reset", 10.2)
    assert attributed_to_worker_ends([one], []) == [one]


SESSIONS = ProbeFacts(postgres_app_sessions_max=17, postgres_max_connections=20)
REFUSED = {"sorry, too many clients already": 120, "remaining connection slots": 9}


@pytest.mark.parametrize(
    ("logged", "probes", "says"),
    [
        (
            Logged(refusals=REFUSED),
            SESSIONS,
            "app_error: 5xx of the app, while Postgres refused 129 connections: "
            "too many clients already (120 times); the app held 17 of 20 at most",
        ),
        (
            Logged(refusals={"too many connections for role": 1}),
            ProbeFacts(),
            "app_error: 5xx of the app, while Postgres refused 1 connection: "
            "too many connections for role",
        ),
        (
            Logged(pooler_refusals={"query_wait_timeout": 2}),
            ProbeFacts(),
            "app_error: 5xx of the app, while PgBouncer refused 2 clients: query_wait_timeout",
        ),
        (
            Logged(statement_errors={"deadlock detected": 3}),
            ProbeFacts(),
            "app_error: 5xx of the app, while Postgres refused 3 statements: deadlock detected",
        ),
        (
            Logged(exceptions={"KeyError: 'a'": 5}),
            SESSIONS,
            "app_error: the app's log tells of 5 exceptions: KeyError: 'a'",
        ),
        (Logged(), SESSIONS, "app_error: the app's log has no traceback"),
    ],
)
def test_what_the_app_did_not_name_is_told_in_the_words_of_who_refused(
    logged: Logged, probes: ProbeFacts, says: str
) -> None:
    found = reasons([Failure("app_error", 150, 1.0)], logged, probes)
    assert found[0].startswith(says)
    assert reasons([Failure("db_too_many_connections", 150, 1.0)], logged, probes) == ()


@pytest.mark.usefixtures("undrawn")
def test_the_table_and_the_report_tell_why(tmp_path: Path) -> None:
    answers = [Answer(0.5 + n / 2) for n in range(20)]
    made = make(tmp_path / "s", [Made(answers=[*answers, Answer(5.2, outcome="app_error")])])
    (attempt,) = made.glob("trials/*/attempt-1")
    (attempt / "logs").mkdir()
    refused = "[41] FATAL:  sorry, too many clients already\n"
    (attempt / "logs" / "database.log").write_text(refused * 129)
    why = "while Postgres refused 129 connections: too many clients already"
    assert why in " ".join(table(made).split())
    report(made)
    assert why in (made / "derived" / "report.html").read_text()


@pytest.fixture
def session(tmp_path: Path) -> Path:
    resets = [Answer(5.2, outcome="connection_reset"), Answer(5.4, outcome="connection_reset")]
    late = [Answer(8.5, outcome="connection_reset")]
    good = [Answer(0.5 + n / 2) for n in range(20)]
    made = make(tmp_path / "s", [Made(answers=[*good, *resets, *late])])
    (attempt,) = made.glob("trials/*/attempt-1")
    manifest = json.loads((attempt / "manifest.json").read_text())
    manifest["load"]["began_at_s"] = BEGAN_AT_S
    (attempt / "manifest.json").write_text(json.dumps(manifest))
    (attempt / "probes").mkdir()
    return made


def probe(session: Path, name: str, head: Sequence[str], *rows: Sequence[object]) -> None:
    (attempt,) = session.glob("trials/*/attempt-1")
    write(attempt / "probes" / f"{name}.csv", head, rows)


HELD = ("db_connections_before", "db_connections_after")


def listed(session: Path) -> list[tuple[str, ...]]:
    derive(session)
    columns = ("class", "count", "first_s", "users", *HELD)
    with (session / "derived" / "failures.csv").open(newline="") as file:
        return [tuple(row[name] for name in columns) for row in csv.DictReader(file)]


def test_without_probes_the_load_workers_class_stands(session: Path) -> None:
    assert listed(session) == [("connection_reset", "3", "5.2", "150", "", "")]
    assert (
        "failures: mostly connection_reset, the first 5.2 s into the load, at 150 users"
        in table(session)
    )


def test_the_probes_tell_more(session: Path) -> None:
    at_s = BEGAN_AT_S
    workers = ("pid", "first_at_s", "last_at_s")
    probe(session, "app_workers", workers, (7, at_s - 9, at_s + 5), (8, at_s + 6, at_s + 12))
    samples = [(at_s + 4, 98, 96), (at_s + 5, 99, 46), (at_s + 6, 100, 97)]
    probe(session, "postgres", ("at_s", "total", "app"), *samples)
    assert listed(session) == [
        (KILLED, "2", "5.2", "150", "99", "100"),
        ("connection_reset", "1", "8.5", "150", "100", ""),
    ]
    said = " ".join(table(session).split())
    assert f"mostly {KILLED}, the first 5.2 s into the load, at 150 users, 99 to 100 conn" in said


def test_an_app_worker_that_ended_in_the_last_seconds_is_told_by_the_last_look(
    session: Path,
) -> None:
    at_s = BEGAN_AT_S
    workers = ("pid", "first_at_s", "last_at_s", "looked_at_s")
    until = at_s + 10.5
    lived, ended = (7, at_s - 9, until, until), (8, at_s - 9, at_s + 8.4, until)
    probe(session, "app_workers", workers, lived, ended)
    assert [line[:3] for line in listed(session)] == [
        ("connection_reset", "2", "5.2"),
        (KILLED, "1", "8.5"),
    ]


def test_a_probe_that_is_none_is_a_note(session: Path) -> None:
    probe(session, "app_workers", ("pid",), (7,))
    assert "note: 0001-made-r1: load files not readable" in table(session)
