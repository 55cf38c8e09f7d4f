"""Two sessions side by side: the same cells, their ratio, and every difference of environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.axes import Axes, axes
from analysis.environment import Difference, differences
from analysis.inference import FAR, Kind, Observation, PairRatio, pairs
from analysis.report import findings
from analysis.report.blocks import (
    Block,
    Items,
    Report,
    Section,
    Strong,
    Table,
    Words,
    para,
    row,
)
from analysis.report.wording import NOTHING, between, mark, p_value, said, times
from analysis.report.write import Outcome, Written, write_report
from analysis.session import Session, read_session
from analysis.stats import median
from analysis.trials import Result, results
from rig.inference.ratios import CLAIMED
from rig.model import Level

SESSION, BEFORE, AFTER = "session", "before", "after"
SLOWER_BELOW = 1 / FAR
"""Without an interval between trials, a ratio below this is a regression."""


@dataclass(frozen=True)
class Side:
    """One of the two sessions."""

    session: Session
    results: tuple[Result, ...]

    def rate(self, levels: Mapping[str, Level]) -> float | None:
        """The median goodput of the valid trials at these levels."""
        own = (r for r in self.results if r.valid and _at(r.scheduled.levels, levels))
        return median(result.measures.goodput_rps for result in own)


@dataclass(frozen=True)
class Comparison:
    """What the two have in common, and what they do not."""

    before: Side
    after: Side
    layout: Axes
    pairs: tuple[PairRatio, ...]
    differences: tuple[Difference, ...]
    alone: tuple[str, ...]
    """Cells that only one of them has."""

    @property
    def slower(self) -> tuple[PairRatio, ...]:
        """Where the later one's goodput is lower."""
        return tuple(pair for pair in self.pairs if is_slower(pair))

    @property
    def outcome(self) -> Outcome:
        """Undecided where the two cannot be compared, or not everywhere."""
        if self.differences or not self.pairs or any(pair.ratio is None for pair in self.pairs):
            return Outcome.UNDECIDED
        return Outcome.SLOWER if self.slower else Outcome.OK


def is_slower(pair: PairRatio) -> bool:
    """Whether after ÷ before shows a regression."""
    if pair.ratio is None or pair.ratio >= 1:
        return False
    if pair.kind is Kind.BETWEEN_TRIALS:
        return pair.differs
    return pair.ratio < SLOWER_BELOW and (pair.high is None or pair.high < 1)


def compare(before: Path, after: Path) -> Written:
    """Writes `derived/compare-<before>.html` and `.md` of the later session.

    UsageError where either is no session.
    """
    comparison = compared(_side(before), _side(after))
    derived = after / "derived"
    derived.mkdir(exist_ok=True)
    name = f"compare-{before.name}"
    write_report(build(comparison), derived, name)
    says = [str(difference) for difference in comparison.differences]
    says = [f"environments differ: {line}" for line in says]
    says += [_line(comparison, pair) for pair in _ordered(comparison)]
    return Written(derived / f"{name}.html", derived / f"{name}.md", says, comparison.outcome)


def _side(folder: Path) -> Side:
    session = read_session(folder)
    return Side(session, results(session))


def compared(before: Side, after: Side) -> Comparison:
    """Pairs of the cells that both have; pure."""
    shared = [f.name for f in after.session.factors if before.session.factor(f.name)]
    lone = _lone_factors(before, after, shared)
    seen = [[_only(r.scheduled.levels, shared) for r in side.results] for side in (before, after)]
    found: list[Observation] = []
    for side, name in ((before, BEFORE), (after, AFTER)):
        found += _observations(side, name, shared)
    layout = axes(after.session)
    alone = [*(c for c in seen[0] if c not in seen[1]), *(c for c in seen[1] if c not in seen[0])]
    named = dict.fromkeys(", ".join(str(level) for level in cell.values()) for cell in alone)
    return Comparison(
        before,
        after,
        layout,
        pairs(found, SESSION, AFTER, BEFORE),
        (*differences(before.session, after.session, before.results, after.results), *lone),
        tuple(named),
    )


def _lone_factors(before: Side, after: Side, shared: Sequence[str]) -> list[Difference]:
    """Factors that only one session knows."""
    found = []
    for side, is_before in ((before, True), (after, False)):
        for factor in side.session.factors:
            if factor.name not in shared:
                levels = ", ".join(map(str, factor.levels)) or NOTHING
                ends = (levels, "not a factor") if is_before else ("not a factor", levels)
                found.append(Difference(factor.label, *ends))
    return found


