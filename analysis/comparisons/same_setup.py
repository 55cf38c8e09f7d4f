"""Was the same thing compared? The facts of both sides of a ratio, held against each other.

Pure. A difference is *declared* where a factor in which the sides differ makes it, *inherent*
where a target's `target.yaml` says so, and *undeclared* otherwise: then the comparison loses its
label. May not know numbers of speed, nor where its words are printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.comparisons.pairs import CLAIM, Pair
from analysis.reading.attempt_setup import AttemptSetup, RoundTrips
from analysis.reading.session import Claim, Session
from analysis.summaries.cells import CellResult
from analysis.summaries.csv_rows import Row
from analysis.summaries.layout import Layout
from rig.model import Level

SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"

NEEDED = ("app", "database", "cpus", "load", "data", "delay", "route", "answer")
"""Sections without which nobody can say that the same thing was compared."""

VOLATILE = frozenset(
    {
        *("pid", "parent_pid", "roles"),  # process ids
        *("listen_addr", "listen_addresses", "port"),  # addresses
        *("open_connections", "idle_connections", "kept_idle_connections"),  # of the moment
    }
)
"""Facts that differ from one start of the same thing to the next, by their last name."""

ABSENT = "(absent)"
MOST_NAMED, MOST_CHARACTERS = 4, 60
COLUMNS_AFTER = (
    *("asked_by", "factor", "numerator", "denominator", "verdict"),
    *("undeclared", "inherent", "declared", "unknown"),
    *("statements_numerator", "statements_denominator"),
    *("round_trips_numerator", "round_trips_denominator"),
)


@dataclass(frozen=True)
class Difference:
    """A fact that is not the same on both sides; values as text, several joined by ` and `."""

    path: str
    numerator: str
    denominator: str

    def __str__(self) -> str:
        return f"{self.path} {_short(self.numerator)} vs {_short(self.denominator)}"


@dataclass(frozen=True)
class Comparison:
    """One pair of cells. `levels`: those that both have."""

    pairing: Pair
    levels: Mapping[str, Level]
    inherent: tuple[Difference, ...] = ()
    """Of which a target says that they are its nature."""
    declared: tuple[Difference, ...] = ()
    """Which a factor in which they differ makes."""
    undeclared: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()
    """What could not be compared: sections that a side does not tell of."""
    statements: tuple[str, str] = ("", "")
    """Per request, as counted: `2` or `1.9 to 2.1`; empty where not counted."""
    round_trips: tuple[float | None, float | None] = (None, None)
    """Per request, as measured."""

    @property
    def cells(self) -> tuple[str, str]:
        """The ids of numerator and denominator."""
        return self.pairing.over.cell, self.pairing.under.cell

    @property
    def verdict(self) -> str:
        """`different` outweighs `unknown`."""
        return DIFFERENT if self.undeclared else UNKNOWN if self.unknown else SAME

    @property
    def same(self) -> bool:
        """Whether it keeps its label."""
        return self.verdict == SAME


def compared(
    session: Session,
    pairings: Sequence[Pair],
    setups: Mapping[str, AttemptSetup],
    trips: Sequence[RoundTrips] = (),
) -> tuple[Comparison, ...]:
    """Every pair of cells that both have a valid trial.

    `setups`: of each valid trial, by its name.
    """
    return tuple(
        _compare(session, pairing, setups, trips)
        for pairing in pairings
        if pairing.over.valid and pairing.under.valid
    )


def comparison_columns(session: Session) -> tuple[str, ...]:
    """The columns of `comparisons.csv`, in order."""
    factors = (factor.name for factor in session.factors)
    return ("numerator_cell", "denominator_cell", *factors, *COLUMNS_AFTER)


def comparison_rows(session: Session, found: Sequence[Comparison]) -> Iterator[Row]:
    """The lines of `comparisons.csv`; the columns of the factors compared are empty."""
    for one in found:
        over, under = one.pairing.over.levels, one.pairing.under.levels
        differing = one.pairing.factors
        row: dict[str, Level | None] = dict.fromkeys(comparison_columns(session))
        row |= {"numerator_cell": one.cells[0], "denominator_cell": one.cells[1], **one.levels}
        row |= {"asked_by": one.pairing.asked_by, "factor": ", ".join(differing)}
        row["numerator"] = ", ".join(str(over[name]) for name in differing)
        row["denominator"] = ", ".join(str(under[name]) for name in differing)
        row |= {"verdict": one.verdict, "unknown": "; ".join(one.unknown)}
        for name in ("undeclared", "inherent", "declared"):
            row[name] = "; ".join(map(str, getattr(one, name)))
        for index, side in enumerate(("numerator", "denominator")):
            row[f"statements_{side}"] = one.statements[index]
            row[f"round_trips_{side}"] = one.round_trips[index]
        yield row


def claimed_of(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Those that the claim asks for."""
    return tuple(one for one in found if one.pairing.asked_by == CLAIM)


