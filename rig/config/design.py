"""The `design` of an experiment: how often, in which order, until when, searching for what.

May not know PyYAML (`document` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, cast

from pydantic import PlainValidator, ValidationInfo, field_validator

from rig.config import matrix
from rig.config.document import Map
from rig.config.findings import Finding
from rig.config.matrix import FEWEST_LOOKED_AT, MOST_LOOKED_AT, MOST_REPEATS, ORDERS
from rig.config.sections import Context, Section, context_of, either, expected, wrong
from rig.config.values import Fits, Seed, Some, Value, of_factor
from rig.factors import FACTORS, Choice, Natural, Number
from rig.inference.capacity import FEWEST_NEAR, MOST_BESIDE, SearchSpec
from rig.inference.crossover import MOST_PAIRS
from rig.model import RATE, SURGE, Level

_WIDTH = re.compile(r"\s*ratio\s*(?:±|\+-)\s*(\d+(?:\.\d+)?)\s*%\s*")
_WIDEST = 1.0
_PRECISION = re.compile(r"\s*(?:±|\+-)?\s*(\d{1,2}(?:\.\d{1,3})?)\s*%\s*")
_FINEST, _COARSEST = 0.01, 0.3
DEFAULT_WITHIN = 0.05
_LEAST_APART = 0.001
"""Between the ends of a search, in the factor's unit: nothing can be told apart within it."""
_LOOKED_AT = "goodput_rps"
"""What a design reads of a record."""
_BETWEEN = {name: of for name, of in FACTORS.items() if isinstance(of.levels, Number)}
"""The factors whose levels are numbers of which there are always more in between."""
_SEARCHED = tuple(name for name, factor in _BETWEEN.items() if not factor.absent)
_CARRIED = (RATE,)
_LEAST_TIMES = 1.2
"""The upper end of a search for a capacity ÷ the lower one: less is no range."""


class Width(Value):
    """Half of an interval's width, as a share of what it is about."""

    def read(self, value: Any, context: Context) -> float:
        match = _WIDTH.fullmatch(value) if isinstance(value, str) else None
        within = float(match[1]) / 100 if match else 0.0
        if not 0 < within <= _WIDEST:
            raise expected("a width such as `ratio ±10 %`, above 0 % and up to 100 %")
        return within

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{_WIDTH.pattern}$"}


Looks = Annotated[int, Fits(Natural(FEWEST_LOOKED_AT, MOST_LOOKED_AT))]
_COUNT = Fits(Natural(1, MOST_REPEATS))


class Until(Section):
    """Repeats that end once the claim's ratio is known well enough."""

    until: Annotated[float, Width()]
    at_least: Looks = FEWEST_LOOKED_AT
    at_most: Looks

    @field_validator("at_most")
    @classmethod
    def _not_below_least(cls, at_most: int, info: ValidationInfo) -> int:
        at_least = info.data.get("at_least", 0)
        if at_most < at_least:
            raise wrong(f"`{{name}}` expects at least the {at_least} of `at_least`, not {at_most}")
        return at_most


def _repeats(data: Any, info: ValidationInfo) -> int | Until:
    if isinstance(data, dict):
        return Until.model_validate(data, context=info.context)
    return cast(int, _COUNT.read(data, context_of(info)))


class Precision(Value):
    """Half of an interval's width, as a share of a rate."""

    def read(self, value: Any, context: Context) -> float:
        match = _PRECISION.fullmatch(value) if isinstance(value, str) else None
        within = float(match[1]) / 100 if match else 0.0
        if not _FINEST <= within <= _COARSEST:
            span = f"from {100 * _FINEST:g} % to {100 * _COARSEST:g} %"
            raise expected(f"a width such as `5 %`, {span}")
        return within

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{_PRECISION.pattern}$"}


class Search(Section):
    """Where the claim's ratio passes 1."""

    crossover: Annotated[str, Fits(Choice(_SEARCHED))]
    between: Some[Annotated[float, of_factor(_SEARCHED[0])]]

    @field_validator("between")
    @classmethod
    def _apart(cls, between: tuple[float, ...]) -> tuple[float, float]:
        if len(between) != 2 or not between[1] - between[0] >= _LEAST_APART:
            wants = f"two levels, the lower one first, at least {_LEAST_APART:g} apart"
            raise wrong(f"`{{name}}` expects {wants}")
        return float(between[0]), float(between[1])


_EITHER_SEARCH = ("`search` has `crossover` and `capacity`, expected one of them", "")


class CapacitySearch(Section):
    """Up to where an objective is kept."""

    misplaced: ClassVar = {"crossover": _EITHER_SEARCH}

    capacity: Annotated[str, Fits(Choice(_CARRIED))]
    between: Some[Annotated[float, of_factor(_CARRIED[0])]]
    within: Annotated[float, Precision()] = DEFAULT_WITHIN
    recovery: bool = True

    @field_validator("between")
    @classmethod
    def _apart(cls, between: tuple[float, ...]) -> tuple[float, float]:
        if len(between) != 2 or not between[1] >= _LEAST_TIMES * between[0]:
            wants = f"two rates, the upper one at least {_LEAST_TIMES:g} times the lower one"
            raise wrong(f"`{{name}}` expects {wants}")
        return float(between[0]), float(between[1])


_NOT_BOTH = (
    "`design` has `repeats` and `search`, expected one of them",
    "a search repeats as it needs to",
)


