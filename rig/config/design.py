"""The `design` of an experiment: how often, in which order, until when, searching for what.

May not know PyYAML (`document` does).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rig.config.document import Items, Map, Node, Scalar
from rig.config.findings import Finding, ReadError
from rig.config.matrix import (
    FEWEST_LOOKED_AT,
    MOST_LOOKED_AT,
    MOST_REPEATS,
    ORDERS,
    Claim,
    Search,
    Until,
)
from rig.config.readers import Keys, Reader, expected, level, list_of, whole, word
from rig.factors import FACTORS
from rig.factors.levels import Number
from rig.inference.crossover import MOST_PAIRS
from rig.model import Level

_UNTIL = re.compile(r"ratio\s*(?:±|\+-)\s*(\d+(?:\.\d+)?)\s*%")
_MOST_WITHIN = 1.0
_LEAST_APART = 0.001
"""Between the ends of a search, in the factor's unit: nothing can be told apart within it."""
_MOST = 10**12
_LOOKED_AT = "goodput_rps"
"""What a design reads of a record."""


@dataclass(frozen=True)
class DesignAsked:
    """What stands under `design`."""

    repeats: int = 1
    order: str = ORDERS[0]
    seed: int = 1
    until: Until | None = None
    search: Search | None = None

    @property
    def most_times(self) -> int:
        """How often a cell can be measured; a search chooses so many levels for each."""
        return MOST_PAIRS if self.search else self.repeats


@dataclass(frozen=True)
class _Repeats:
    count: int
    until: Until | None = None


def read_design(node: Node) -> DesignAsked:
    """The section `design`; ReadError with all that is wrong within it."""
    keys = Keys(node)
    repeats = keys.get("repeats", _repeats, _Repeats(DesignAsked.repeats))
    search = keys.get("search", _search, None)
    order = keys.get("order", word(ORDERS), DesignAsked.order)
    seed = keys.get("seed", whole(0, _MOST), DesignAsked.seed)
    entries = node.entries if isinstance(node, Map) else {}
    if "search" in entries and "repeats" in entries:
        what = "`design` has `repeats` and `search`, expected one of them"
        keys.note([Finding(entries["repeats"].place, what, "a search repeats as it needs to")])
    keys.close()
    return DesignAsked(repeats.count, order, seed, repeats.until, search)


def _repeats(node: Node) -> _Repeats:
    if not isinstance(node, Map):
        return _Repeats(whole(1, MOST_REPEATS)(node))
    bounds = whole(FEWEST_LOOKED_AT, MOST_LOOKED_AT)
    keys = Keys(node)
    within = keys.need("until", _within)
    at_least = keys.get("at_least", bounds, FEWEST_LOOKED_AT)
    at_most = keys.need("at_most", bounds)
    keys.close()
    if at_most < at_least:
        what = f"`at_most` expects at least the {at_least} of `at_least`, not {at_most}"
        raise ReadError(Finding(node.entries["at_most"].place, what))
    return _Repeats(at_most, Until(within, at_least))


def _within(node: Node) -> float:
    written = node.text if isinstance(node, Scalar) else ""
    match = _UNTIL.fullmatch(written.strip())
    within = float(match[1]) / 100 if match else 0.0
    if not 0 < within <= _MOST_WITHIN:
        raise expected(node, "a width such as `ratio ±10 %`, above 0 % and up to 100 %")
    return within


def _search(node: Node) -> Search:
    keys = Keys(node)
    factor = keys.need("crossover", word(_searched()))
    between = keys.need("between", _between(_searched()[0]))
    keys.close()
    return Search(factor, between)


def _searched() -> tuple[str, ...]:
    """The factors whose levels are numbers of which there are always more in between."""
    return tuple(name for name, factor in FACTORS.items() if isinstance(factor.levels, Number))


def _between(factor: str) -> Reader[tuple[float, float]]:
    read_levels = list_of(level(factor))

    def read(node: Node) -> tuple[float, float]:
        ends = read_levels(node)
        if len(ends) != 2 or not float(ends[1]) - float(ends[0]) >= _LEAST_APART:
            assert isinstance(node, Items)
            wants = f"two levels, the lower one first, at least {_LEAST_APART:g} apart"
            raise ReadError(Finding(node.place, f"`between` expects {wants}"))
        return float(ends[0]), float(ends[1])

    return read


def unfit(
    root: Map,
    design: DesignAsked,
    claim: Claim | None,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    """Why a design that asks the results does not go with the rest of the experiment."""
    if not (design.until or design.search):
        return
    place = root.entries["design"].place
    asks = "until" if design.until else "search"
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
    if design.search:
        yield from _unfit_search(root, design.search, claim, setup, vary)


def _unfit_search(
    root: Map,
    search: Search,
    claim: Claim,
    setup: Mapping[str, Level],
    vary: Mapping[str, tuple[Level, ...]],
) -> Iterator[Finding]:
    if claim.factor == search.factor:
        what = f"the claim compares levels of `{search.factor}`, which is what is searched"
        yield Finding(root.entries["design"].place, what)
    for section, entries in (("setup", setup), ("vary", vary)):
        if search.factor in entries:
            node = root.entries[section].node
            assert isinstance(node, Map)
            what = f"`{search.factor}` stands in `{section}`, but the search chooses its levels"
            yield Finding(node.entries[search.factor].place, what, "remove it")
    if "also" in root.entries:
        what = "a search has no extra cells"
        yield Finding(root.entries["also"].place, what, "remove `also`")
