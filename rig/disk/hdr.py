"""The recorder's HdrHistogram: its range in µs, its precision, and how a log's lines are tagged.

May not import what only readers need: load workers make these, too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from hdrh.histogram import HdrHistogram

LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS = 1, 3_600_000_000, 3
KEPT_BITS = 11
"""Leading bits of a time that a histogram of this precision tells apart: 2 ** 11 > 2 * 10 ** 3."""


_IN_TAGS = "/:;?=&@+!*()[]{}$'~"
"""Signs of a route's name that stand in a tag as they are; spaces and commas may not."""


def tag_of(phase: str, route: str, outcome: str) -> str:
    """The tag of a line in a load's log."""
    return f"{phase}|{quote(route, safe=_IN_TAGS)}|{outcome}"


def route_of(tag: str) -> str:
    """The route in a tag."""
    return unquote(tag.partition("|")[2].rpartition("|")[0])


def new_histogram() -> Any:
    """An empty histogram in the recorder's range."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)
