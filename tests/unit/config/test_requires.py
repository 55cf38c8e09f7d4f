"""Requirements: absolute bounds on cells, each mistake at its line."""

from __future__ import annotations

import pytest

from rig.config.matrix import Limit
from rig.model import BadYaml

from .conftest import Read

DATA = "data: {posts: 1_000, cpu_n: 100}\n"


def requires(*items: str) -> tuple[str, str]:
    return DATA, f"{DATA}requires:\n" + "".join(f"  - {item}\n" for item in items)


def problems(read: Read, *items: str) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read(requires(*items))
    return list(map(str, caught.value.problems))


def test_bounds_of_a_cell(read: Read) -> None:
    found = read(
        requires(
            '{cell: {target: async, delay_ms: 100}, p95_ms: "< 300", failures: "<= 1.5 %"}',
            '{goodput_rps: "> 100", max_goodput_rps: ">=120.5"}',
        )
    ).requires
    assert [dict(one.cell) for one in found] == [{"target": "async", "delay_ms": 100}, {}]
    assert [one.limits for one in found] == [
        (Limit("p95_ms", "<", 300), Limit("failure_share", "<=", 0.015)),
        (Limit("goodput_rps", ">", 100), Limit("max_goodput_rps", ">=", 120.5)),
    ]


def test_none_at_all(read: Read) -> None:
    assert read().requires == ()
    assert read((DATA, f"{DATA}requires: []\n")).requires == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"< 300"', '"> 300"', '`p95_ms` expects a bound in quotes such as "< 300"'),
        ('"< 300"', "300", '`p95_ms` expects a bound in quotes such as "< 300"'),
        ('"< 300"', '"< 0"', "above 0 and up to"),
        ('"< 300"', '"< 300 ms"', "`p95_ms` expects a bound"),
        ('"< 300"', f'"< {"9" * 5000}"', "`p95_ms` expects a bound"),
        ('"< 1 %"', '"< 1"', '`failures` expects a bound in quotes such as "< 1 %"'),
        ('"< 1 %"', '"< 101 %"', "up to 100 %"),
        ("p95_ms", "p95ms", "did you mean `p95_ms`?"),
        ("p95_ms", "p90_ms", "unknown key `p90_ms`, expected one of cell, p50_ms, p95_ms"),
        ("target: async", "target: asnyc", "did you mean `async`?"),
        ("target: async", "targt: async", "did you mean `target`?"),
        ("delay_ms: 100", "delay_ms: [100]", "`delay_ms` expects one level"),
        ("delay_ms: 100", "delay_ms: 50", "`cell` of a requirement matches no cell"),
        ('p95_ms: "< 300", failures: "< 1 %"', "", "a requirement has no bound"),
    ],
)
def test_a_mistake_is_said_at_its_line(read: Read, old: str, new: str, said: str) -> None:
    good = '{cell: {target: async, delay_ms: 100}, p95_ms: "< 300", failures: "< 1 %"}'
    assert good.count(old) == 1
    (found,) = problems(read, '{goodput_rps: "> 1"}', good.replace(old, new))
    assert found.startswith("experiments.yaml:24: ")
    assert said in found


def test_no_list(read: Read) -> None:
    with pytest.raises(BadYaml, match="`requires` expects a list, not a map"):
        read((DATA, f'{DATA}requires: {{p95_ms: "< 300"}}\n'))


def test_too_many(read: Read) -> None:
    (found,) = problems(read, *['{p95_ms: "< 300"}'] * 51)
    assert "`requires` has 51 of them, expected at most 50" in found


def test_a_profile_that_leaves_the_cell_out_needs_its_own(read: Read) -> None:
    item = '{cell: {delay_ms: 0}, p95_ms: "< 300"}'
    (found,) = problems(read, item)
    assert "matches no cell (in profile quick)" in found
    own = "  quick:\n    requires: []\n"
    assert read(requires(item), ("  quick:\n", own), profile="quick").requires == ()


SEARCH = """\
experiment: crossover
claim: {says: x, ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
vary: {route: [cpu], target: [sync, async]}
load: {users: {from: 1, per_s: 1, to: 1}, steady: 1s}
data: {posts: 100, cpu_n: 100}
design: {search: {crossover: delay_ms, between: [0, 20]}}
requires: [{cell: {delay_ms: 7}, p95_ms: "< 300"}]
"""


def test_a_search_chooses_the_levels_that_are_required(read: Read) -> None:
    assert len(read(text=SEARCH).requires) == 1
    with pytest.raises(BadYaml, match="matches no cell"):
        read(("{delay_ms: 7}", "{delay_ms: 7, route: io_read}"), text=SEARCH)
