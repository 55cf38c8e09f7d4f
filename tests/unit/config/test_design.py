from __future__ import annotations

import pytest

from rig.config import Claim, Matrix, Repeats, Search, Until, with_options
from rig.model import BadYaml, UsageError

from .conftest import GOOD, Read

Change = tuple[str, str]
REPEATS = "repeats: 2, "
DELAYS = "  delay_ms: [0, 100]\n"
ALSO = GOOD[GOOD.index("also:") : GOOD.index("load:\n  users")]
PROFILES = GOOD[GOOD.index("profiles:") :]
CLAIM = GOOD[GOOD.index("claim:") : GOOD.index("setup:")]
SEARCH = "search: {crossover: delay_ms, between: [0, 20]}, "
SEARCHING: tuple[Change, ...] = ((REPEATS, SEARCH), (DELAYS, ""), (ALSO, ""), (PROFILES, ""))


def until(text: str) -> Change:
    return REPEATS, f"repeats: {{{text}}}, "


def claimed(matrix: Matrix) -> Claim:
    assert matrix.claim is not None
    return matrix.claim


def problems(read: Read, *changes: Change) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read(*changes)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "written", ["ratio ±10 %", "ratio ±10%", "ratio +-10.0 %", '"ratio ± 10%"']
)
def test_repeats_until_a_width(read: Read, written: str) -> None:
    matrix = read(until(f"until: {written}, at_least: 5, at_most: 8"))
    assert matrix.design == Until(claimed(matrix), 0.1, at_least=5, at_most=8)
    assert matrix.seed == 7


def test_at_least_four_by_default(read: Read) -> None:
    matrix = read(until("until: ratio ±2.5 %, at_most: 12"))
    assert matrix.design == Until(claimed(matrix), 0.025, at_least=4, at_most=12)


def test_a_number_of_repeats_takes_the_place_of_until(read: Read) -> None:
    matrix = with_options(read(until("until: ratio ±10 %, at_most: 8")), repeats=3)
    assert matrix.design == Repeats(3)


def test_a_search_chooses_the_levels(read: Read) -> None:
    matrix = read(*SEARCHING)
    assert matrix.design == Search(claimed(matrix), "delay_ms", (0.0, 20.0))
    assert "delay_ms" not in matrix.vary
    with pytest.raises(UsageError, match="a search decides"):
        with_options(matrix, repeats=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("until: ratio ±0 %, at_most: 8", "`until` expects a width such as `ratio ±10 %`"),
        ("until: ratio ±101 %, at_most: 8", "`until` expects a width"),
        ("until: 10 %, at_most: 8", "`until` expects a width such as"),
        ("until: [1], at_most: 8", "`until` expects a width such as"),
        ("until: ratio ±10 %", "`at_most` is missing"),
        ("at_most: 8", "`until` is missing"),
        ("until: ratio ±10 %, at_least: 3, at_most: 8", "a whole number from 4 to 12, not `3`"),
        ("until: ratio ±10 %, at_most: 13", "a whole number from 4 to 12, not `13`"),
        ("until: ratio ±10 %, at_least: 6, at_most: 5", "at least the 6 of `at_least`, not 5"),
        ("until: ratio ±10 %, at_mots: 8", "did you mean `at_most`?"),
    ],
)
def test_what_until_cannot_be(read: Read, text: str, said: str) -> None:
    (found, *_) = problems(read, until(text))
    assert "experiments.yaml:22:" in found
    assert said in found


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("{crossover: delay_ms}", "`between` is missing"),
        ("{crossover: app_threads, between: [1, 8]}", "`crossover` expects delay_ms"),
        ("{crossover: delay_ms, between: [20, 0]}", "two levels, the lower one first"),
        ("{crossover: delay_ms, between: [0]}", "two levels, the lower one first"),
        ("{crossover: delay_ms, between: [0, 5e-324]}", "two levels, the lower one first"),
        ("{crossover: delay_ms, between: [0, 6000]}", "a number from 0 to 5000"),
    ],
)
def test_what_a_search_cannot_be(read: Read, search: str, said: str) -> None:
    changes = ((REPEATS, f"search: {search}, "), *SEARCHING[1:])
    (found, *_) = problems(read, *changes)
    assert said in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ([(REPEATS, REPEATS + SEARCH)], "`design` has `repeats` and `search`"),
        ([(REPEATS, SEARCH)], "`delay_ms` stands in `vary`, but the search chooses its levels"),
        ([(REPEATS, SEARCH)], "a search has no extra cells; remove `also`"),
        ([until("until: ratio ±10 %, at_most: 8"), (CLAIM, "")], "`until` needs a `claim`"),
        ([*SEARCHING, (CLAIM, "")], "`search` needs a `claim`; its ratio is what is looked at"),
        (
            [until("until: ratio ±10 %, at_most: 8"), ("of: goodput_rps", "of: p95_ms")],
            "`until` looks at `goodput_rps`, but the claim's ratio is of `p95_ms`; "
            "claim `of: goodput_rps`, or leave `until` out",
        ),
        (
            [*SEARCHING, ("of: goodput_rps", "of: max_goodput_rps")],
            "`search` looks at `goodput_rps`, but the claim's ratio is of `max_goodput_rps`",
        ),
        (
            [*SEARCHING, ("target: [sync, async]", "target: [async]")],
            "`search` needs both levels of the claim's `target` in `vary`",
        ),
        (
            [*SEARCHING, ("target: [async, sync]", "delay_ms: [1, 0]")],
            "the claim compares levels of `delay_ms`, which is what is searched",
        ),
        (
            [*SEARCHING, ("  pooler: direct\n", "  pooler: direct\n  delay_ms: 5\n")],
            "`delay_ms` stands in `setup`, but the search chooses its levels; remove it",
        ),
    ],
)
def test_what_does_not_go_with_them(read: Read, changes: list[Change], said: str) -> None:
    assert any(said in found for found in problems(read, *changes))


def test_another_metric_is_one_problem(read: Read) -> None:
    changes = until("until: ratio ±10 %, at_most: 8"), ("of: goodput_rps", "of: p95_ms")
    assert len(problems(read, *changes)) == 1


def test_a_wrong_claim_is_not_said_to_be_missing(read: Read) -> None:
    found = problems(
        read, until("until: ratio ±10 %, at_most: 8"), ("at_least: 2", "at_least: none")
    )
    assert not any("needs a `claim`" in one for one in found)
