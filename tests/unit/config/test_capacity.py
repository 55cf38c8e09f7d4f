"""Objectives and searches for a capacity, each mistake at its line."""

from __future__ import annotations

import pytest

from rig.config import Capacity, Repeats, with_options
from rig.config.matrix import cells
from rig.inference.capacity import SearchSpec
from rig.model import BadYaml, UsageError
from rig.plan import Objective, Open

from .conftest import Read

OPEN = """\
experiment: carried
objective: {p95_ms: 300, failures: 1 %}
setup: {route: io_create}
vary: {target: [sync, async]}
load: {model: open, arrivals: {ramp: 2s}, steady: 30s}
data: {posts: 1_000, cpu_n: 100}
design: {search: {capacity: arrivals_per_s, between: [5, 2000], within: 5 %}, repeats: 4}
"""
DESIGN = OPEN[OPEN.index("design:") :]
ALONE = "design: {search: {capacity: arrivals_per_s, between: [5, 500]}}\n"


def problems(read: Read, *changes: tuple[str, str]) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read(*changes, text=OPEN)
    return [str(problem) for problem in caught.value.problems]


def test_a_search_for_a_capacity(read: Read) -> None:
    matrix = read(text=OPEN)
    assert matrix.design == Capacity(
        "arrivals_per_s", SearchSpec((5.0, 2000.0), 0.05, 4), recovery=True
    )
    assert matrix.objective == Objective(p95_ms=300.0, failure_share=0.01)
    assert isinstance(matrix.load.model, Open)
    assert all("arrivals_per_s" not in cell.levels for cell in cells(matrix))
    with pytest.raises(UsageError, match="a search decides"):
        with_options(matrix, repeats=3)


def test_a_search_by_its_defaults(read: Read) -> None:
    matrix = read((DESIGN, ALONE), text=OPEN)
    assert matrix.design == Capacity("arrivals_per_s", SearchSpec((5.0, 500.0), 0.05, 3))


def test_a_rate_that_is_to_be_carried(read: Read) -> None:
    asked = ("failures: 1 %", "failures: 1 %, rate_per_s: 200")
    searched = read(asked, text=OPEN)
    assert isinstance(searched.design, Capacity)
    assert searched.design.spec.rate_per_s == searched.rate_per_s == 200
    alone = read(asked, (DESIGN, "design: {repeats: 3}\n"), text=OPEN)
    assert alone.design == Repeats(3)
    assert {cell.levels["arrivals_per_s"] for cell in cells(alone)} == {200}


def test_rates_may_be_varied(read: Read) -> None:
    vary = ("vary: {", "vary: {arrivals_per_s: [50, 100.5], ")
    matrix = read(vary, (DESIGN, ""), text=OPEN)
    assert [cell.levels["arrivals_per_s"] for cell in cells(matrix)] == [50, 50, 100.5, 100.5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("p95_ms: 300, ", "", "2: `objective` has no limit on response times, expected one of"),
        ("failures: 1 %", "failures: 0 %", "2: `failures` expects a share such as `1 %`"),
        ("failures: 1 %", "failures: 1", "2: `failures` expects a share such as `1 %`"),
        ("p95_ms: 300", "p95_ms: 0", "2: `p95_ms` expects a number above 0"),
        ("p95_ms: 300", "p59_ms: 300", "2: unknown key `p59_ms`"),
        (
            "objective: {p95_ms: 300, failures: 1 %}\n",
            "",
            "6: a search for a capacity needs an `objective`",
        ),
        ("between: [5, 2000]", "between: [2000, 5]", "7: `between` expects two rates"),
        ("between: [5, 2000]", "between: [5, 5.5]", "7: `between` expects two rates"),
        ("between: [5, 2000]", "between: [0, 2000]", "7: `between` expects a number from 0.001"),
        ("within: 5 %", "within: 0.5 %", "7: `within` expects a width such as `5 %`"),
        ("capacity: arrivals_per_s", "capacity: delay_ms", "7: `capacity` expects arrivals_per_s"),
        ("repeats: 4", "repeats: 2", "7: `repeats` expects a whole number from 3 to 12"),
        ("{ramp: 2s}", "{ramp: 2s, per_s: 9}", "5: `per_s` of `arrivals` says nothing beside"),
        ("{ramp: 2s}, steady: 30s", "{ramp: 2s}, steady: 20s", "5: a window of 20 s has 100"),
        ("p95_ms: 300", "p95_ms: 900", "5: a window of 30 s is too short for a limit of 900 ms"),
        (DESIGN, "", "5: `arrivals` has no rate; say `per_s`, or name `arrivals_per_s` in"),
        (
            "setup: {",
            "setup: {arrivals_per_s: 9, ",
            "3: `arrivals_per_s` stands in `setup`, but the search chooses its levels",
        ),
        (
            "data:",
            "requires: [{p95_ms: '< 300'}]\ndata:",
            "6: a search for a capacity judges no requirement",
        ),
        (
            "setup:",
            "claim: {says: x, ratio: {of: p95_ms, target: [async, sync]}, at_least: 1}\nsetup:",
            "3: a search for a capacity judges no claim",
        ),
    ],
)
def test_what_is_wrong_with_it(read: Read, old: str, new: str, said: str) -> None:
    assert any(f"experiments.yaml:{said}" in line for line in problems(read, (old, new)))


def test_users_have_no_rate(read: Read) -> None:
    closed = "load: {users: {from: 1, per_s: 1, to: 5}, steady: 20s}"
    found = problems(read, ("load: {model: open, arrivals: {ramp: 2s}, steady: 30s}", closed))
    assert [line.split(";")[0] for line in found] == [
        "experiments.yaml:2: `objective` needs a load of `model: open`: "
        "users of a closed one wait and ask less",
        "experiments.yaml:7: `arrivals_per_s` needs a load of `model: open`: "
        "a closed one has users",
    ]


def test_a_rate_beside_others_needs_one_of_theirs(read: Read) -> None:
    also = "also: {more: {because: x, set: {arrivals_per_s: 9}}}\ndesign: {}\n"
    given = ("{ramp: 2s}", "{ramp: 2s, per_s: 9}")
    found = problems(read, (DESIGN, also), given)
    assert found == [
        "experiments.yaml:7: `also` sets `arrivals_per_s`, which no cell has; "
        "name `arrivals_per_s` in `setup` or in `vary`, too"
    ]
