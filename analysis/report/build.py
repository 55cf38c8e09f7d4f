"""From a session's inputs to the whole report. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from analysis.figures.caption import versions
from analysis.reading.machines import says_who_shared
from analysis.report.blocks import Absent, Items, Report, Section, Words, para
from analysis.report.inputs import ReportInputs
from analysis.report.sections import (
    answer,
    bottleneck,
    cap,
    capacity,
    cost,
    crossover,
    goodput,
    interaction,
    latency,
    replication,
    requirements,
    trials,
    waterfall,
)

SECTIONS: Sequence[Callable[[ReportInputs], Section | Absent]] = (
    answer.section,
    capacity.section,
    requirements.section,
    goodput.section,
    bottleneck.section,
    interaction.section,
    waterfall.section,
    cap.section,
    latency.section,
    crossover.section,
    cost.section,
    replication.section,
    trials.section,
)
"""In the order of the page."""

AT_ONE_RATE: Mapping[Callable[[ReportInputs], Section | Absent], str] = {
    interaction.section: interaction.TITLE,
    waterfall.section: waterfall.TITLE,
    latency.section: latency.TITLE,
}
"""What compares cells that differ in nothing else: it says nothing of a search for capacities."""


def build(inputs: ReportInputs) -> Report:
    """Every section that the session has something for; the others in one line each."""
    made = [_section(section, inputs) for section in SECTIONS]
    there = [one for one in made if isinstance(one, Section)]
    absent = [one for one in made if isinstance(one, Absent)]
    session = inputs.session
    where = [f"session {session.name}"]
    where += [f"profile {session.profile}"] if session.profile else []
    where += [f"backend {session.backend}"] if session.backend else []
    if absent or inputs.notes:
        there.append(_rest(absent, inputs.notes))
    return Report(
        title=f"{session.experiment}: the report",
        subtitle=(" · ".join(where),),
        sections=there,
        footer=_machine(inputs),
    )


def _section(
    section: Callable[[ReportInputs], Section | Absent], inputs: ReportInputs
) -> Section | Absent:
    if inputs.session.capacity and section in AT_ONE_RATE:
        return Absent(AT_ONE_RATE[section], "the trials of a search stand at rates of their own")
    return section(inputs)


def _rest(absent: Sequence[Absent], notes: Sequence[str]) -> Section:
    items: list[Words] = [(f"{one.title}: {one.reason}.",) for one in absent]
    items += [(f"note: {note}",) for note in notes]
    lead = para("This session has no data for:")
    return Section("rest", "Not in this report", [lead, Items(items)])


def _machine(inputs: ReportInputs) -> Words:
    facts = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in inputs.session.host.items()
        if isinstance(value, str | int | float) and value != "" and not isinstance(value, bool)
    ]
    known = ", ".join(f"{n} {v}" for n, v in versions(inputs.session, inputs.results))
    records = (result.record for result in inputs.results if result.record is not None)
    shared = "".join(f"{sentence} " for sentence in says_who_shared(records))
    return ((f"Machine: {', '.join(facts)}. " if facts else "") + shared
            + (f"Versions: {known}. " if known else "")
            + "Made from the session's own files by: python runner.py report.",)  # fmt: skip
