"""Where one target overtakes the other, for each route; "none in range" is an answer."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from analysis.figures import crossover
from analysis.figures.crossover import Drawn
from analysis.inference import Crossover, Outcome
from analysis.reading.session import Claim, Searched
from analysis.report.blocks import Absent, Figure, Section, Table, Words, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, between, digits
from rig.model import Level

TITLE = "Crossover"
FEWEST = 3
"""Pairs below which a line has no interval."""
NEAR = 5.0
"""Crossovers up to this multiple of what a delay is off by are remarked on."""


def section(inputs: ReportInputs) -> Section | Absent:
    """A row and a drawing per combination of the other factors, for sessions that searched."""
    search, claim = inputs.session.search, inputs.session.claim
    if search is None or claim is None:
        return Absent(TITLE, "not searched; experiments/crossover.yaml does it")
    if not inputs.crossovers:
        return Absent(TITLE, "no pair of valid trials yet")
    factor = inputs.session.factor(search.factor)
    along = factor.axis if factor else search.factor
    drawn = [
        Drawn(_where(inputs, one.levels), along, search.between, one) for one in inputs.crossovers
    ]
    figure = Figure(
        crossover.draw(drawn),
        alt=f"Ratio {inputs.session.claimed_ratio} along {along}",
        name="crossover",
        caption="Dots: pairs of trials of one block. Band: 95 % interval of the crossover.",
        columns=crossover.COLUMNS,
        rows=crossover.rows(drawn),
    )
    unit = f" {factor.unit}" if factor and factor.unit else ""
    heading = ["where", f"crossover,{unit or ' level'}", "95 % interval", "pairs", "explanation"]
    table = Table(heading, [_row(one) for one in drawn], words_from=4)
    return Section("crossover", TITLE, [para(_lead(claim, search, unit)), table, figure])


def sentences(inputs: ReportInputs) -> list[str]:
    """One sentence for each crossover that was searched."""
    search = inputs.session.search
    if search is None or inputs.session.claim is None:
        return []
    factor = inputs.session.factor(search.factor)
    unit = f" {factor.unit}" if factor and factor.unit else ""
    longer_ms = _longer_ms(inputs) if search.factor == "delay_ms" else 0.0
    return [
        f"{_where(inputs, one.levels)}: {_crossing(one, unit)}{_small(one, longer_ms)}."
        for one in inputs.crossovers
    ]


def _small(found: Crossover, longer_ms: float) -> str:
    """A remark where a delay is so small that what was measured is another one."""
    if found.at is None or found.at > NEAR * longer_ms:
        return ""
    return f". Such small delays were measured {longer_ms:.2g} ms longer than asked"


def _longer_ms(inputs: ReportInputs) -> float:
    """By how much small added delays were longer than asked, as a median; 0 where none was set."""
    found = [
        measured - float(asked)
        for result in inputs.results
        if (measured := result.measures.measured_delay_ms) is not None
        and not isinstance(asked := result.scheduled.levels["delay_ms"], str)
        and asked
    ]
    return max(0.0, statistics.median(found)) if found else 0.0


def _crossing(found: Crossover, unit: str) -> str:
    if found.at is None:
        few = len(found.points) < FEWEST and found.outcome is not Outcome.NOT_MEASURED
        return found.conclusion + (" (one pair of trials at each end, no interval)" if few else "")
    bounds = f" (95 %: {between(found.low, found.high, unit)})"
    return "; ".join(filter(None, [f"{found.finding} at {digits(found.at)}{unit}{bounds}",
                                   found.caveat]))  # fmt: skip


def _lead(claim: Claim, search: Searched, unit: str) -> str:
    low, high = search.between
    return (
        f"Crossover: where {claim.of} of {claim.numerator} passes that of {claim.denominator}. "
        f"The search runs between {low:g} and {high:g}{unit}. Each pair of trials stands where "
        "the earlier pairs suggest the crossover."
    )


def _where(inputs: ReportInputs, levels: Mapping[str, Level]) -> str:
    """The levels that vary between crossovers, in words."""
    several = {
        name
        for name in levels
        if len({one.levels.get(name) for one in inputs.crossovers}) > 1 or name == "route"
    }
    factors = [factor for factor in inputs.session.factors if factor.name in several]
    return " · ".join(factor.say(levels[factor.name]) for factor in factors) or "everywhere"


def _row(drawn: Drawn) -> tuple[Words, ...]:
    found = drawn.crossover
    return row(
        drawn.group,
        digits(found.at) if found.at is not None else found.outcome.value,
        between(found.low, found.high),
        str(len(found.points)),
        found.conclusion or NOTHING,
    )
