"""The text table: what a reader must find in it."""

from pathlib import Path

import pytest

from analysis import table
from analysis.summaries.numbers import number
from rig.model import Verdict
from tests.unit.analysis.sessions import CLAIM, Made, make, steady


def line(text: str, *words: str) -> str:
    """The one line that has all these words."""
    (found,) = [one for one in text.splitlines() if all(word in one for word in words)]
    return found


@pytest.fixture
def text(tmp_path: Path) -> str:
    long = "the load workers had no CPU left; " * 5
    busy = "db_too_many_connections"
    trials = [
        Made({"target": "sync"}, steady(20)),
        Made({"target": "async"}, steady(100, 50, 0.25, busy)),
        Made({"target": "sync", "delay_ms": 0}, steady(50), Verdict.INVALID, long),
        Made({"target": "async", "delay_ms": 0}, steady(60)),
        Made({"target": "async", "pooler": "pgbouncer"}, skip="no PgBouncer", because="cap?"),
    ]
    return table(make(tmp_path / "s", trials))


def test_it_fits(text: str) -> None:
    assert max(len(one) for one in text.splitlines()) <= 100


def test_it_counts_the_trials(text: str) -> None:
    assert "5 trials: 3 valid, 1 invalid, 1 skipped" in text


def test_numbers_stand_in_their_row(text: str) -> None:
    row = line(text, "  async ", "25")
    assert row.split()[:6] == ["async", "1/1", "99.4", "75", "75", "25"]
    assert line(text, "mostly db_too_many_connections, the first 0.0 s")


def test_what_does_not_count_says_why_and_gives_no_number(text: str) -> None:
    assert line(text, "r1 skipped: no PgBouncer")
    assert line(text, "r1 invalid: the load workers had no CPU left")
    assert "goodput 50 /s, not counted" in " ".join(text.split())
    assert line(text, "  sync", "0/1").split()[2:] == ["-"] * 7


def test_the_claim_closes_it(text: str) -> None:
    assert line(text, "io_create · added delay 100 ms", "3.75", "reaches 2", "single runs")
    assert "added delay 0 ms  " not in text.split("async ÷ sync")[1]


def test_replicates_show_their_spread(tmp_path: Path) -> None:
    trials = [
        Made({"target": target}, steady(rps + n), replicate=n)
        for target, rps in (("sync", 20), ("async", 30))
        for n in (1, 2, 3)
    ]
    text = table(make(tmp_path / "s", trials))
    assert line(text, "goodput 31 to 33 /s over 3 valid trials")
    assert line(text, "geometric mean of 3 blocks", "below 2")


def test_a_percentile_that_is_only_bounded_says_so(tmp_path: Path) -> None:
    claim = {**CLAIM, "of": "p95_ms"}
    trials = [
        Made({"target": "async"}, steady(40), unanswered=[(3.0, False)] * 40),
        Made({"target": "sync"}, steady(40)),
    ]
    text = table(make(tmp_path / "s", trials, claim=claim))
    assert "> 7500" in line(text, "  async ", "40")
    assert ">" not in line(text, "  sync ", "40")
    assert "no pair of cells with both measured yet" in text


def test_nothing_scheduled_is_said(tmp_path: Path) -> None:
    assert "no trial is scheduled yet" in table(make(tmp_path / "s", [], claim=None))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "0"), (0.00123, "0.00123"), (1.2345, "1.23"), (99.96, "100"),
     (12345.6, "12346"), (0.0000123, "0.000012")],
)  # fmt: skip
def test_numbers_have_no_powers_of_ten(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_a_level_cannot_pass_for_a_line_of_the_table(tmp_path: Path) -> None:
    trials = [Made({"target": "sync", "route": "a\n2 trials: 2 valid"}, steady(20))]
    said = table(make(tmp_path / "s", trials)).splitlines()
    assert [one for one in said if one.startswith(("1 trial", "2 trials"))] == ["1 trial: 1 valid"]


@pytest.mark.parametrize(("fast", "word"), [(22, "within 25 %"), (40, "beyond 25 %")])
def test_a_claim_of_no_difference(fast: float, word: str, tmp_path: Path) -> None:
    claim = {**CLAIM, "at_least": None, "equivalent_within": 0.25}
    made = [Made({"target": "sync"}, steady(20)), Made({"target": "async"}, steady(fast))]
    text = table(make(tmp_path / "s", made, claim=claim))
    assert "(equal within 25 %)" in text
    assert line(text, "1.1" if fast == 22 else "2", word, "single runs")
