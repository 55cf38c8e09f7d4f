"""Files whose contents are declared: what they hold, or one line with name, line and column."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.disk.contents import data, json_value, rows, samples
from rig.model import Count, DamagedFile, StorageError


@dataclass(frozen=True)
class Row:
    second: Count
    name: str
    share: float | None = None


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    return path


def test_rows_are_of_the_declared_kinds(tmp_path: Path) -> None:
    path = table(tmp_path, 'name,more,second,share\r\na,x,1,0.5\r\n"b,\nc",x,2,\r\n')
    assert rows(path, Row) == (Row(1, "a", 0.5), Row(2, "b,\nc", None))


def test_a_column_with_a_default_may_be_missing(tmp_path: Path) -> None:
    assert rows(table(tmp_path, "second,name\n1,a\n"), Row) == (Row(1, "a"),)


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path / "none.csv", Row) is None
    assert json_value(tmp_path / "none.json", dict) is None
    assert data(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "table.csv is empty"),
        ("second,name\n1,a", "table.csv: its last line is cut off"),
        ("second,name\n1\n", "table.csv: line 2 has 1 cells, the heading 2"),
        ("second,name\n1,a,b\n", "table.csv: line 2 has 3 cells, the heading 2"),
        ("second\n1\n", "table.csv: it has no column 'name'"),
        ("second,name,second\n1,a,2\n", "table.csv: a column stands twice in its heading"),
        ("second,name\n1,a\n-1,b\n", "table.csv:3: second is not between 0"),
        ("second,name\n1,a\n1.5,b\n", "table.csv:3: second is no whole number: '1.5'"),
        ("second,name,share\n1,a,nan\n", "table.csv:2: share is not between"),
        ('second,name\n1,"a"b\n', "table.csv: "),
        ("second,name\n1," + "a" * 200_000 + "\n", "table.csv: field larger than"),
        ("second,name\n1,\udcff\n", "table.csv is no UTF-8"),
    ],
)
def test_what_is_no_such_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DamagedFile, match=says):
        rows(table(tmp_path, text), Row)


def test_of_a_patchy_file_the_lines_that_are_whole_count(tmp_path: Path) -> None:
    path = table(tmp_path, "second,name\n1,a\n2\nx,b\n3,c\n4,d")
    assert rows(path, Row, patchy=True) == (Row(1, "a"), Row(3, "c"))
    path = table(tmp_path, "at_s,role,cpu_s\n1.5,app,\n2.5,app,1e999\n3.5,app,2\n4")
    assert [numbers for numbers, _ in samples(path)] == [
        {"at_s": 1.5, "role": None, "cpu_s": None},
        {"at_s": 3.5, "role": None, "cpu_s": 2.0},
    ]
    with pytest.raises(DamagedFile, match="it has no column 'pid'"):
        samples(path, ["pid"])


def test_json_is_named_by_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    path.write_text('{"a": "x"}')
    with pytest.raises(DamagedFile, match=r"value\.json: a is no whole number: 'x'"):
        json_value(path, dict[str, int])


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "-Infinity", "1e999", "1e300", "1" + "0" * 30, "9" * 5000),
        *("[" * 100_000, "[" * 70, "[" * 70 + "]" * 70, "", "{", "\x00"),
    ],
)
def test_json_without_bounds_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "value.json"
    path.write_text(text)
    with pytest.raises(DamagedFile, match=r"value\.json is no JSON"):
        json_value(path, dict)


def test_what_is_no_file_is_named_and_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "folder").mkdir()
    for name in ("fifo", "endless", "itself", "folder"):
        with pytest.raises((DamagedFile, StorageError), match=name):
            rows(tmp_path / name, Row)
        with pytest.raises((DamagedFile, StorageError), match=name):
            json_value(tmp_path / name, dict)
