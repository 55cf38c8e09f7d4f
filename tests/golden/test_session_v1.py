"""A session of schema 1 stays readable for ever, and keeps yielding the same numbers.

`session-v1` is never written again; `session-v1-expected` holds what it yields.
"""

import shutil
from pathlib import Path

import pytest

from analysis import derive, table

HERE = Path(__file__).parent
EXPECTED = HERE / "session-v1-expected"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE / "session-v1", tmp_path / "session-v1"))


@pytest.mark.parametrize("name", ["trials.csv", "summary.csv", "figures/goodput.csv"])
def test_the_numbers_are_the_same(session: Path, name: str) -> None:
    derived = derive(session)
    expected = (EXPECTED / Path(name).name).read_text(encoding="utf-8")
    assert (derived.folder / name).read_text(encoding="utf-8") == expected


def test_the_table_is_the_same(session: Path) -> None:
    assert table(session) == (EXPECTED / "table.txt").read_text(encoding="utf-8")
