"""Two sessions side by side: the same cells, their ratio, and every difference of environment."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.comparisons import ratios
from analysis.comparisons.environment import EnvironmentChange, differences
from analysis.inference import FAR, Observation, PairRatio, pairs
from analysis.provenance import write_made
from analysis.reading.session import Session, read_session
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
from analysis.report.wording import NOTHING, between, digits, mark, p_value, times
from analysis.report.write import write_report
from analysis.summaries.layout import Layout, layout_of
from analysis.summaries.percentiles import median
from analysis.summaries.trials import SKIPPED, TrialResult, results
from analysis.tables import notes_of
from rig.disk.files import regular_files
from rig.inference.ratios import CLAIMED
from rig.model import DamagedFile, ExitCode, Level, ReportResult

SESSION, BEFORE, AFTER = "session", "before", "after"
SLOWER_BELOW = 1 / FAR
"""A ratio below this needs no p to be a regression: few repeats of many cells could not give one
however far it fell."""

SLOWER, FASTER, NO_REGRESSION = "slower", "faster", "no regression"
NOT_DECIDED, NOT_MEASURED = "not decided", "not measured"


@dataclass(frozen=True)
class Side:
    """One of the two sessions."""

    session: Session
    results: tuple[TrialResult, ...]

    def rate(self, levels: Mapping[str, Level]) -> float | None:
        """The median goodput of the valid trials at these levels."""
        own = (r for r in self.results if r.valid and _at(r.scheduled.levels, levels))
        return median(result.measures.goodput_rps for result in own)


@dataclass(frozen=True)
class Comparison:
    """What the two have in common, and what they do not."""

    before: Side
    after: Side
    layout: Layout
    pairs: tuple[PairRatio, ...]
    differences: tuple[EnvironmentChange, ...]
    lost: tuple[str, ...]
    """Cells that only the earlier one has."""
    new: tuple[str, ...]
    """Cells that only the later one has: nothing that it could be slower than."""

    @property
    def check(self) -> ExitCode:
        """Undecided where environments differ; else slower where any cell is, whatever is missing.

        Also undecided without a cell in common, where a cell of the earlier one is lost or has
        no ratio, and where one is neither slower nor shown not to be.
        """
        words = {judged(pair) for pair in self.pairs}
        if self.differences:
            return ExitCode.UNDECIDED
        if SLOWER in words:
            return ExitCode.SLOWER
        open_ = not words or self.lost or words & {NOT_DECIDED, NOT_MEASURED}
        return ExitCode.UNDECIDED if open_ else ExitCode.OK


def is_slower(pair: PairRatio) -> bool:
    """Whether after ÷ before shows a regression: by its p, or by how far it fell."""
    if pair.ratio is None or pair.ratio >= 1:
        return False
    far = pair.ratio < SLOWER_BELOW and (pair.high is None or pair.high < 1)
    return pair.differs or far


def compare(before: Path, after: Path) -> ReportResult:
    """Writes `derived/compare-<before>.html` and `.md` of the later session.

    UsageError where either is no session; DamagedFile where `derived` leads out of it.
    """
    comparison = compared(_side(before), _side(after))
    derived = after / "derived"
    if derived.is_symlink():
        raise DamagedFile(f"{derived} is a link, where a folder should be", "remove it")
    derived.mkdir(exist_ok=True)
    name = f"compare-{before.name}"
    with tempfile.TemporaryDirectory(prefix=".derived-", dir=after) as scratch:
        write_report(build(comparison), Path(scratch), name)
        made = [derived / path.relative_to(scratch) for path in regular_files(Path(scratch))]
        for path in made:
            path.parent.mkdir(exist_ok=True)
            Path(scratch, path.relative_to(derived)).replace(path)
    write_made(derived, made)
    messages = [str(difference) for difference in comparison.differences]
    messages = [f"environments differ: {line}" for line in messages]
    messages += [
        f"{side.session.name}: {note}"
        for side in (comparison.before, comparison.after)
        for note in notes_of(side.session, side.results)
    ]
    messages += [f"not in the later session: {cell}" for cell in comparison.lost]
    messages += [_line(comparison, pair) for pair in _ordered(comparison)]
    return ReportResult(
        derived / f"{name}.html", derived / f"{name}.md", messages, comparison.check
    )


def _side(folder: Path) -> Side:
    session = read_session(folder)
    return Side(session, results(session))


def compared(before: Side, after: Side) -> Comparison:
    """Pairs of the cells that both have; pure."""
    shared = [f.name for f in after.session.factors if before.session.factor(f.name)]
    lone = _lone_factors(before, after, shared)
    old, new = ([_only(r.scheduled.levels, shared) for r in _ran(s)] for s in (before, after))
    found: list[Observation] = []
    for side, name in ((before, BEFORE), (after, AFTER)):
        found += _observations(side, name, shared)
    return Comparison(
        before,
        after,
        layout_of(after.session),
        pairs(found, SESSION, AFTER, BEFORE),
        (*differences(before.session, after.session, before.results, after.results), *lone),
        _missing(old, new),
        _missing(new, old),
    )


def _lone_factors(before: Side, after: Side, shared: Sequence[str]) -> list[EnvironmentChange]:
    """Factors that only one session knows."""
    found = []
    for side, is_before in ((before, True), (after, False)):
        for factor in side.session.factors:
            if factor.name not in shared:
                levels = ", ".join(map(str, factor.levels)) or NOTHING
                ends = (levels, "not a factor") if is_before else ("not a factor", levels)
                found.append(EnvironmentChange(factor.label, *ends))
    return found


def _missing(
    cells: Sequence[Mapping[str, Level]], there: Sequence[Mapping[str, Level]]
) -> tuple[str, ...]:
    """Those of the cells that are not `there`, each once and by its levels."""
    gone = (", ".join(map(str, cell.values())) for cell in cells if cell not in there)
    return tuple(dict.fromkeys(gone))


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
            within=ratios.within_of(result),
            answers=result.measures.successes,
        )
        for result in _ran(side)
    ]


def _ran(side: Side) -> list[TrialResult]:
    """All but what was skipped for a stated reason: it asks nothing of the other side."""
    return [result for result in side.results if result.verdict != SKIPPED]


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
        words = (
            "Machine, versions, load and data are the same, as far as both sessions record them."
        )
        return Section("environment", "Environment", [para(words)])
    rows = [row(one.what, one.before, one.after) for one in found]
    blocks: list[Block] = [
        para(
            Strong("The environments differ. "),
            "A difference in goodput may come from these and not from the code:",
        ),
        Table(["difference", "before", "after"], rows, numbers_from=3),
    ]
    return Section("environment", "Environment", blocks)


def _cells(comparison: Comparison) -> Section:
    if not comparison.pairs:
        return Section(
            "cells", "Goodput of each cell", [para("The two sessions have no cell in common.")]
        )
    heading = ["cell", "before /s", "after /s", "after ÷ before", "95 % interval", "p (Holm)",
               "verdict"]  # fmt: skip
    rows = [_row(comparison, pair) for pair in _ordered(comparison)]
    blocks: list[Block] = [
        Table(heading, rows, words_from=6, caption=_caption()),
    ]
    for which, names in (("earlier", comparison.lost), ("later", comparison.new)):
        if names:
            items: list[Words] = [(name,) for name in names]
            blocks += [para(f"Only the {which} session has these cells:"), Items(items)]
    return Section("cells", "Goodput of each cell", blocks)


def _caption() -> str:
    return (
        f"Slower: below 1 with Holm's p below {CLAIMED:g}, or below {SLOWER_BELOW:.2g} with an "
        f"interval that stays below 1. No regression: the interval stays above {SLOWER_BELOW:.2g}. "
        "Not decided: neither; more repeats narrow the interval. Single runs have no p, and an "
        "interval from within the trial. On a busy machine equal trials may differ by almost a "
        f"factor of {FAR:g}."
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
        *row(
            digits(comparison.before.rate(pair.levels)), digits(comparison.after.rate(pair.levels))
        ),
        *row(times(pair.ratio), between(pair.low, pair.high), p_value(pair.p_holm)),
        (mark(word), f" {_reason(pair)}" if _reason(pair) else ""),
    )


def judged(pair: PairRatio) -> str:
    """One word on a pair; none for a side whose valid trials are not all in the ratio."""
    if pair.ratio is None:
        return NOT_MEASURED
    if pair.silent[0 if pair.ratio >= SLOWER_BELOW else 1]:
        return NOT_DECIDED
    if is_slower(pair):
        return SLOWER
    if pair.ratio > 1 and pair.differs:
        return FASTER
    low = pair.ratio if pair.low is None else pair.low
    return NO_REGRESSION if low >= SLOWER_BELOW else NOT_DECIDED


def _name(comparison: Comparison, pair: PairRatio) -> str:
    layout, levels = comparison.layout, pair.levels
    if any(factor.name not in levels for factor in comparison.after.session.factors):
        return ", ".join(str(level) for level in levels.values())
    parts = (layout.group(levels), layout.series(levels))
    return " · ".join(part for part in parts if part) or NOTHING


def _line(comparison: Comparison, pair: PairRatio) -> str:
    interval = f" ({between(pair.low, pair.high)})" if pair.low is not None else ""
    reason = f": {_reason(pair)}" if _reason(pair) else ""
    return f"{_name(comparison, pair)}: {times(pair.ratio)}{interval} {judged(pair)}{reason}"


def _reason(pair: PairRatio) -> str:
    return pair.no_ratio_reason or pair.failing
