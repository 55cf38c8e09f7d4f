"""What of a session carries over to another machine: what a request takes, not who is how much
faster. Which sentences say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analysis.report.inputs import ReportInputs
from analysis.report.wording import digits
from analysis.summaries.cell_estimates import cpu_s_per_success
from analysis.summaries.cells import CellResult
from analysis.summaries.percentiles import median

APP = "app"

Side = tuple[str, Sequence[CellResult]]
"""Its name and its cells."""


def carries_over(inputs: ReportInputs, sides: Sequence[Side]) -> Iterator[str]:
    """What does not; and the model of a request on each side, as far as it was measured."""
    yield "The ratios are of this machine and this load, and do not carry over to another."
    known = [(name, said) for name, cells in sides if (said := _model(inputs, cells))]
    if known:
        yield "What carries over is the model of a request; its times scale with the CPU's speed."
    for name, said in known:
        yield f"{name}: {said}."


def _model(inputs: ReportInputs, cells: Sequence[CellResult]) -> str:
    """Response time without load = s0 + n · delay, and CPU time: of all cells, from … to …"""
    known = inputs.calibration
    stacks = [known.stack(one.levels, str(one.levels.get("route"))) for one in cells if known]
    spent_s = [median(cpu_s_per_success(result, APP) for result in one.valid) for one in cells]
    parts = (
        ("s0 {} ms", [stack.s0_ms for stack in stacks if stack]),
        ("n {} round trips", [stack.n for stack in stacks if stack]),
        ("{} CPU-ms of the app", [1000 * one for one in spent_s if one is not None]),
    )
    return "; ".join(words.format(_span(values)) for words, values in parts if values)


def _span(values: Sequence[float]) -> str:
    low, high = digits(min(values)), digits(max(values))
    return low if low == high else f"{low} to {high}"
