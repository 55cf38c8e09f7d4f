"""What a CI service says beside a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.report import report
from tests.shares import every
from tests.unit.analysis.sessions import CLAIM, Made, make, steady

pytestmark = pytest.mark.usefixtures("undrawn")

MISSED = {"cell": {}, "limits": [{"of": "p95_ms", "relation": "<", "value": 5}]}
NOWHERE = {"cell": {"target": "x"}, "limits": [{"of": "p99_ms", "relation": "<", "value": 5}]}
ROUTES = "cpu", "io_create", "io_read"


def trials(repeats: int) -> list[Made]:
    return [
        Made({"target": target, "route": route}, steady(rate + replicate), replicate=replicate)
        for replicate in range(1, repeats + 1)
        for route in ROUTES
        for target, rate in (("sync", 30), ("async", 90))
    ]


@pytest.mark.parametrize(
    ("repeats", "requires", "levels"),
    every(
        2,
        [
            (3, [], ["notice"]),
            (3, [NOWHERE], ["warning"] * 2),
            (1, [NOWHERE, MISSED], ["error"] * 7 + ["warning"] * 3),
            (3, [NOWHERE, MISSED], ["error"] * 7 + ["warning"]),
            (1, [], ["warning"] * 4),
        ],
    ),
)
def test_the_check_comes_first_then_what_fails(
    tmp_path: Path, repeats: int, requires: list[Any], levels: list[str]
) -> None:
    made = make(tmp_path / "s", trials(repeats), claim=CLAIM, repeats=repeats, requires=requires)
    result = report(made)
    assert [one.level for one in result.annotations] == levels
    assert result.annotations[0].title == f"asynchronize-django: {result.check.name.lower()}"
    assert result.annotations[0].text in result.messages
