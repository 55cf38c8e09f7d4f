"""Which of many cases of one kind run with `make check`, and which with a part of the campaign."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

T = TypeVar("T")
SHARE = int(os.environ.get("SHARE") or 1)
"""Of so many cases that repeat one thing one is tried, by chance (SEED)."""

if SHARE > 1:
    os.environ.setdefault("SEED", str(int.from_bytes(os.urandom(4), "big")))


def every(nth: int, cases: Iterable[object]) -> Sequence[ParameterSet]:
    """Parameters of a test: the first and then every nth case now, the others in the campaign.

    With SHARE the campaign has a part of those.
    """
    later = (pytest.mark.campaign, pytest.mark.of_many)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if index % nth == 0 else later,
        )
        for index, case in enumerate(cases)
    ]


def by_chance(cases: Iterable[T], always: int = 0) -> list[T]:
    """All cases, in their order; with SHARE so many of the first, and of the others some."""
    given = list(cases)
    if SHARE == 1:
        return given
    count = max(0, math.ceil(len(given) / SHARE) - always)
    chosen = random.Random(os.environ["SEED"]).sample(range(always, len(given)), count)
    return [*given[:always], *(given[index] for index in sorted(chosen))]
