"""From `ledger.json` to facts: of today, and of sessions that counted scans."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.evidence.ledger import (
    COMMONEST,
    Contents,
    Counters,
    CountsAfter,
    CountsBefore,
    Statement,
    Statements,
    Written,
    ledger_facts,
)
from rig.model import DamagedFile
from rig.record import LedgerFacts, RouteAnswers, StatementFacts, TableRows

COUNTERS = Counters(transactions=5, sessions=2, postgres_started_at="today")
BEFORE = CountsBefore(
    COUNTERS,
    verifying_requests=1,
    contents=Contents(31, "f", {"orders": 11, "lines": 20}),
    unverified={"orders": 10, "lines": 18},
    names_requests=False,
)
AFTER = CountsAfter(Counters(90, 12, "today"), Contents(61, "f", {"orders": 21, "lines": 40}))


def facts(folder: Path, book: dict[str, Any]) -> LedgerFacts:
    (folder / "ledger.json").write_text(json.dumps(book))
    return ledger_facts(folder, "made")


def told(folder: Path, *statements: Statement, evicted: int = 0, why: str = "") -> StatementFacts:
    counted = Statements(statements, evicted, why)
    after = CountsAfter(AFTER.counters, AFTER.contents, statements=counted)
    found = facts(folder, BEFORE.to_json() | after.to_json()).counted
    assert found is not None
    return found


def test_rows_of_every_table_and_what_one_request_added(tmp_path: Path) -> None:
    found = facts(tmp_path, BEFORE.to_json() | AFTER.to_json())
    assert found.tables == {"orders": TableRows(1, 11, 21), "lines": TableRows(2, 20, 40)}
    assert [rows.added for rows in found.tables.values()] == [10, 20]
    assert (found.rows_before, found.rows_after, found.names_requests) == (31, 61, False)
    assert found.transactions == 85


def test_statements_by_who_sent_them(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        Statement("SELECT total FROM orders WHERE id = $1", 40, nested=False),
        Statement("SELECT set_config($1, $2, $3)", 9, nested=False),
        Statement("SELECT $1", 3, nested=False),
        Statement("SELECT t.oid FROM pg_type t WHERE t.typname = $1", 2, nested=False),
        Statement("SELECT $1 FROM ONLY orders x WHERE id = $2 FOR KEY SHARE OF x", 40, nested=True),
        evicted=1,
    )
    assert (found.calls, found.of_connections, found.certain) == (54, 14, 40)
    assert (found.nested, found.evicted, found.why) == (40, 1, "")


def test_a_message_may_quote_a_few_texts_of_the_app_s_own(tmp_path: Path) -> None:
    many = [Statement(f"SELECT {n} FROM a", 100 - n, nested=n == 0) for n in range(20)]
    commonest = told(tmp_path, *many).commonest
    assert len(commonest) == COMMONEST
    assert "SELECT 0 FROM a" not in commonest


def test_why_none_were_counted_is_kept(tmp_path: Path) -> None:
    assert told(tmp_path, why="no pg_stat_statements") == StatementFacts(
        why="no pg_stat_statements"
    )


def test_an_older_session_s_scans_are_its_statements(tmp_path: Path) -> None:
    def at(scans: int) -> dict[str, Any]:
        return {"transactions": 1, "sessions": 1, "scans": scans, "postgres_started_at": "x"}

    book = {
        "counters_before": at(4),
        "verifying_requests": 1,
        "counting_scans": 1,
        "before": {"rows": 100, "fingerprint": "f"},
        "counters_after": at(25),
        "after": {"rows": 100, "fingerprint": "f"},
    }
    found = facts(tmp_path, book)
    assert (found.statements, found.counted, found.tables) == (20, None, {})
    del book["before"]
    with pytest.raises(DamagedFile, match="before is missing"):
        facts(tmp_path, book)


def test_rows_are_told_apart_where_they_name_requests(tmp_path: Path) -> None:
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "load.json").write_text(json.dumps({"sequences": {"0": 10}}))
    (tmp_path / "load" / "sequences.csv").write_text(
        "load_worker,outcome,first,last\n0,timeout,9,9\n0,unanswered,10,10\n"
    )
    after = CountsAfter(
        AFTER.counters, AFTER.contents, written=Written({"0": ((1, 7), (9, 9))}, rows_twice=0)
    )
    found = facts(tmp_path, BEFORE.to_json() | after.to_json())
    assert (found.rows_of_successes, found.successes_without_row) == (7, 1)
    assert found.rows_of_failures == {"timeout": 1}


def test_after_the_users_sessions_all_is_counted_anew(tmp_path: Path) -> None:
    anew = BEFORE.anew({"orders": 15, "lines": 20}, {"made": 4})
    found = facts(tmp_path, anew.to_json() | AFTER.to_json())
    # what the verifying request added stays known, what sessions wrote is nobody's
    assert found.tables == {"orders": TableRows(1, 15, 21), "lines": TableRows(2, 20, 40)}
    assert (found.rows_before, found.verifying_requests) == (35, 0)


def test_of_a_mix_answers_are_told_apart_by_route(tmp_path: Path) -> None:
    wrote = {"made": {"orders": 1, "lines": 0}, "read": {"orders": 0, "lines": 0}}
    before = replace(BEFORE, wrote=wrote, naming=("made",), by_target={"made": 1})
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "completions.csv").write_text(
        "second,phase,route,outcome,count,first_s,last_s\n"
        "0,ramp,made,ok,3,0.1,0.9\n1,steady,made,timeout,1,1.1,1.1\n1,steady,read,ok,5,1.1,1.9\n"
        "2,after,made,ok,1,2.1,2.1\n2,steady,mix,dropped,7,2.1,2.1\n"
    )
    found = facts(tmp_path, before.to_json() | AFTER.to_json())
    assert found.answers == {"made": RouteAnswers(4, 1), "read": RouteAnswers(5, 0)}
    assert (found.wrote, found.naming) == (wrote, ("made",))
    assert found.answered_by_target is None
