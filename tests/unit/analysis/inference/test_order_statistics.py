"""Between which ranks a percentile lies, on numbers small enough to check by hand."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.inference import Second, ranks_around, scatter_of

CHANCE = random.Random(1)
CALM = [Second(20, 9), Second(20, 11)] * 10
"""Less scatter than chance has: 9 or 11 of 20, where it would be 10 give or take 2.2."""


@pytest.mark.parametrize(
    ("share", "requests", "ranks"),
    # of a binomial count: the least numbers with 2.5 and 97.5 % at or below, the second and one
    [(0.5, 10, (2, 9)), (0.5, 100, (40, 61)), (0.95, 100, (90, 100)), (0.99, 1000, (983, 997))],
)
def test_by_the_binomial(share: float, requests: int, ranks: tuple[int, int]) -> None:
    found = ranks_around(share, requests, 1.0)
    assert found == pytest.approx([rank / requests for rank in ranks])


@pytest.mark.parametrize(("share", "requests"), [(0.5, 0), (0.5, 5), (0.95, 71), (0.99, 367)])
def test_too_few_have_no_such_ranks(share: float, requests: int) -> None:
    assert ranks_around(share, requests, 1.0) is None
    assert ranks_around(share, requests + 2, 1.0) is not None or requests < 5


@given(st.sampled_from([0.5, 0.95, 0.99]), st.integers(400, 10**5), st.floats(0, 10))
def test_the_more_it_scatters_the_wider(share: float, requests: int, scatter: float) -> None:
    narrow, wide = (ranks_around(share, requests, one) for one in (scatter, scatter + 2))
    assert narrow is None or narrow[0] <= share <= narrow[1]
    if narrow and wide:
        # ranks are whole numbers
        assert wide[1] - wide[0] > narrow[1] - narrow[0] - 2 / (requests / (scatter + 2) - 1)
    assert ranks_around(share, requests, min(1.0, scatter)) == ranks_around(share, requests, 1.0)


def test_scatter_is_a_multiple_of_chance() -> None:
    calm = scatter_of(0.5, CALM)
    assert calm is not None
    assert calm == pytest.approx(1 / 5 * 20 / 19 * (2.093 / 1.96) ** 2, rel=0.01)
    wild = scatter_of(0.5, [Second(20, 5), Second(20, 15)] * 10)
    assert wild == pytest.approx(25 * calm, rel=0.01)


def test_seconds_like_the_ones_before_tell_less() -> None:
    seconds = [Second(20, 5)] * 15 + [Second(20, 15)] * 15
    assert scatter_of(0.5, seconds) is None
    waves = [Second(20, 10 + (5 if at // 2 % 2 else -5)) for at in range(60)]
    alternating = [Second(20, 10 + (5 if at % 2 else -5)) for at in range(60)]
    assert (scatter_of(0.5, waves) or 0) > (scatter_of(0.5, alternating) or 0) > 1


@pytest.mark.parametrize("seconds", [[], CALM[:4], [Second(1, 1)] * 9])
def test_too_short_to_tell(seconds: list[Second]) -> None:
    assert scatter_of(0.5, seconds) is None


def test_independent_answers_scatter_by_chance() -> None:
    found = []
    for _ in range(100):
        counts = (sum(CHANCE.random() < 0.5 for _ in range(20)) for _ in range(60))
        found.append(scatter_of(0.5, [Second(20, count) for count in counts]))
    known = [one for one in found if one is not None]
    assert len(known) > 90
    assert 0.9 < sum(known) / len(known) < 1.6
