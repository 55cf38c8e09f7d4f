"""The bottleneck of every cell: its ceilings, and which one binds."""

from __future__ import annotations

from analysis.inference import MOST_FAILURES
from analysis.report.blocks import (
    Absent,
    Block,
    Fold,
    Items,
    Link,
    Section,
    Strong,
    Table,
    Words,
    para,
    row,
)
from analysis.report.inputs import ReportInputs
from analysis.report.links import href
from analysis.report.wording import NOTHING, change, digits, percent
from analysis.summaries.ceilings import CLOSE, UNEXPLAINED, CellCeilings
from analysis.summaries.cells import CellResult
from rig.calibration import StackFacts

TITLE = "Bottleneck of each cell"


def section(inputs: ReportInputs) -> Section | Absent:
    """A row per cell with a valid trial: predicted beside measured."""
    shown = [cell for cell in inputs.cells if cell.valid]
    if not shown:
        return Absent(TITLE, "no cell has a valid trial")
    if not any(inputs.ceilings[cell.cell].ceilings for cell in shown):
        return Absent(TITLE, "this session did not measure service time, round trips and CPU")
    rows = [
        _row(inputs.name(cell.levels), inputs.ceilings[cell.cell], _failed(cell)) for cell in shown
    ]
    heading = ["cell", "measured /s", "predicted /s", "deviation", "bottleneck",
               "second ceiling", "explanation"]  # fmt: skip
    blocks: list[Block] = [_lead(inputs), Table(heading, rows, words_from=4, caption=_caption())]
    blocks += _unexplained(inputs)
    blocks += _calibrated(inputs)
    return Section("bottleneck", TITLE, blocks)


def _lead(inputs: ReportInputs) -> Block:
    words = [
        "A ceiling is a rate that goodput cannot exceed. The lowest one is the bottleneck and the "
        "prediction. Unloaded requests and short bursts, at two delays, give response time and "
        "server busy time as fixed ms + n · delay. The CPU ceiling comes from the CPU time per "
        "success of the cell itself. Roles that share CPUs have one ceiling together."
    ]
    if inputs.calibration is None:
        words.append(
            " This session did not calibrate, so it has no response and server busy times."
        )
    elif inputs.calibration.null_rps is not None:
        words.append(
            f" The load generator reached {digits(inputs.calibration.null_rps)} requests/s against "
            "a server that does nothing."
        )
    return para(*words)


def _caption() -> str:
    return (
        f"Unexplained: the deviation is above {percent(UNEXPLAINED)}. Two ceilings are close: "
        f"they are within a factor of {CLOSE:g}, act together and leave less than either. A "
        "goodput above its ceiling means that the ceiling was measured too low. Where more than "
        f"{percent(MOST_FAILURES)} of the answers failed, the refusals are the limit."
    )


def _failed(cell: CellResult) -> float | None:
    """The share of failures where it is large enough to take capacity from the successes."""
    share = cell.measures.failure_share
    return share if share is not None and share > MOST_FAILURES else None


def _row(name: str, cell: CellCeilings, failed: float | None) -> tuple[Words, ...]:
    binding = cell.binding
    second = cell.ceilings[1] if len(cell.ceilings) > 1 else None
    return row(
        name,
        digits(cell.measured_rps),
        digits(binding.rps) if binding else NOTHING,
        change(cell.deviation),
        f"{binding.name}: {binding.formula}" if binding else "not measured",
        f"{second.name}: {digits(second.rps)} /s" if second else NOTHING,
        f"refused: {percent(failed)} of the answers failed" if failed else verdict(cell),
    )


def verdict(cell: CellCeilings) -> str:
    """What the comparison says, in a word or two."""
    if cell.deviation is None:
        return "no prediction" if cell.binding is None else "no rate"
    if abs(cell.deviation) <= UNEXPLAINED:
        return "as predicted"
    return "unexplained" if cell.unexplained else "two ceilings are close"


def _unexplained(inputs: ReportInputs) -> list[Block]:
    """The cells that the table calls so: where most was refused, that is what explains it."""
    off = [
        (inputs.name(cell.levels), inputs.ceilings[cell.cell])
        for cell in inputs.cells
        if inputs.ceilings[cell.cell].unexplained and not _failed(cell)
    ]
    if not off:
        return []
    items: list[Words] = [
        (f"{name}: {change(cell.deviation)}" + _lacking(cell),) for name, cell in off
    ]
    return [para(Strong(f"Unexplained in {len(off)} cell{'s' * (len(off) > 1)}:")), Items(items)]


def _calibrated(inputs: ReportInputs) -> list[Block]:
    """What one request costs each stack, as it was measured before the first trial."""
    calibration = inputs.calibration
    if calibration is None or not calibration.stacks:
        return []
    rows = [_stack_row(inputs, stack) for stack in calibration.stacks]
    heading = ["stack", "servers", "response ms", "response × delay", "server busy ms",
               "server busy × delay", "reason if unknown"]  # fmt: skip
    source = Link("calibration.json", href("..", "calibration.json"))
    table = Table(heading, rows, words_from=6)
    mixed = (
        "A mix has the means of its routes by their weights. What its routes do to each other, as "
        "by locks or caches, is not in them."
    )
    notes = [para(mixed)] if any(stack.weights for stack in calibration.stacks) else []
    return [Fold(("Cost of one request",), [table, *notes, para("From ", source, ".")])]


def _stack_row(inputs: ReportInputs, stack: StackFacts) -> tuple[Words, ...]:
    several = [
        str(level)
        for name, level in stack.levels.items()
        if (factor := inputs.session.factor(name)) is None or len(factor.levels) > 1
    ]
    name = " · ".join([stack.route, *several])
    if stack.why:
        return row(name, str(stack.servers), *[NOTHING] * 4, stack.why)
    numbers = (stack.s0_ms, stack.n, stack.hold_s0_ms, stack.hold_n)
    return row(name, str(stack.servers), *(digits(number) for number in numbers), "")


def _lacking(cell: CellCeilings) -> str:
    return f" (not measured: {', '.join(cell.missing)})" if cell.missing else ""
