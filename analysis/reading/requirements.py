"""What `session.json` says of requirements: limits that cells are to keep.

May not know whether they were kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from rig.model import Between, Level, digits, percent

MEASURES = {
    "p50_ms": "Median response time",
    "p95_ms": "p95 response time",
    "p99_ms": "p99 response time",
    "failure_share": "Failures",
    "goodput_rps": "Correct answers a second",
    "max_goodput_rps": "Correct answers a second in the best 5 s",
}
"""What can be claimed or required, in words."""


@dataclass(frozen=True)
class Limit:
    """What a measure is to keep; a share's `value` is 0.01 for 1 %."""

    of: Literal["p50_ms", "p95_ms", "p99_ms", "failure_share", "goodput_rps", "max_goodput_rps"]
    relation: Literal["<", "<=", ">", ">="]
    value: Annotated[float, Between(0, 1e12)]

    def keeps(self, value: float) -> bool:
        """Whether a measured value does."""
        if value == self.value:
            return self.relation in ("<=", ">=")
        return (value < self.value) == self.relation.startswith("<")

    def value_text(self, value: float) -> str:
        """A value with its unit: `41.3 ms`, `0.2 %`."""
        if self.of == "failure_share":
            return percent(value)
        return f"{digits(value)}{' ms' if self.is_time else ''}"

    @property
    def is_time(self) -> bool:
        """Whether it is of response times, which requests that fail have none of."""
        return self.of.endswith("_ms")

    def __str__(self) -> str:
        return f"{MEASURES[self.of]} {self.relation} {self.value_text(self.value)}"


@dataclass(frozen=True)
class Requirement:
    """Limits for every cell at these levels."""

    cell: Mapping[str, Level]
    limits: tuple[Limit, ...]