def _only(levels: Mapping[str, Level], names: Sequence[str]) -> dict[str, Level]:
    return {name: levels[name] for name in names}


def _at(levels: Mapping[str, Level], wanted: Mapping[str, Level]) -> bool:
    return all(levels.get(name) == level for name, level in wanted.items())


def _observations(side: Side, name: str, shared: Sequence[str]) -> list[Observation]:
    return [
        Observation(
            levels={**_only(result.scheduled.levels, shared), SESSION: name},
            block=result.scheduled.block,
            value=result.measures.goodput_rps,
            valid=result.valid,
            failure_share=result.measures.failure_share,
            within=findings.within_of(result),
        )
        for result in side.results
    ]


def build(comparison: Comparison) -> Report:
    """The comparison as a report. Pure."""
    before, after = comparison.before.session, comparison.after.session
    sections = [_environment(comparison), _cells(comparison)]
    return Report(
        title=f"{after.name} compared with {before.name}",
        subtitle=(f"before: {before.experiment} {before.name} · "
                  f"after: {after.experiment} {after.name}",),
        sections=sections,
    )  # fmt: skip


def _environment(comparison: Comparison) -> Section:
    found = comparison.differences
    if not found:
        says = "Machine, versions, load and data are the same, as far as both sessions tell them."
        return Section("environment", "Environment", [para(says)])
    rows = [row(one.what, one.before, one.after) for one in found]
    blocks: list[Block] = [
        para(
            Strong("The environments differ. "),
            "Whatever differs below may come from these and not from the code:",
        ),
        Table(["what", "before", "after"], rows, numbers_from=3),
    ]
    return Section("environment", "Environment", blocks)


def _cells(comparison: Comparison) -> Section:
    if not comparison.pairs:
        return Section("cells", "Goodput, cell by cell", [para("They have no cell in common.")])
    heading = ["cell", "before /s", "after /s", "after ÷ before", "95 % interval", "p (Holm)",
               "says"]  # fmt: skip
    rows = [_row(comparison, pair) for pair in _ordered(comparison)]
    blocks: list[Block] = [
        Table(heading, rows, words_from=6, caption=_caption()),
    ]
    if comparison.alone:
        items: list[Words] = [(name,) for name in comparison.alone]
        blocks += [para("Only one of the two has these cells:"), Items(items)]
    return Section("cells", "Goodput, cell by cell", blocks)


def _caption() -> str:
    return (
        f"Slower: below 1 with Holm's p below {CLAIMED:g} where trials are repeated; with single "
        f"runs a ratio below {SLOWER_BELOW:.2g} whose interval within the trials stays below 1: "
        "equal trials of a busy machine may differ by almost that much."
    )


def _ordered(comparison: Comparison) -> list[PairRatio]:
    known = {f.name for f in comparison.after.session.factors}

    def key(pair: PairRatio) -> list[tuple[int, float, str]]:
        if known <= set(pair.levels):
            return comparison.layout.order(pair.levels)
        return [(0, 0.0, str(level)) for level in pair.levels.values()]

    return sorted(comparison.pairs, key=key)


def _row(comparison: Comparison, pair: PairRatio) -> tuple[Words, ...]:
    word = judged(pair)
    return (
        *row(_name(comparison, pair)),
        *row(said(comparison.before.rate(pair.levels)), said(comparison.after.rate(pair.levels))),
        *row(times(pair.ratio), between(pair.low, pair.high), p_value(pair.p_holm)),
        (mark(word), f" {pair.why_none}" if pair.why_none else ""),
    )


def judged(pair: PairRatio) -> str:
    """One word on a pair."""
    if pair.ratio is None:
        return "not measured"
    if is_slower(pair):
        return "slower"
    if pair.ratio > 1 and pair.differs:
        return "faster"
    return "no regression"


def _name(comparison: Comparison, pair: PairRatio) -> str:
    layout, levels = comparison.layout, pair.levels
    if any(factor.name not in levels for factor in comparison.after.session.factors):
        return ", ".join(str(level) for level in levels.values())
    parts = (layout.group(levels), layout.series(levels))
    return " · ".join(part for part in parts if part) or NOTHING


def _line(comparison: Comparison, pair: PairRatio) -> str:
    interval = f" ({between(pair.low, pair.high)})" if pair.low is not None else ""
    why = f": {pair.why_none}" if pair.why_none else ""
    return f"{_name(comparison, pair)}: {times(pair.ratio)}{interval} {judged(pair)}{why}"
