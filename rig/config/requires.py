"""The `requires` of an experiment: absolute bounds that cells are to keep, beside the claim.

May not know PyYAML (`document` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from rig.config import matrix
from rig.config.document import Items, Map
from rig.config.findings import Finding, one_of
from rig.config.matrix import filter_cells
from rig.config.sections import Context, Section, expected, wrong
from rig.config.values import LevelOfEach, Optional, Several, Value
from rig.plan import Cell

MOST_REQUIREMENTS = 50
_LARGEST = 1e9
_NUMBER = r"(\d{1,12}(?:\.\d{1,12})?)"
FAILURES = "failures"


@dataclass(frozen=True)
class Bounded(Value):
    """A relation and a number: `< 300`, `> 100`; of shares `< 1 %`."""

    relation: str
    percent: bool = False

    @property
    def _pattern(self) -> str:
        unit = r"\s*%" if self.percent else ""
        return rf"\s*({self.relation}=?)\s*{_NUMBER}{unit}\s*"

    def read(self, value: Any, context: Context) -> tuple[str, float]:
        match = re.fullmatch(self._pattern, value) if isinstance(value, str) else None
        number = float(match[2]) if match else 0.0
        most = 100.0 if self.percent else _LARGEST
        if match is None or not 0 < number <= most:
            example = f"{self.relation} {'1 %' if self.percent else '300'}"
            most_words = "100 %" if self.percent else f"{most:,.0f}"
            raise expected(f'a bound in quotes such as "{example}", above 0 and up to {most_words}')
        return match[1], number / 100 if self.percent else number

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{self._pattern}$"}


AtMost = Optional[Annotated[tuple[str, float], Bounded("<")]]
AtLeast = Optional[Annotated[tuple[str, float], Bounded(">")]]


class Requirement(Section):
    """What every cell at these levels is to keep."""

    cell: LevelOfEach = Field(default_factory=dict)
    p50_ms: AtMost = None
    p95_ms: AtMost = None
    p99_ms: AtMost = None
    failures: Optional[Annotated[tuple[str, float], Bounded("<", percent=True)]] = None
    goodput_rps: AtLeast = None
    max_goodput_rps: AtLeast = None

    def planned(self) -> matrix.Requirement:
        """As the Matrix has it."""
        given = {name: getattr(self, name) for name in BOUNDED}
        return matrix.Requirement(
            self.cell,
            tuple(
                matrix.Limit("failure_share" if name == FAILURES else name, *bound)
                for name, bound in given.items()
                if bound is not None
            ),
        )


BOUNDED = tuple(name for name in Requirement.model_fields if name != "cell")


def _bounds_something(one: Requirement) -> Requirement:
    if not any(getattr(one, name) for name in BOUNDED):
        raise wrong(f"a requirement has no bound, expected {one_of(BOUNDED)}")
    return one


def _not_too_many(all_of: Sequence[Requirement]) -> Sequence[Requirement]:
    if len(all_of) > MOST_REQUIREMENTS:
        what = f"`{{name}}` has {len(all_of)} of them, expected at most {MOST_REQUIREMENTS}"
        raise wrong(what)
    return all_of


Requires = Annotated[
    Several[Annotated[Requirement, AfterValidator(_bounds_something)]],
    AfterValidator(_not_too_many),
]


def without_cells(
    root: Map, requires: Sequence[Requirement], cells: tuple[Cell, ...], searched: str
) -> Iterator[Finding]:
    """Requirements that no cell has the levels of; a search chooses those of `searched` itself."""
    for index, one in enumerate(requires):
        levels = {name: (level,) for name, level in one.cell.items() if name != searched}
        if not filter_cells(cells, levels):
            node = root.entries["requires"].node
            assert isinstance(node, Items)
            item = node.items[index]
            assert isinstance(item, Map)
            do = "mend its levels; where a profile leaves them out, it needs its own `requires`"
            yield Finding(item.entries["cell"].place, "`cell` of a requirement matches no cell", do)
