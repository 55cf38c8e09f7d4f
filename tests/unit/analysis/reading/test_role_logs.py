"""What logs say of failures: who refused what, and how the app's tracebacks end."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis.reading.role_logs import MOST_KINDS, Logged, exceptions, read_logs
from rig.model import DamagedFile
from tests.unit.plans import record

AT = "2026-11-30 01:00:00.000 Etc/UTC [41] "
DATABASE = f"""\
{AT}FATAL:  the database system is starting up
{AT}LOG:  database system is ready to accept connections
{AT}FATAL:  sorry, too many clients already
{AT}FATAL:  sorry, too many clients already
{AT}FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute
{AT}ERROR:  duplicate key value violates unique constraint "a_pkey"
{AT}DETAIL:  Key (id)=(7) already exists.
{AT}FATAL:  terminating connection due to administrator command
"""
CHAINED = """\
[2026-11-30 01:00:00 +0000] [7] [ERROR] Error handling request /dishes/
Traceback (most recent call last):
  File "base.py", line 275, in ensure_connection
    self.connect()
psycopg.OperationalError: connection failed: FATAL:  sorry, too many clients already

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "app.py", line 9, in dishes
    ^^^^^^^
django.db.utils.OperationalError: connection 17 failed
Is the server running?
INFO:     127.0.0.1 - "GET /dishes/" 500
"""


def logged(attempt: Path, **logs: str) -> Logged:
    (attempt / "logs").mkdir(exist_ok=True)
    for role, text in logs.items():
        (attempt / "logs" / f"{role}.log").write_text(text)
    return read_logs(attempt, record())


def test_postgres_says_whom_it_refused(tmp_path: Path) -> None:
    found = logged(tmp_path, database=DATABASE)
    assert dict(found.refusals) == {
        "sorry, too many clients already": 2,
        "remaining connection slots are reserved for roles with the SUPERUSER attribute": 1,
    }
    assert next(iter(found.refusals)) == "sorry, too many clients already"
    assert dict(found.statement_errors) == {
        'duplicate key value violates unique constraint "a_pkey"': 1
    }


def test_the_last_exception_of_a_chain_is_the_app_s(tmp_path: Path) -> None:
    found = logged(tmp_path, app=CHAINED * 3 + CHAINED.replace("17", "18"))
    assert dict(found.exceptions) == {"django.db.utils.OperationalError: connection 17 failed": 4}


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Traceback (most recent call last):\n  File x\nKeyError\n", ["KeyError"]),
        ("Traceback (most recent call last):\n  File x\nINFO: 200\nKeyError: 'a'\n", []),
        ("ValueError: told, not raised\n", []),
        (
            "request failed: KeyError: 'a'\nTraceback (most recent call last):\n x\nB: c\n",
            ["KeyError: 'a'"],
        ),
        ("Traceback (most recent call last):\n  cut", []),
    ],
)
def test_an_exception_is_told_of_or_ends_a_traceback(text: str, ends: list[str]) -> None:
    assert list(exceptions(text.splitlines())) == ends


def test_the_pooler_says_whom_it_refused(tmp_path: Path) -> None:
    line = "WARNING C-0x1: bench/app@198.18.1.2:4 pooler error: query_wait_timeout\n"
    assert dict(logged(tmp_path, pooler=line * 2).pooler_refusals) == {"query_wait_timeout": 2}


def test_what_a_target_prints_is_bounded_and_steers_nothing(tmp_path: Path) -> None:
    names = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100)]
    text = "".join(
        f"Traceback (most recent call last):\n  x\nE{n}: \x1b[2J{n * 999}\n" for n in names
    )
    found = logged(tmp_path, app=text).exceptions
    assert len(found) == MOST_KINDS
    assert all(len(said) < 250 and said.isprintable() for said in found)


def test_without_logs_nothing_is_said_and_a_changed_one_is_not_believed(tmp_path: Path) -> None:
    assert read_logs(tmp_path, record()) == Logged()
    logged(tmp_path, database=DATABASE)
    vouched = dataclasses.replace(record(), files={"logs/database.log": "0" * 64})
    with pytest.raises(DamagedFile, match="not the file that was written"):
        read_logs(tmp_path, vouched)
