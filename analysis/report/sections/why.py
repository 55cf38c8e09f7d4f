"""Why the numbers are what they are: the ceilings of every cell, and which one binds."""

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
from analysis.report.wording import NOTHING, change, percent, said
from analysis.summaries.ceilings import CLOSE, UNEXPLAINED, CellCeilings
from analysis.summaries.cells import CellResult
from rig.record import StackFacts

TITLE = "Why: what binds each cell"


def section(inputs: ReportInputs) -> Section | Absent:
    """A row per cell with a valid trial: predicted beside measured."""
    shown = [cell for cell in inputs.cells if cell.valid]
    if not shown:
        return Absent(TITLE, "no cell has a valid trial")
    if not any(inputs.ceilings[cell.cell].ceilings for cell in shown):
        return Absent(TITLE, "service time, round trips and CPU were not measured in this session")
    rows = [
        _row(inputs.name(cell.levels), inputs.ceilings[cell.cell], _failed(cell)) for cell in shown
    ]
    heading = ["cell", "measured /s", "predicted /s", "off by", "binds", "next", "says"]
    blocks: list[Block] = [_lead(inputs), Table(heading, rows, words_from=4, caption=_caption())]
    blocks += _unexplained(inputs)
    blocks += _calibrated(inputs)
    return Section("why", TITLE, blocks)


def _lead(inputs: ReportInputs) -> Block:
    words = [
        "Each ceiling is computed from what this session measured beside the load. A few unloaded "
        "requests and short bursts at two delays give the response time R0 and how long a request "
        "keeps a server, each as a line s0 + n · delay. Probes give the CPU per success of the "
        "cell itself, so a CPU ceiling says how busy these CPUs were. Roles that share CPUs, the "
        "load's own among them, have one ceiling together. The lowest ceiling is the prediction."
    ]
    if inputs.calibration is None:
        words.append(" This session did not calibrate: s0, n and R0 are not measured.")
    elif inputs.calibration.null_rps is not None:
        words.append(
            f" The load generator itself reached {said(inputs.calibration.null_rps)} requests/s "
            "against a server that does nothing."
        )
    return para(*words)


def _caption() -> str:
    return (
        f"A deviation above {100 * UNEXPLAINED:.0f} % is called unexplained, unless less than "
        f"predicted was served and the two lowest ceilings lie within a factor of {CLOSE:g}: then "
        "they act together and leave less than either. More than its ceiling says that the ceiling "
        "was measured too low. Where more than "
        f"{percent(MOST_FAILURES)} of the answers failed, what refused them is the limit."
    )


def _failed(cell: CellResult) -> float | None:
    """The share of failures where it is large enough to take capacity from the successes."""
    share = cell.row["failure_share"]
    return share if isinstance(share, float) and share > MOST_FAILURES else None


def _row(name: str, cell: CellCeilings, failed: float | None) -> tuple[Words, ...]:
    binding = cell.binding
    second = cell.ceilings[1] if len(cell.ceilings) > 1 else None
    return row(
        name,
        said(cell.measured_rps),
        said(binding.rps) if binding else NOTHING,
        change(cell.deviation),
        f"{binding.name}: {binding.formula}" if binding else "not measured in this session",
        f"{second.name}: {said(second.rps)} /s" if second else NOTHING,
        f"refused: {percent(failed)} of its answers failed" if failed else verdict(cell),
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
    told = [_told(inputs, stack) for stack in calibration.stacks]
    heading = ["stack", "servers", "R0: s0 ms", "n", "server held: s0 ms", "n", "why not"]
    source = Link("calibration.json", href("..", "calibration.json"))
    return [Fold(("What one request costs",), [Table(heading, told, words_from=6),
                                               para("From ", source, ".")])]  # fmt: skip


def _told(inputs: ReportInputs, stack: StackFacts) -> tuple[Words, ...]:
    several = [
        str(level)
        for name, level in stack.levels.items()
        if (factor := inputs.session.factor(name)) is None or len(factor.levels) > 1
    ]
    name = " · ".join([stack.route, *several])
    if stack.why:
        return row(name, str(stack.servers), *[NOTHING] * 4, stack.why)
    numbers = (stack.s0_ms, stack.n, stack.hold_s0_ms, stack.hold_n)
    return row(name, str(stack.servers), *(said(number) for number in numbers), "")


def _lacking(cell: CellCeilings) -> str:
    return f" (without a number for: {', '.join(cell.missing)})" if cell.missing else ""
