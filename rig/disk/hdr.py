"""The recorder's HdrHistogram: its range in µs and its precision.

May not import what only readers need: load workers make these, too.
"""

from __future__ import annotations

from typing import Any

from hdrh.histogram import HdrHistogram

LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS = 1, 3_600_000_000, 3
KEPT_BITS = 11
"""Leading bits of a time that a histogram of this precision tells apart: 2 ** 11 > 2 * 10 ** 3."""


def new_histogram() -> Any:
    """An empty histogram in the recorder's range."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)
