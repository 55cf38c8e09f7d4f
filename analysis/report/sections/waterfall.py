"""Which step owns how much of the gap between a plain synchronous stack and a pooled async one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.comparisons import ratios
from analysis.comparisons.pairs import (
    WATERFALL_STEP,
    Pair,
    Stage,
    Waterfall,
    waterfalls,
)
from analysis.comparisons.same_setup import UNKNOWN, Comparison, named
from analysis.figures import waterfall as drawing
from analysis.figures.waterfall import Step
from analysis.inference import PairRatio
from analysis.report.blocks import Absent, Block, Figure, Section, Strong, Table, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, between, bounded, digits, percent, times

TITLE = "Contribution of each step"


def section(inputs: ReportInputs) -> Section | Absent:
    """A waterfall per combination of the other factors."""
    found = waterfalls(inputs.session, inputs.layout, inputs.cells)
    if not found:
        return Absent(TITLE, "not in this session; experiments/ablation.yaml measures the steps")
    climbed = [_steps(inputs, waterfall) for waterfall in found]
    figure = Figure(
        drawing.draw(climbed),
        alt="Waterfall of the steps from sync to async",
        name="waterfall",
        caption="Each bar goes from the previous step to this one. Whisker: 95 % interval of the "
        "step's ratio. Percentages: shares of the log of the whole gap.",
        columns=drawing.COLUMNS,
        rows=[line for steps in climbed for line in drawing.rows(steps)],
    )
    both = list(zip(found, climbed, strict=True))
    blocks: list[Block] = [para(_verdict(inputs, *one)) for one in both]
    blocks += [figure, _table(climbed)]
    blocks += [para(line) for waterfall in found for line in _sql_beside_orm(inputs, waterfall)]
    return Section("waterfall", TITLE, [*blocks, *_same(inputs, found)])


def _steps(inputs: ReportInputs, waterfall: Waterfall) -> tuple[Step, ...]:
    by_cell = {
        step.over.cell: ratios.cell_ratio(inputs.session, step, ("this", "the one before"))
        for step in waterfall.steps
    }
    return drawing.data(
        waterfall.group,
        [
            (stage.name, stage.goodput_rps, by_cell.get(stage.cell.cell))
            for stage in waterfall.stages
            if stage.cell
        ],
    )


def _verdict(inputs: ReportInputs, waterfall: Waterfall, steps: Sequence[Step]) -> str:
    first, last = waterfall.measured[0], waterfall.measured[-1]
    whole = _ratio(inputs, last, first)
    owned = [step for step in steps if step.share is not None]
    if not owned or whole.ratio is None or abs(whole.ratio - 1) < 0.1:
        return f"{waterfall.group}: first and last step are nearly equal ({times(whole.ratio)})."
    words = f"{waterfall.group}: {bounded(whole)} from {_ends(waterfall)}. "
    words += f"{_leaps(waterfall)}{_largest(owned, waterfall)}"
    return words + _without_async(inputs, waterfall)


def _ends(waterfall: Waterfall) -> str:
    first, last = waterfall.measured[0], waterfall.measured[-1]
    if (first, last) == (waterfall.stages[0], waterfall.stages[-1]):
        return "the first step to the last"
    return f"“{first.label}” to “{last.label}”. The other steps have no rate"


def _leaps(waterfall: Waterfall) -> str:
    """Whose gain a step holds beside its own, because nothing was measured between."""
    return "".join(
        f"The ratio of “{over}” also includes {' and '.join(labels)}, without a valid trial. "
        for over, labels in waterfall.skipped.items()
    )


def _ratio(inputs: ReportInputs, over: Stage, under: Stage) -> PairRatio:
    assert over.cell is not None
    assert under.cell is not None
    return ratios.cell_ratio(inputs.session, Pair(over.cell, under.cell, WATERFALL_STEP))


def _largest(owned: Sequence[Step], waterfall: Waterfall) -> str:
    """The step with the largest share, and those whose intervals leave open that it is theirs.

    Nothing where that is a step which owns it with others.
    """
    labels = {stage.name: stage.label for stage in waterfall.stages}
    most, *others = sorted(owned, key=lambda step: step.share or 0.0, reverse=True)
    if labels[most.step] in waterfall.skipped:
        return "The largest step is unknown."
    near = [labels[other.step] for other in others if _overlap(most, other)]
    words = f"The largest step: {labels[most.step]}, {times(most.ratio)}"
    return words + (f", not distinguishable from {' and '.join(near)}." if near else ".")


def _overlap(one: Step, other: Step) -> bool:
    """Whether their intervals have a ratio in common."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return max(one.low, other.low) <= min(one.high, other.high)


