"""What only shows in combination: factors named twice or not at all, impossible cells.

Looks at sections that are right by themselves. May not know PyYAML.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rig.config.document import Map
from rig.config.findings import Finding, Place
from rig.config.matrix import MOST_TRIALS, Extra, base_cells, extra_cells
from rig.factors import FACTORS, impossible
from rig.model import Level
from rig.plan import Cell, Target

MOST_CELLS = 10_000
MOST_EXTRAS = 50
MOST_IMPOSSIBLE = 1000
"""Cells of which it is said why: with so many of them the file is another one soon."""

Setup = Mapping[str, Level]
Vary = Mapping[str, tuple[Level, ...]]


def combined(
    root: Map,
    setup: Setup,
    vary: Vary,
    also: tuple[Extra, ...],
    targets: Mapping[str, Target],
    times: int,
) -> Iterator[Finding]:
    """Everything wrong with the cells of one experiment, each measured so many times."""
    for found in _wrong(root, setup, vary, also, targets, times):
        yield replace(found, once=True)


def _wrong(
    root: Map,
    setup: Setup,
    vary: Vary,
    also: tuple[Extra, ...],
    targets: Mapping[str, Target],
    times: int,
) -> Iterator[Finding]:
    wrong = [*_named_twice(root, setup, vary), *_named_nowhere(root, setup, vary)]
    count = math.prod(len(levels) for levels in vary.values())
    if count > MOST_CELLS:
        what = f"`vary` makes {count} cells, expected at most {MOST_CELLS}"
        wrong.append(Finding(root.entries["vary"].place, what))
    if len(also) > MOST_EXTRAS:
        what = f"`also` has {len(also)} extras, expected at most {MOST_EXTRAS}"
        wrong.append(Finding(root.entries["also"].place, what))
    yield from wrong
    if not wrong:
        base = base_cells(setup, vary)
        there = {cell.values for cell in base}
        extras = []
        for extra in also:
            extras.append((extra, extra_cells(base, extra)))
            there |= {cell.values for cell in extras[-1][1]}
            if len(there) > MOST_CELLS:
                what = f"`vary` and `also` make more than {MOST_CELLS} cells"
                yield Finding(root.entries["also"].place, what)
                return
        if (count := len(there) * times) > MOST_TRIALS:
            what = f"{len(there)} cells, {times} times each, make {count} trials"
            place = root.entries["design"].place
            yield Finding(place, f"{what}, expected at most {MOST_TRIALS}")
        yield from _cells(root, base, extras, targets)


def _named_twice(root: Map, setup: Setup, vary: Vary) -> Iterator[Finding]:
    for name in vary:
        if name in setup:
            places = [_section(root, part).entries[name].place for part in ("setup", "vary")]
            what = f"`{name}` stands in `setup` and in `vary`"
            yield Finding(max(places), what, "leave it in one of them")


def _named_nowhere(root: Map, setup: Setup, vary: Vary) -> Iterator[Finding]:
    for name, factor in FACTORS.items():
        needed = factor.default is None and not factor.absent
        if needed and name not in setup and name not in vary:
            what = f"`{name}` is missing"
            yield Finding(root.place, what, "name it in `setup` or in `vary`")


def _cells(
    root: Map,
    base: tuple[Cell, ...],
    also: Sequence[tuple[Extra, tuple[Cell, ...]]],
    targets: Mapping[str, Target],
) -> Iterator[Finding]:
    there = {cell.values for cell in base}
    listed: set[str] = set()
    for what, factors in _impossible(base, targets, listed):
        yield Finding(_place(root, factors), what)
    for extra, added in also:
        entry = _section(root, "also").entries[extra.name]
        if not added and isinstance(entry.node, Map):
            place = entry.node.entries["only"].place
            yield Finding(place, f"`only` of extra `{extra.name}` matches no cell")
        elif added and {cell.values for cell in added} <= there:
            assert isinstance(entry.node, Map)
            place = entry.node.entries["set"].place
            yield Finding(place, f"`set` of extra `{extra.name}` makes no new cell")
        for what, _ in _impossible(added, targets, listed):
            yield Finding(entry.place, f"extra `{extra.name}`: {what}")


def _impossible(
    cells: tuple[Cell, ...], targets: Mapping[str, Target], listed: set[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What each impossible combination is called, once, and the factors that make it so."""
    those = (cell for cell in cells if impossible(cell.levels, targets))
    for cell in itertools.islice(those, MOST_IMPOSSIBLE):
        reason = impossible(cell.levels, targets)
        factors = _decisive(cell.levels, reason, targets)
        levels = ", ".join(f"{name} {cell.levels[name]}" for name in factors)
        what = f"{levels} cannot be: {reason}"
        if what not in listed:
            listed.add(what)
            yield what, factors


def _decisive(
    levels: Mapping[str, Level], reason: str, targets: Mapping[str, Target]
) -> tuple[str, ...]:
    """The factors at another level of which it were possible, or at least for another reason."""

    def instead(name: str) -> set[str]:
        factor = FACTORS[name]
        others = (*factor.levels.words(()), "" if factor.default is None else factor.default)
        return {impossible({**levels, name: other}, targets) for other in others}

    reasons = {name: instead(name) for name in levels}
    possible = tuple(name for name, found in reasons.items() if "" in found)
    return possible or tuple(name for name, found in reasons.items() if found - {reason})


def _place(root: Map, factors: tuple[str, ...]) -> Place:
    """Where to mend a combination: the `vary` entry that takes part in it, else `setup`'s."""
    for part in ("vary", "setup"):
        section = root.entries.get(part)
        entries = section.node.entries if section and isinstance(section.node, Map) else {}
        for name, entry in entries.items():
            if name in factors:
                return entry.place
    return root.place


def _section(root: Map, name: str) -> Map:
    node = root.entries[name].node
    assert isinstance(node, Map)
    return node
