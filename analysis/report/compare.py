"""An earlier and a later version side by side: the same cells, their ratio, every difference of
environment."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from analysis.comparisons.versions import (
    CAPACITY,
    GOODPUT,
    SLOWER_BELOW,
    ComparedCell,
    Comparison,
    compared,
    read_version,
)
from analysis.inference import CLAIMED, TRIAL_CV
from analysis.provenance import write_provenance
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
from analysis.report.wording import NOTHING, between, digits, mark, p_value, percent, times
from analysis.report.write import write_report
from analysis.tables import notes_of
from rig.disk.files import regular_files
from rig.model import DamagedFile, ReportResult

ALONE = (
    "One session each: what a whole session shares, like its host's neighbours, is in no interval.",
    "So nobody can tell a change of the code from one of the machine.",
    "Two ways tell: several sessions of each, as in `compare A1,A2,A3 B1,B2,B3`.",
    "Or both versions in one session, in turns: vary target: [old, new], and claim their ratio.",
)

TITLES = {
    GOODPUT: ("Goodput of each cell", "cells"),
    CAPACITY: ("Capacity of each deployment", "deployments"),
}


def compare(before: Sequence[Path], after: Sequence[Path]) -> ReportResult:
    """Writes `derived/compare-<before>.html` and `.md` of the last later session; the name is that
    of the first earlier one.

    UsageError where one is no session; DamagedFile where `derived` leads out of it.
    """
    comparison = compared(read_version(before), read_version(after))
    derived = after[-1] / "derived"
    if derived.is_symlink():
        raise DamagedFile(f"{derived} is a link, where a folder should be", "remove it")
    derived.mkdir(exist_ok=True)
    name = f"compare-{before[0].name}"
    with tempfile.TemporaryDirectory(prefix=".derived-", dir=after[-1]) as scratch:
        write_report(build(comparison), Path(scratch), name)
        made = [derived / path.relative_to(scratch) for path in regular_files(Path(scratch))]
        for path in made:
            path.parent.mkdir(exist_ok=True)
            Path(scratch, path.relative_to(derived)).replace(path)
    write_provenance(derived, made)
    return ReportResult(
        derived / f"{name}.html", derived / f"{name}.md", _messages(comparison), comparison.check
    )


def _messages(comparison: Comparison) -> list[str]:
    messages = [f"environments differ: {difference}" for difference in comparison.differences]
    messages += [
        f"{one.session.name}: {note}"
        for version in (comparison.before, comparison.after)
        for one in version.sessions
        for note in notes_of(one.session, one.results)
    ]
    messages += [f"not in the later session: {cell}" for cell in comparison.lost]
    messages += [_line(comparison, cell) for cell in _ordered(comparison)]
    return [*messages, *(ALONE if comparison.alone else ())]


def build(comparison: Comparison) -> Report:
    """The comparison as a report. Pure."""
    before, after = comparison.before, comparison.after
    experiments = [of.sessions[0].session.experiment for of in (before, after)]
    sections = [_environment(comparison), _cells(comparison)]
    return Report(
        title=f"{after.names} compared with {before.names}",
        subtitle=(f"before: {experiments[0]} {before.names} · "
                  f"after: {experiments[1]} {after.names}",),
        sections=sections,
    )  # fmt: skip


def _environment(comparison: Comparison) -> Section:
    found = comparison.differences
    if not found:
        words = "Machine, versions, load and data are the same, as far as the sessions record them."
        return Section("environment", "Environment", [para(words)])
    rows = [row(one.what, one.before, one.after) for one in found]
    blocks: list[Block] = [
        para(
            Strong("The environments differ. "),
            f"A difference in {comparison.of} may come from these and not from the code:",
        ),
        Table(["difference", "before", "after"], rows, numbers_from=3),
    ]
    return Section("environment", "Environment", blocks)


def _cells(comparison: Comparison) -> Section:
    title, cells = TITLES[comparison.of]
    if not comparison.cells:
        return Section("cells", title, [para(f"The two sessions have no {cells[:-1]} in common.")])
    heading = [cells[:-1], "before /s", "after /s", "after ÷ before", "95 % interval", "p (Holm)",
               "verdict"]  # fmt: skip
    rows = [_row(comparison, cell) for cell in _ordered(comparison)]
    lead: list[Block] = [para(" ".join(ALONE))] if comparison.alone else []
    blocks: list[Block] = [*lead, Table(heading, rows, words_from=6, caption=_caption(comparison))]
    for which, names in (("earlier", comparison.lost), ("later", comparison.new)):
        if names:
            items: list[Words] = [(name,) for name in names]
            blocks += [para(f"Only the {which} session has these {cells}:"), Items(items)]
    return Section("cells", title, blocks)


def _caption(comparison: Comparison) -> str:
    if comparison.alone:
        return (
            "Slower: fell by more than sessions and runs that scatter by "
            f"{percent(TRIAL_CV)} do, all cells asked about together. Cannot tell: the rest."
        )
    return (
        "The interval is from how much sessions of one version differ. "
        f"Slower: below 1 with Holm's p below {CLAIMED:g}, or below {SLOWER_BELOW:.2g} with an "
        f"interval that stays below 1. No regression: the interval stays above {SLOWER_BELOW:.2g}. "
        "Not decided: neither; more sessions narrow the interval."
    )


def _ordered(comparison: Comparison) -> list[ComparedCell]:
    known = {f.name for f in comparison.after.sessions[-1].session.factors}

    def key(cell: ComparedCell) -> list[tuple[int, float, str]]:
        levels = cell.pair.levels
        if known <= set(levels):
            return comparison.layout.order(levels)
        return [(0, 0.0, str(level)) for level in levels.values()]

    return sorted(comparison.cells, key=key)


def _row(comparison: Comparison, cell: ComparedCell) -> tuple[Words, ...]:
    pair = cell.pair
    return (
        *row(_name(comparison, cell), digits(cell.before_per_s), digits(cell.after_per_s)),
        *row(times(pair.ratio), between(pair.low, pair.high), p_value(pair.p_holm)),
        (mark(cell.word), f" {cell.reason}" if cell.reason else ""),
    )


def _name(comparison: Comparison, cell: ComparedCell) -> str:
    layout, levels = comparison.layout, cell.pair.levels
    if comparison.of == CAPACITY:
        return layout.deployment(levels)
    if any(f.name not in levels for f in comparison.after.sessions[-1].session.factors):
        return ", ".join(str(level) for level in levels.values())
    parts = (layout.group(levels), layout.series(levels))
    return " · ".join(part for part in parts if part) or NOTHING


def _line(comparison: Comparison, cell: ComparedCell) -> str:
    pair = cell.pair
    interval = f" ({between(pair.low, pair.high)})" if pair.low is not None else ""
    reason = f": {cell.reason}" if cell.reason else ""
    return f"{_name(comparison, cell)}: {times(pair.ratio)}{interval} {cell.word}{reason}"
