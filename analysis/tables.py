"""From a session's folder to its `derived/` folder and its text table.

The only part that writes. Everything in `derived/` can be made again from the raw files.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.comparisons.capacities import capacities, capacity_columns, capacity_rows
from analysis.comparisons.pairs import pairings
from analysis.comparisons.ratios import answer, claimed_ratios, observations
from analysis.comparisons.requirements import judged_limits
from analysis.comparisons.same_setup import (
    Comparison,
    compared,
    comparison_columns,
    comparison_rows,
)
from analysis.provenance import write_provenance
from analysis.reading.attempt_setup import read_round_trips, read_setup
from analysis.reading.calibration import read_calibration
from analysis.reading.session import Session
from analysis.reading.session_files import read_session
from analysis.summaries.cell_estimates import ceilings_of, estimate_cells
from analysis.summaries.cells import CellResult, cells
from analysis.summaries.csv_rows import (
    FAILURE_COLUMNS,
    ROUTE_COLUMNS,
    STEP_COLUMNS,
    Row,
    failure_rows,
    route_rows,
    step_rows,
    summary_columns,
    summary_row,
    trial_columns,
    trial_row,
)
from analysis.summaries.layout import layout_of
from analysis.summaries.locustfiles import of_locustfiles
from analysis.summaries.progress import progress_of
from analysis.summaries.routes import of_mixes
from analysis.summaries.steps import of_steps
from analysis.summaries.trials import TrialResult, results
from analysis.summary_json import Analysed, summary_text
from analysis.text_table import text_table
from rig.calibration import Calibration
from rig.disk import files
from rig.model import Level, printable

TRIALS = Path("trials.csv")
SUMMARY = Path("summary.csv")
FAILURES = Path("failures.csv")
ROUTES = Path("routes.csv")
"""Where there are mixes."""
STEPS = Path("steps.csv")
"""Where users come in steps."""
COMPARISONS = Path("comparisons.csv")
CAPACITY = Path("capacity.csv")
"""Where an objective is asked for."""
FOR_PROGRAMS = Path("summary.json")
GOODPUT = Path("figures", "goodput.csv")


@dataclass(frozen=True)
class Derived:
    """What was derived, and where it stands."""

    folder: Path
    trials_csv: Path
    summary_csv: Path
    figure: Path | None
    """The PNG; the SVG and the CSV of the data drawn stand beside it. None without trials."""
    notes: tuple[str, ...] = ()
    """One line on each file that could not be read."""


def derive(session_dir: Path, into: Path | None = None) -> Derived:
    """Replaces `derived/`, or the folder `into`, by what the raw files say.

    UsageError for a folder that is no session.
    """
    return write_derived(analysed(session_dir), into or session_dir / "derived")


def analysed(session_dir: Path) -> Analysed:
    """What a session's raw files say; UsageError for a folder that is no session."""
    session = read_session(session_dir)
    found = results(session)
    by_cell = cells(session, found)
    calibration, _ = read_calibration(session_dir)
    observed = observations(session, layout_of(session), found)
    progress = progress_of(session, found)
    return Analysed(
        session,
        found,
        by_cell,
        comparisons(session, by_cell, calibration),
        estimate_cells(by_cell, ceilings_of(session, by_cell, calibration)),
        answer(session, observed, ended=progress.ended),
        judged_limits(session, by_cell, ended=progress.ended),
        progress,
        capacities(session, found),
    )


