"""The SQL text, and the one place where it changes its placeholders."""

from __future__ import annotations

import re
import uuid
from datetime import UTC

from posts import sql


def test_a_new_row_has_a_value_for_every_column() -> None:
    key, title, content, created_at, updated_at = sql.new_row("t", "c")
    assert (title, content) == ("t", "c")
    assert isinstance(key, uuid.UUID)
    assert created_at == updated_at
    assert created_at.tzinfo is UTC
    assert re.findall(r"\$(\d+)", sql.INSERT) == ["1", "2", "3", "4", "5"]


def test_psycopg_s_placeholders() -> None:
    assert sql.for_psycopg("SELECT $1, '5%', $2") == "SELECT %s, '5%%', %s"
    assert sql.for_psycopg(sql.INSERT).count("%s") == len(sql.COLUMNS)
