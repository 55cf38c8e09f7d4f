"""All that a report is made of, read once: trials, cells, probes, ceilings, findings.

The only part of the report that reads files. May not know how anything is shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from hdrh.histogram import HdrHistogram

from analysis.comparisons import ratios
from analysis.comparisons.capacities import Carrying, capacities
from analysis.comparisons.pairs import representative_trial
from analysis.comparisons.requirements import JudgedLimit, judged_limits
from analysis.comparisons.same_setup import Comparison
from analysis.comparisons.sensitivity import Turn, turns
from analysis.comparisons.thrown_out import ThrownOut, thrown_out
from analysis.inference import Crossover, Effect, JudgedClaim
from analysis.reading.attempts import one_line
from analysis.reading.calibration import read_calibration
from analysis.reading.probe_series import Table, read_series
from analysis.reading.session import Session
from analysis.reading.session_files import read_session
from analysis.summaries.ceilings import CellCeilings
from analysis.summaries.cell_estimates import CellEstimate, ceilings_of, estimate_cells
from analysis.summaries.cells import CellResult, cells
from analysis.summaries.layout import Layout, layout_of
from analysis.summaries.progress import SessionProgress, progress_of
from analysis.summaries.trials import TrialResult, read_service, rejected, results
from analysis.summary_json import Analysed
from analysis.tables import comparisons, notes_of
from rig.calibration import Calibration
from rig.model import Level, RigError
from rig.record import ProbeFacts

SERIES = ("postgres", "pgbouncer")
"""Probes whose series are drawn."""

TAIL_LINES, TAIL_BYTES, LINE_MOST = 5, 4096, 240


@dataclass(frozen=True)
class LogTail:
    """The last lines of one role's log."""

    name: str
    text: str
    bytes: int


@dataclass(frozen=True)
class Trial:
    """A trial with all that its own part shows."""

    result: TrialResult
    series: Mapping[str, Table] = field(default_factory=dict)
    """Of one valid trial of each cell, the typical one, for drawing."""
    logs: tuple[LogTail, ...] = ()
    service: HdrHistogram | None = None
    """Service times of an open load's successes in the steady window, µs; None of a closed one."""
    files: tuple[str, ...] = ()
    """Of the attempt used, by their path inside its folder."""
    has_plan: bool = False

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.result.scheduled.trial

    @property
    def probes(self) -> ProbeFacts:
        """What its probes add up to."""
        return self.result.record.probes if self.result.record else ProbeFacts()

    def of_probe(self, name: str) -> Table:
        """One probe's series, empty where it is not drawn."""
        return self.series.get(name, Table())


@dataclass(frozen=True)
class ReportInputs:
    """Everything, ready to be shown."""

    session: Session
    layout: Layout
    trials: tuple[Trial, ...]
    by_cell: tuple[CellResult, ...]
    """In the order of summary.csv."""
    cells: tuple[CellResult, ...]
    """In the order of tables and figures."""
    calibration: Calibration | None
    ceilings: Mapping[str, CellCeilings]
    """By cell."""
    estimates: Mapping[str, CellEstimate]
    pairs: tuple[Comparison, ...]
    """Whether each pair of the claim compares the same thing."""
    answer: JudgedClaim | None
    required: tuple[JudgedLimit, ...]
    """Every limit of the requirements, in each of its cells."""
    capacities: tuple[Carrying, ...]
    """Where an objective is asked for, the best first."""
    progress: SessionProgress
    thrown_out: ThrownOut | None
    turns: tuple[Turn, ...]
    """What else would make the answer another one."""
    effects: tuple[Effect, ...]
    crossovers: tuple[Crossover, ...]
    notes: tuple[str, ...]

    @property
    def results(self) -> tuple[TrialResult, ...]:
        """Every scheduled trial."""
        return tuple(trial.result for trial in self.trials)

    def trials_of(self, cell: CellResult) -> tuple[Trial, ...]:
        """The valid trials of a cell."""
        names = {result.scheduled.trial for result in cell.valid}
        return tuple(trial for trial in self.trials if trial.name in names)

    def name(self, levels: Mapping[str, Level]) -> str:
        """A cell in words: `io_create · added delay 100 ms · async, pgbouncer`."""
        group = self.layout.group(levels)
        return " · ".join(part for part in (group, self.layout.series(levels)) if part)

    @property
    def analysed(self) -> Analysed:
        """What tables and `summary.json` are made of."""
        return Analysed(
            self.session,
            self.results,
            self.by_cell,
            self.pairs,
            self.estimates,
            self.answer,
            self.required,
            self.progress,
            self.capacities,
        )

    @property
    def simulated(self) -> bool:
        """Whether nothing of it was measured."""
        return self.session.backend == "fake"


