"""A session's report on disk: the page, the Markdown, the figures.

The only part of the report that writes.
"""

from __future__ import annotations

from pathlib import Path

from analysis.comparisons.same_setup import lost_labels
from analysis.figures.svg import standalone
from analysis.report.annotations import annotated
from analysis.report.blocks import Report, figures
from analysis.report.build import build
from analysis.report.carrying import carrying_of
from analysis.report.inputs import ReportInputs, read_inputs
from analysis.report.junit import junit
from analysis.report.markdown import markdown
from analysis.report.opening import opening_of
from analysis.report.page import page
from analysis.report.sections import requirements
from analysis.tables import write_csv, write_derived
from rig.disk.files import write_atomically
from rig.model import ReportResult


def report(folder: Path, into: Path | None = None) -> ReportResult:
    """Replaces a session's `derived/`, or the folder `into`, by its tables, figures and report.

    UsageError for a folder that is no session.
    """
    inputs = read_inputs(folder)
    made = build(inputs)
    derived = into or folder / "derived"
    write_derived(inputs.analysed, derived, lambda new: write_report(made, new, "report"))
    lost = lost_labels(inputs.session, inputs.layout, inputs.pairs)
    result = _result(inputs)
    return ReportResult(
        derived / "report.html",
        derived / "report.md",
        [*inputs.notes, *lost, *result],
        inputs.analysed.check,
        junit(inputs),
        annotated(inputs, result[0]),
    )


def _result(inputs: ReportInputs) -> list[str]:
    """What became of the claim, and of the requirements; one line at least."""
    required = requirements.lines(inputs)
    claim = inputs.session.claim
    carried = carrying_of(inputs).lines if inputs.session.objective is not None else ()
    if inputs.answer is not None and claim is not None:
        answer, *remarks = opening_of(inputs, claim, inputs.answer).lines
        return [f"{inputs.answer.verdict}: {answer}", *remarks, *carried, *required]
    if carried:
        return [*carried, *required]
    if required and not claim:
        return required
    claims = "nothing is scheduled yet" if claim else "nothing is claimed"
    return [f"session {inputs.session.name}: {claims}, so nothing is judged", *required]


def write_report(made: Report, folder: Path, name: str) -> None:
    """The page, the Markdown and the figures in a folder."""
    write_figures(made, folder / "figures")
    # not through a link that somebody may have put there
    write_atomically(folder / f"{name}.html", page(made))
    write_atomically(folder / f"{name}.md", markdown(made))


def write_figures(made: Report, folder: Path) -> None:
    """Each figure's SVG and, beside it, the CSV of what it draws; none is written twice."""
    folder.mkdir(exist_ok=True)
    for section in made.sections:
        for figure in figures(section.blocks):
            if not (folder / f"{figure.name}.csv").exists():
                write_csv(folder / f"{figure.name}.csv", figure.columns, figure.rows)
                svg = standalone(figure.svg)
                (folder / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