def labels(session: Session, found: Sequence[Comparison], *, values: bool) -> list[str]:
    """One sentence for each pair of the claim whose sides are comparable, or not known well enough.

    Equal sentences once. `values`: also the values of differences by design, not their names alone.
    """
    counts: dict[str, int] = {}
    asked, sides = claimed_of(found), session.claimed_ratio.replace("÷", "and")
    for one in asked:
        if one.undeclared:
            continue
        natural = [str(each) if values else each.path for each in one.inherent]
        text = "the same thing was compared"
        if one.unknown:
            text = f"not known whether {text} (no facts about {', '.join(one.unknown)})"
        text += f"; different by design: {', '.join(natural)}" if natural else ""
        counts[text] = counts.get(text, 0) + 1
    return [
        f"{sides}: {text}" + (f" ({count} of {len(asked)} pairs)" if count < len(asked) else "")
        for text, count in counts.items()
    ]


def lost_labels(session: Session, layout: Layout, found: Sequence[Comparison]) -> list[str]:
    """A sentence on every pair of the claim that has lost its label, and by what."""
    claim = session.claim
    if claim is None:
        return []
    return [
        f"NOT the same thing compared ({pair_name(claim, layout, one)}): {named(one.undeclared)}"
        for one in claimed_of(found)
        if one.undeclared
    ]


def pair_name(claim: Claim, layout: Layout, one: Comparison) -> str:
    """What tells a pair from others: `io_create · added delay 100 ms`."""
    levels = {**one.levels, claim.factor: claim.numerator}
    return " · ".join(filter(None, [layout.group(levels), *layout.differs(levels)]))


def named(differences: Sequence[Difference]) -> str:
    """Differences in words, the first few of many."""
    named = [str(difference) for difference in differences[:MOST_NAMED]]
    more = len(differences) - len(named)
    return "; ".join([*named, *([f"{more} more in comparisons.csv"] if more else [])])


def _compare(
    session: Session, pairing: Pair, setups: Mapping[str, AttemptSetup], trips: Sequence[RoundTrips]
) -> Comparison:
    over, under, differing = pairing.over, pairing.under, pairing.factors
    factors = [session.factor(name) for name in differing]
    of_factors = [path for factor in factors if factor for path in factor.facts]
    sides = [[setups[r.scheduled.trial] for r in cell.valid] for cell in (over, under)]
    targets_differ = "target" in differing
    by_nature = {path for side in sides for one in side for path in one.inherent}
    kinds: dict[str, list[Difference]] = {"inherent": [], "declared": [], "undeclared": []}
    for difference in (*_differences(*sides), *_statements_differ(*sides)):
        if _covered(difference.path, of_factors):
            kinds["declared"].append(difference)
        elif targets_differ and _covered(difference.path, by_nature):
            kinds["inherent"].append(difference)
        else:
            kinds["undeclared"].append(difference)
    unknown = [name for name in NEEDED if not all(_tells(side, name) for side in sides)]
    unknown += [] if all(_counted(side)[2] for side in sides) else ["statements"]
    return Comparison(
        pairing,
        {name: level for name, level in over.levels.items() if name not in differing},
        **{name: tuple(found) for name, found in kinds.items()},
        unknown=tuple(unknown),
        statements=(_counted(sides[0])[2], _counted(sides[1])[2]),
        round_trips=(_trips(over, trips), _trips(under, trips)),
    )


def _tells(side: Sequence[AttemptSetup], section: str) -> bool:
    return all(section in one.parts for one in side)


def _differences(
    over: Sequence[AttemptSetup], under: Sequence[AttemptSetup]
) -> Iterator[Difference]:
    """Leaves that are not one and the same value in all attempts of both sides."""
    flats = [[dict(_flat(one.parts)) for one in side] for side in (over, under)]
    silent = {name for name in NEEDED if not (_tells(over, name) and _tells(under, name))}
    paths = dict.fromkeys(path for side in flats for flat in side for path in flat)
    for path in sorted(paths):
        if path.partition(".")[0] in silent:
            continue
        one, other = ({flat.get(path, ABSENT) for flat in side} for side in flats)
        if one != other or len(one) > 1:
            yield Difference(path, " and ".join(sorted(one)), " and ".join(sorted(other)))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted path and text of every leaf; an empty map and a list are leaves."""
    if path.rpartition(".")[2] in VOLATILE:
        return
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _covered(path: str, by: Sequence[str] | set[str]) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in by)


def _counted(side: Sequence[AttemptSetup]) -> tuple[float, float, str]:
    """Statements per request over a side's attempts: at least, at most, in words."""
    ranges = [one.statements for one in side if one.statements is not None]
    if not ranges or len(ranges) < len(side):
        return 0.0, float("inf"), ""
    least, most = min(low for low, _ in ranges), max(high for _, high in ranges)
    return least, most, f"{least:.3g}" if least == most else f"{least:.3g} to {most:.3g}"


def _statements_differ(
    over: Sequence[AttemptSetup], under: Sequence[AttemptSetup]
) -> Iterator[Difference]:
    """Counted statements, where no number of them per request fits both sides.

    Requests without a known answer may have sent theirs or not, so that each side is a range.
    """
    one, other = _counted(over), _counted(under)
    if max(one[0], other[0]) > min(one[1], other[1]):
        yield Difference("statements", one[2], other[2])


def _trips(cell: CellResult, trips: Sequence[RoundTrips]) -> float | None:
    """Of the calibrated stack that names most of the cell's levels, and none of another."""
    fitting = [
        one
        for one in trips
        if all(cell.levels.get(name) == level for name, level in one.levels.items())
    ]
    return max(fitting, key=lambda one: len(one.levels)).trips if fitting else None


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