def write_derived(
    found: Analysed, folder: Path, more: Callable[[Path], None] = lambda _: None
) -> Derived:
    """Replaces a folder by tables and figure, and whatever `more` writes into it."""
    session, trials = found.session, found.results
    with files.scratch(files.DERIVED_SCRATCH, folder.parent) as scratch:
        new = scratch / "new"
        (new / GOODPUT).parent.mkdir(parents=True)
        write_csv(new / TRIALS, trial_columns(session), [trial_row(one) for one in trials])
        write_csv(new / SUMMARY, summary_columns(session), list(map(summary_row, found.cells)))
        write_csv(new / FAILURES, FAILURE_COLUMNS, tuple(failure_rows(trials)))
        if routes := tuple(of_mixes(trials)):
            write_csv(new / ROUTES, ROUTE_COLUMNS, tuple(route_rows(routes)))
        if steps := tuple(of_steps(session, trials)):
            write_csv(new / STEPS, STEP_COLUMNS, tuple(step_rows(steps)))
        rows = tuple(comparison_rows(session, found.pairs))
        write_csv(new / COMPARISONS, comparison_columns(session), rows)
        if session.objective is not None:
            listed = tuple(capacity_rows(found.capacities))
            write_csv(new / CAPACITY, capacity_columns(session), listed)
        (new / FOR_PROGRAMS).write_text(summary_text(found), encoding="ascii")
        if trials:
            _figure(found, new / GOODPUT)
        more(new)
        write_provenance(new)
        if folder.exists() or folder.is_symlink():
            folder.rename(scratch / "old")
        new.rename(folder)
    return Derived(
        folder=folder,
        trials_csv=folder / TRIALS,
        summary_csv=folder / SUMMARY,
        figure=(folder / GOODPUT).with_suffix(".png") if trials else None,
        notes=notes_of(session, trials),
    )


def comparisons(
    session: Session, by_cell: Sequence[CellResult], calibration: Calibration | None
) -> tuple[Comparison, ...]:
    """Every pair of cells that is held against each other, and whether it is the same thing."""
    asked = pairings(session, layout_of(session), by_cell)
    sides = {cell.cell: cell for pairing in asked for cell in (pairing.over, pairing.under)}
    setups = {
        r.scheduled.trial: read_setup(r.folder, r.record, r.damaged)
        for cell in sides.values()
        for r in cell.valid
    }
    return compared(session, asked, setups, read_round_trips(calibration))


def _figure(found: Analysed, path: Path) -> None:
    # matplotlib takes longer to import than a table to print, so only drawing pays for it
    from analysis.figures import goodput

    session = found.session
    figure = goodput.data(session, layout_of(session), found.cells, found.pairs, found.estimates)
    write_csv(path, goodput.COLUMNS, figure.rows())
    goodput.save(figure, svg=path.with_suffix(".svg"), png=path.with_suffix(".png"))


def table(session_dir: Path) -> str:
    """The session's text table, at most 100 columns wide; writes nothing.

    UsageError for a folder that is no session.
    """
    session: Session = read_session(session_dir)
    found = results(session)
    by_cell = cells(session, found)
    calibration, note = read_calibration(session_dir)
    pairs = comparisons(session, by_cell, calibration)
    layout = layout_of(session)
    claimed = claimed_ratios(session, observations(session, layout, found))
    notes = notes_of(session, found, note)
    routes, carried = tuple(of_mixes(found)), capacities(session, found)
    return text_table(session, layout, by_cell, notes, pairs, claimed, routes, carried)


def for_programs(session_dir: Path) -> str:
    """What `summary.json` says, from the raw files; writes nothing. UsageError."""
    return summary_text(analysed(session_dir))


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Rows under a heading; six significant digits, None as an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writerow({name: printable(name) for name in columns})
        writer.writerows(_cells(row) for row in rows)


def _cells(row: Row) -> Mapping[str, str]:
    return {name: cell(value) for name, value in row.items()}


def cell(value: Level | None) -> str:
    """A value as it stands in a CSV, which people look at with `cat`, too."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else printable(str(value))


def notes_of(session: Session, found: Sequence[TrialResult], *more: str) -> tuple[str, ...]:
    """One line on each file that is not what was written."""
    notes = [*session.notes, *more, *(note for result in found for note in result.notes)]
    notes += of_locustfiles(found)
    return tuple(note for note in notes if note)
