"""Arrivals of an open load."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.load.shape import Arrivals

EVEN = Arrivals(per_s=20, pattern="even", ramp_s=4.0, max_in_flight=7)


def first(arrivals: Arrivals, count: int) -> list[float]:
    return list(itertools.islice(arrivals.instants_s(), count))


def test_even_arrivals_keep_their_distance_after_the_ramp() -> None:
    instants_s = first(EVEN, 200)
    after = [at_s for at_s in instants_s if at_s > 4.0]
    gaps = [late - early for early, late in itertools.pairwise(after)]
    assert gaps == pytest.approx([0.05] * len(gaps))


def test_the_rate_rises_in_proportion_to_the_time() -> None:
    # by half of the ramp a quarter of the ramp's arrivals are due
    assert EVEN.before(4.0) == 40
    assert EVEN.before(2.0) == 10
    assert EVEN.before(9.0) == 40 + 100


def test_poisson_arrivals_have_the_rate_and_the_scatter_of_their_kind() -> None:
    instants_s = [at_s - 4.0 for at_s in first(replace(EVEN, pattern="poisson"), 20_000)]
    after = [at_s for at_s in instants_s if at_s > 0]
    gaps = [late - early for early, late in itertools.pairwise(after)]
    mean_s = sum(gaps) / len(gaps)
    assert mean_s == pytest.approx(0.05, rel=0.03)
    scatter_s = math.sqrt(sum((gap - mean_s) ** 2 for gap in gaps) / len(gaps))
    assert scatter_s / mean_s == pytest.approx(1.0, rel=0.05)


def test_the_seed_decides() -> None:
    one = Arrivals(per_s=50, seed=1)
    assert first(one, 50) == first(Arrivals(per_s=50, seed=1), 50)
    assert first(one, 50) != first(Arrivals(per_s=50, seed=2), 50)


@given(
    st.floats(0.1, 1000), st.sampled_from(["poisson", "even"]), st.integers(1, 9),
    st.integers(1, 500), st.floats(1, 60),
)  # fmt: skip
def test_all_load_workers_together_are_the_process_that_was_asked(
    per_s: float, pattern: str, load_workers: int, most: int, ramp_s: float
) -> None:
    asked = Arrivals(per_s, pattern, most, ramp_s)
    parts = [
        list(itertools.islice(asked.of(index, load_workers), 20)) for index in range(load_workers)
    ]
    assert sorted(itertools.chain(*parts)) == first(asked, 20 * load_workers)
    assert sum(asked.share(index, load_workers) for index in range(load_workers)) == most
