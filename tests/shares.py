"""Which of many cases of one kind run with `make check`; all others run with `make campaign`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from _pytest.mark import ParameterSet


def every(nth: int, cases: Iterable[object]) -> Sequence[ParameterSet]:
    """Parameters of a test: the first and then every nth case now, the others in the campaign."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            marks=() if index % nth == 0 else pytest.mark.campaign,
        )
        for index, case in enumerate(cases)
    ]