def _without_async(inputs: ReportInputs, waterfall: Waterfall) -> str:
    """The stage with threads beside the last: what async itself is worth."""
    threaded, pooled = waterfall.threaded, waterfall.stages[-1]
    if not (threaded.goodput_rps and pooled.goodput_rps):
        return ""
    access = f"{waterfall.access} and " if waterfall.access else ""
    return (
        f" Sync with kept connections and 20 threads serves {digits(threaded.goodput_rps)} /s. "
        f"Async with {access}as many connections serves {digits(pooled.goodput_rps)} /s: "
        f"{bounded(_ratio(inputs, pooled, threaded))}."
    )


def _table(climbed: Sequence[Sequence[Step]]) -> Table:
    rows = [
        row(step.group, step.step, digits(step.goodput_rps), times(step.ratio),
            between(step.low, step.high),
            percent(step.share),
            NOTHING if step.ratio is None else step.interval, step.mind)
        for steps in climbed
        for step in steps
    ]  # fmt: skip
    heading = ["where", "step", "goodput /s", "ratio", "95 % interval", "share of the gap"]
    return Table(
        [*heading, "interval type", "warnings"],
        rows,
        numbers_from=2,
        words_from=6,
        caption="Goodput: median of the valid trials. Ratio: to the previous step, as geometric "
        "mean over the blocks that have both.",
    )


def _sql_beside_orm(inputs: ReportInputs, waterfall: Waterfall) -> Iterator[str]:
    """What plain SQL gains a threaded sync stack, where that was measured too."""
    if waterfall.sql_beside_orm:
        pairing = Pair(*waterfall.sql_beside_orm, WATERFALL_STEP)
        yield (
            f"{waterfall.group}: the last step changes driver and ORM at once. Plain SQL instead "
            "of the ORM, with sync, 20 threads and kept connections, gives "
            f"{bounded(ratios.cell_ratio(inputs.session, pairing))}."
        )


def _same(inputs: ReportInputs, found: Sequence[Waterfall]) -> list[Block]:
    """Whether each ratio is of what it says and nothing else; one that is not loses its label."""
    asked = {(one.over.cell, one.under.cell) for waterfall in found for one in waterfall.pairings}
    compared = [one for one in inputs.pairs if asked & {one.cells, one.cells[::-1]}]
    lost: list[Block] = [
        para(Strong(f"NOT the same thing compared ({_changes(one)}): {named(one.undeclared)}."))
        for one in compared
        if one.undeclared
    ]
    same = [one for one in compared if one.same]
    unknown = [one for one in compared if one.verdict == UNKNOWN]
    kept: list[Block] = []
    if same:
        words = f"{len(same)} of {len(compared)} steps change what they name and nothing else"
        natural = sorted({each.path for one in same for each in one.inherent})
        words += f"; different by design: {', '.join(natural)}" if natural else ""
        kept.append(para(f"{words}. Details: comparisons.csv.", quiet=True))
    if unknown:
        silent = sorted({name for one in unknown for name in one.unknown})
        words = (
            f"Unknown for {len(unknown)} of {len(compared)} steps: whether they change anything "
        )
        words += f"beside what they name (no facts about {', '.join(silent)})."
        kept.append(para(words, quiet=True))
    return [*lost, *kept, *_changed_facts(compared, found)]


def _changed_facts(compared: Sequence[Comparison], found: Sequence[Waterfall]) -> list[Block]:
    """What each step's factors change in the facts: more, at times, than its name says."""
    steps = {
        (step.over.cell, step.under.cell): stage.label
        for waterfall in found
        for step in waterfall.steps
        for stage in waterfall.measured
        if stage.cell is step.over
    }
    made = dict.fromkeys(
        f"{steps[one.cells]}: {', '.join(each.path for each in (*one.declared, *one.inherent))}"
        for one in compared
        if one.cells in steps and (one.declared or one.inherent)
    )
    words = f"What the steps change: {'; '.join(made)}."
    return [para(words, quiet=True)] if made else []


def _changes(one: Comparison) -> str:
    """What a ratio is of: `connections persistent vs per_request`."""
    over, under = one.pairing.over.levels, one.pairing.under.levels
    return ", ".join(f"{name} {over[name]} vs {under[name]}" for name in one.pairing.factors)
