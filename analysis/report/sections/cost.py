"""What the goodput was paid with: CPU per success and peak memory, by role."""

from __future__ import annotations

from analysis.report.blocks import Absent, Section, Table, Words, para, row
from analysis.report.inputs import ReportInputs, Trial
from analysis.report.wording import digits
from analysis.summaries.cell_estimates import cpu_s_per_success
from analysis.summaries.cells import CellResult
from analysis.summaries.percentiles import median

TITLE = "CPU and memory per answer"


def section(inputs: ReportInputs) -> Section | Absent:
    """A row per cell with probed trials, two columns per role."""
    roles = dict.fromkeys(role for trial in inputs.trials for role in trial.probes.roles)
    shown = [
        cell for cell in inputs.cells if any(trial.probes.roles for trial in inputs.trials_of(cell))
    ]
    if not shown:
        return Absent(TITLE, "this session has no probes of processes in a valid trial")
    heading = ["cell", "goodput /s"]
    for role in roles:
        heading += [f"{_words(role)} CPU-ms", f"{_words(role)} MB"]
    rows = [_row(inputs, cell, list(roles)) for cell in shown]
    lead = para(
        "CPU time of the steady window per correct answer, and peak resident memory of the role's "
        "processes together. Medians over valid trials."
    )
    return Section("cost", TITLE, [lead, Table(heading, rows)])


def _words(role: str) -> str:
    return role.replace("_", " ")


def _row(inputs: ReportInputs, cell: CellResult, roles: list[str]) -> tuple[Words, ...]:
    trials = inputs.trials_of(cell)
    cells = [inputs.name(cell.levels), digits(cell.measures.goodput_rps)]
    for role in roles:
        spent = median(cpu_s_per_success(trial.result, role) for trial in trials)
        cells.append(digits(None if spent is None else 1000 * spent))
        most = median(_peak(trial, role) for trial in trials)
        cells.append(digits(None if most is None else most / 1e6))
    return row(*cells)


def _peak(trial: Trial, role: str) -> float | None:
    use = trial.probes.roles.get(role)
    return float(use.rss_peak_bytes) if use else None
