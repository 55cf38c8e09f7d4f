"""A column of a CSV file: what is read, and what is wrong with it."""

from __future__ import annotations

import re

import pytest

from rig.load.http.csv_column import MOST_VALUES, BadColumn, column_of


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "b\r\n2\r\n4\r\n",
        "\ufeffb,a\n2,1\n\n4\n",
        'b,a\n"2",1\n4,"x,\ny"\n',
        "b,a\n2,1,9\n4,3",
    ],
)
def test_a_column(text: str) -> None:
    assert column_of(text.encode(), "b") == ("2", "4")


def test_a_cell_may_be_empty() -> None:
    assert column_of(b"a,b\n1,\n", "b") == ("",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no column `b`, only none"),
        (b"a;b\n1;2\n", "has no column `b`, only a;b"),
        (b"a,b\n", "has no line below its names"),
        (b"a,b\n1,2\n3\n", "has no `b` in line 3"),
        (b"b,a,b\n1,2,3\n", "has several columns `b`"),
        (b'a,b\n1,"2\n3,4\n', "is no CSV: unexpected end of data"),
        (b"b\nm\xfcnchen\n", "is no UTF-8"),
        (b"b\n" + b"1\n" * (MOST_VALUES + 1), "has 100,001 lines, expected at most 100,000"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, says: str) -> None:
    with pytest.raises(BadColumn, match=re.escape(says)):
        column_of(content, "b")