class _AnyDesign(Section):
    order: Annotated[str, Fits(Choice(ORDERS))] = ORDERS[0]
    seed: Seed = 1


class Repeated(_AnyDesign):
    """Every cell so many times, or until its ratios are known."""

    misplaced: ClassVar = {"search": _NOT_BOTH}

    repeats: Annotated[
        int | Until, PlainValidator(_repeats, json_schema_input_type=Annotated[int, _COUNT] | Until)
    ] = 1

    @property
    def times(self) -> int:
        """How often a cell can be measured."""
        return self.repeats if isinstance(self.repeats, int) else self.repeats.at_most


class Searching(_AnyDesign):
    """Pairs of cells at levels that a search chooses."""

    misplaced: ClassVar = {"repeats": _NOT_BOTH}

    search: Search

    @property
    def times(self) -> int:
        """How often a cell can be measured: at so many levels, chosen for each."""
        return MOST_PAIRS


class Carrying(_AnyDesign):
    """Each cell at rates that a search chooses, and repeated about its capacity."""

    search: CapacitySearch
    repeats: Annotated[int, Fits(Natural(FEWEST_NEAR, MOST_LOOKED_AT))] = FEWEST_NEAR

    @property
    def times(self) -> int:
        """How often a cell can be measured."""
        return MOST_BESIDE + self.repeats + self.search.recovery


AnyDesign = Repeated | Searching | Carrying


def _either(data: Any, info: ValidationInfo) -> AnyDesign:
    search = data.get("search") if isinstance(data, dict) else None
    if isinstance(search, dict) and "capacity" in search:
        return Carrying.model_validate(data, context=context_of(info))
    if isinstance(data, dict) and "search" in data:
        return either(data, Searching, Repeated, context_of(info))
    return either(data, Repeated, Searching, context_of(info))


Design = Annotated[
    AnyDesign,
    PlainValidator(_either, json_schema_input_type=AnyDesign),
]


def planned(
    design: AnyDesign, claim: matrix.Claim | None, rate_per_s: float | None
) -> matrix.AnyDesign:
    """What the Matrix has of a design; one that asks the results has what it asks (`unfit`)."""
    match design, claim:
        case Carrying(search=search, repeats=repeats), _:
            low, high = search.between
            spec = SearchSpec((low, high), search.within, repeats, rate_per_s)
            return matrix.Capacity(search.capacity, spec, search.recovery)
        case Searching(search=search), matrix.Claim() as of:
            low, high = search.between
            return matrix.Search(of, search.crossover, (low, high))
        case Repeated(repeats=Until() as until), matrix.Claim() as of:
            return matrix.Until(of, until.until, until.at_least, until.at_most)
        case _:
            return matrix.Repeats(design.times)


def unfit(
    root: Map,
    design: AnyDesign,
    claim: matrix.Claim | None,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    """Why a design that asks the results does not go with the rest of the experiment."""
    if isinstance(design, Carrying):
        yield from _unfit_capacity(root, design.search, claim, setup, vary)
        return
    if isinstance(design, Repeated) and isinstance(design.repeats, int):
        return
    search = design.search if isinstance(design, Searching) else None
    place = root.entries["design"].place
    asks = "search" if search else "until"
    if claim is None:
        yield Finding(place, f"`{asks}` needs a `claim`", "its ratio is what is looked at")
        return
    if claim.metric != _LOOKED_AT:
        what = f"`{asks}` looks at `{_LOOKED_AT}`, but the claim's ratio is of `{claim.metric}`"
        yield Finding(place, what, f"claim `of: {_LOOKED_AT}`, or leave `{asks}` out")
    both = {claim.numerator, claim.denominator}
    if not both <= set(vary.get(claim.factor, ())):
        what = f"`{asks}` needs both levels of the claim's `{claim.factor}` in `vary`"
        yield Finding(place, what)
    if search:
        yield from _unfit_search(root, search, claim, setup, vary)


def _unfit_search(
    root: Map,
    search: Search,
    claim: matrix.Claim,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    if claim.factor == search.crossover:
        what = f"the claim compares levels of `{search.crossover}`, which is what is searched"
        yield Finding(root.entries["design"].place, what)
    yield from _chosen_twice(root, search.crossover, setup, vary)
    if "also" in root.entries:
        what = "a search has no extra cells"
        yield Finding(root.entries["also"].place, what, "remove `also`")


def _unfit_capacity(
    root: Map,
    search: CapacitySearch,
    claim: matrix.Claim | None,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    place = root.entries["design"].place
    if "objective" not in root.entries:
        do = "say for instance `objective: {p95_ms: 300, failures: 1 %}`"
        yield Finding(place, "a search for a capacity needs an `objective`", do)
    if claim is not None:
        what = "a search for a capacity judges no claim: its trials stand at different rates"
        yield Finding(root.entries["claim"].place, what, "remove `claim`")
    for factor in (search.capacity, SURGE):
        yield from _chosen_twice(root, factor, setup, vary)


def _chosen_twice(
    root: Map,
    factor: str,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    for section, entries in (("setup", setup), ("vary", vary)):
        if factor in entries:
            node = root.entries[section].node
            assert isinstance(node, Map)
            what = f"`{factor}` stands in `{section}`, but the search chooses its levels"
            yield Finding(node.entries[factor].place, what, "remove it")
