"""The requirements: every absolute bound in each of its cells, judged."""

from __future__ import annotations

import math
from collections import Counter

from analysis.comparisons.requirements import JudgedLimit
from analysis.inference import Judgement
from analysis.report.blocks import Absent, Section, Strong, Table, Words, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, mark

TITLE = "Requirements"

MET, MISSED = "met", "missed"
WORDS = {Judgement.SUPPORTED: MET, Judgement.CONTRADICTED: MISSED}
"""What is said of a bound that is decided."""

MOST_LINES = 20
"""Of a terminal; the report has them all."""

_CAPTION = (
    "Each bound is judged by itself: it is met or missed where the whole interval is on one side. "
    "One of 40 true bounds may be called missed by chance, and one of 40 wrong ones met."
)


def section(inputs: ReportInputs) -> Section | Absent:
    """A line for each bound and cell."""
    if not inputs.required:
        return Absent(TITLE, "the experiment requires nothing of its cells")
    heading = ["where", "required", "measured", "95 % interval", "verdict", "runs", "notes"]
    rows = [_row(inputs, one) for one in inputs.required]
    table = Table(heading, rows, numbers_from=2, words_from=4, caption=_CAPTION)
    return Section("requirements", TITLE, [para(Strong(counted(inputs))), table])


def counted(inputs: ReportInputs) -> str:
    """`2 of 3 requirements are met; 1 missed.`"""
    counts = Counter(verdict(one) for one in inputs.required)
    met = f"{counts.pop(MET, 0)} of {len(inputs.required)} requirements are met"
    others = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    return f"{met}; {others}." if others else f"{met}."


def verdict(one: JudgedLimit) -> str:
    """In a word: met, missed, not decided."""
    return WORDS.get(one.judgement, one.judgement.value)


def lines(inputs: ReportInputs) -> list[str]:
    """For a terminal: how many are met, and each that is not."""
    if not inputs.required:
        return []
    others = [one for one in inputs.required if verdict(one) != MET]
    more = len(others) - MOST_LINES
    said = [f"{verdict(one)}: {sentence(inputs, one)}" for one in others[:MOST_LINES]]
    return [counted(inputs), *said, *([f"{more} more in the report"] if more > 0 else [])]


def sentence(inputs: ReportInputs, one: JudgedLimit) -> str:
    """`p95 response time < 300 ms at io_read · async: 412 ms (95 %: 380 ms to 440 ms); one run`."""
    interval = _interval(one)
    measured = _measured(one) + (f" (95 %: {interval})" if interval != NOTHING else "")
    said = [f"{one.limit} at {place(inputs, one)}: {measured}", *one.notes]
    return "; ".join(said)


def place(inputs: ReportInputs, one: JudgedLimit) -> str:
    """The cell in words; of one that is not there, the levels that were asked for."""
    levels = one.requirement.cell
    if one.cell is not None:
        return inputs.name(one.cell.levels) or "the only cell"
    factors = {factor.name: factor for factor in inputs.session.factors}
    return " · ".join(
        factors[name].say(level) if name in factors else f"{name} {level}"
        for name, level in levels.items()
    )


def _row(inputs: ReportInputs, one: JudgedLimit) -> tuple[Words, ...]:
    runs = str(len(one.cell.valid)) if one.cell else "0"
    return (
        *row(place(inputs, one), str(one.limit), _measured(one), _interval(one)),
        *row(mark(verdict(one)), runs, "; ".join(one.notes)),
    )


def _measured(one: JudgedLimit) -> str:
    value = one.known.value
    return NOTHING if value is None else one.limit.value_text(value)


def _interval(one: JudgedLimit) -> str:
    low, high = one.known.low, one.known.high
    if low is None or high is None:
        return NOTHING
    if math.isinf(high):
        return f"> {one.limit.value_text(low)}"
    return f"{one.limit.value_text(low)} to {one.limit.value_text(high)}"