def read_inputs(folder: Path) -> ReportInputs:
    """What the sections read of a session; UsageError for a folder that is no session."""
    session = read_session(folder)
    layout = layout_of(session)
    found = results(session)
    trials = tuple(_trial(result) for result in found)
    by_cell = cells(session, found)
    ordered = _ordered(session, layout, by_cell)
    calibration, note = read_calibration(folder)
    drawn = {representative_trial(cell).scheduled.trial for cell in ordered if cell.valid}
    trials = tuple(_with_series(trial) if trial.name in drawn else trial for trial in trials)
    ceilings = ceilings_of(session, ordered, calibration)
    observations = ratios.observations(session, layout, found)
    progress = progress_of(session, found)
    answer = ratios.answer(session, observations, ended=progress.ended)
    return ReportInputs(
        session,
        layout,
        trials,
        by_cell,
        ordered,
        calibration,
        ceilings,
        estimate_cells(ordered, ceilings),
        comparisons(session, by_cell, calibration),
        answer,
        judged_limits(session, by_cell, ended=progress.ended),
        capacities(session, found),
        progress,
        thrown_out(session, layout, found, tuple(rejected(session, found)), answer),
        turns(session, found, observations, answer) if answer and progress.ended else (),
        ratios.main_effects(session, observations, ended=progress.ended),
        ratios.crossovers_of(session, observations),
        notes_of(session, [trial.result for trial in trials], note),
    )


def _ordered(
    session: Session, layout: Layout, by_cell: Sequence[CellResult]
) -> tuple[CellResult, ...]:
    """By the layout; where levels were searched, these by their size instead of by their turn."""
    found = sorted(by_cell, key=lambda cell: layout.order(cell.levels))
    if not session.searched or layout.x is None:
        return tuple(found)
    x = layout.x.name

    def place(cell: CellResult) -> tuple[tuple[int, float, str], float]:
        at = cell.levels[x]
        return layout.order(cell.levels)[0], 0.0 if isinstance(at, str) else float(at)

    return tuple(sorted(found, key=place))


def _trial(result: TrialResult) -> Trial:
    if result.folder is None or result.record is None:
        return Trial(result)
    service, note = read_service(result.folder / "load")
    noted = replace(result, notes=(*result.notes, f"{result.scheduled.trial}: {note}"))
    return Trial(
        noted if note else result,
        {},
        tuple(_tails(result.folder / "logs")),
        service,
        tuple(sorted(_files(result.folder))),
        (result.folder.parent / "plan.json").is_file(),
    )


def _with_series(trial: Trial) -> Trial:
    result = trial.result
    if result.folder is None:
        return trial
    found, notes = {}, list(result.notes)
    for name in SERIES:
        try:
            if f"probes/{name}.csv" not in result.damaged:
                found[name] = read_series(result.folder, name)
        except RigError as error:
            notes.append(f"{trial.name}: {one_line(error, result.folder)}")
    return replace(trial, series=found, result=replace(result, notes=tuple(notes)))


def _files(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    ]


def _tails(folder: Path) -> list[LogTail]:
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.is_symlink():
            continue
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        tail = [line[:LINE_MOST] for line in deque((s for s in lines if s.strip()), TAIL_LINES)]
        found.append(LogTail(path.name, "\n".join(tail), size))
    return found
