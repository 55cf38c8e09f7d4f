"""The connection cap: what grows, what waits, and what is refused, on one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from analysis.comparisons import ratios
from analysis.comparisons.pairs import cap_remedies, is_refused, representative_trial
from analysis.comparisons.same_setup import named
from analysis.figures import cap
from analysis.figures.cap import Cap
from analysis.inference.knee import Knee, knee
from analysis.report.blocks import (
    Absent,
    Block,
    Figure,
    Items,
    Section,
    Strong,
    Table,
    Words,
    para,
    row,
)
from analysis.report.inputs import ReportInputs, Trial
from analysis.report.wording import NOTHING, bounded, digits, percent, to_trial
from analysis.summaries.cells import CellResult
from analysis.summaries.timeline import Timeline, first_refusal, refusals

TITLE = "The connection cap"
MOST = 6
"""Drawings: what stands at the cap first."""


def section(inputs: ReportInputs) -> Section | Absent:
    """A drawing per cell that meets the cap, or was measured to see what lifts it."""
    trials = _shown(inputs)
    if not trials:
        return Absent(
            TITLE, "no valid trial was refused; experiments/connection-cap.yaml looks for it"
        )
    knees = {trial.name: _knee(_alike(inputs, trial)) for trial in trials}
    drawn = [_cap(inputs, trial, knees[trial.name]) for trial in trials[:MOST]]
    figure = Figure(
        cap.draw(drawn),
        alt="Connections, waiting clients, requests in flight, successes and refusals over time",
        name="connection-cap",
        caption=_caption(trials),
        legend=_legend(drawn),
        columns=cap.COLUMNS,
        rows=[line for one in drawn for line in one.rows()],
    )
    heading = ["cell", "trial", "first refusal s", "users at first refusal", "users at knee",
               "goodput at knee /s", "most connections"]  # fmt: skip
    rows = [_row(inputs, trial, knees[trial.name]) for trial in trials]
    table = Table(heading, rows, numbers_from=2, caption=_meaning())
    conclusions = _conclusions(inputs, trials)
    return Section("connection-cap", TITLE, [para(_lead()), *conclusions, figure, table])


def _conclusions(inputs: ReportInputs, trials: Sequence[Trial]) -> Iterator[Block]:
    """Where the refusals begin, how far they go, and what each way around the cap serves."""
    compared = {one.cells: one for one in inputs.pairs}
    around = [(pairing, ratios.cell_ratio(inputs.session, pairing))
              for pairing in cap_remedies(inputs.cells)]  # fmt: skip
    shown = {trial.result.scheduled.cell for trial in trials}
    for refused in (cell for cell in inputs.cells if cell.cell in shown and is_refused(cell)):
        share = refused.measures.failure_share
        line = f"{inputs.name(refused.levels)}: refusals begin {_begin(refused)}."
        if share is not None:
            line += f" {percent(share)} of the answers in the steady window are failures."
        own = [
            (pairing, ratio)
            for pairing, ratio in around
            if pairing.under.cell == refused.cell and ratio.ratio is not None
        ]
        if not own:
            yield para(line)
        else:
            yield para(f"{line} Goodput without refusals, as a multiple of this cell's:")
            yield Items([(f"{inputs.name(p.over.levels)}: {bounded(r)}",) for p, r in own])
        for pairing, _ in own:
            one = compared.get((pairing.over.cell, pairing.under.cell))
            if one and one.undeclared:
                name = inputs.name(pairing.over.levels)
                words = f"NOT the same thing compared ({name}): {named(one.undeclared)}."
                yield para(Strong(words))


def _begin(cell: CellResult) -> str:
    """At how many users its valid trials were first refused; of an open load, how late."""
    firsts = [(first_refusal(one.timeline), one.timeline) for one in cell.valid]
    seconds = [second for second, _ in firsts if second is not None]
    users = [of.users[second] for second, of in firsts if second is not None]
    if any(users):
        return f"at {_range(users)} users"
    return f"{_range(seconds)} s into the load"


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _shown(inputs: ReportInputs) -> list[Trial]:
    """A valid trial of each cell that was refused, and of those that lift the cap."""
    refused = [cell for cell in inputs.cells if is_refused(cell)]
    if not refused:
        return []
    lifting = {pairing.over.cell for pairing in cap_remedies(inputs.cells)}
    lifted = [cell for cell in inputs.cells if cell.cell in lifting]
    shown = [representative_trial(cell).scheduled.trial for cell in (*refused, *lifted)]
    by_name = {trial.name: trial for trial in inputs.trials}
    return [by_name[name] for name in shown]


def _alike(inputs: ReportInputs, trial: Trial) -> list[Timeline]:
    """The timelines of all valid trials of its cell."""
    levels = trial.result.scheduled.levels
    return [
        other.result.timeline
        for cell in inputs.cells
        for other in inputs.trials_of(cell)
        if other.result.scheduled.levels == levels
    ]


def _knee(timelines: Iterable[Timeline]) -> Knee | None:
    """Over the ramps, to their tops: users that no longer rise tell nothing more."""
    users: list[int] = []
    ok: list[int] = []
    for timeline in timelines:
        most = max(timeline.users, default=0)
        top = next((s for s, now in enumerate(timeline.users) if now == most), 0)
        users += timeline.users[: top + 5]
        ok += timeline.ok[: top + 5]
    return knee(users, ok)


def _cap(inputs: ReportInputs, trial: Trial, bend: Knee | None) -> Cap:
    timeline, record = trial.result.timeline, trial.result.record
    began_s = record.load.began_at_s if record else 0.0
    end_s = record.load.duration_s if record else 0.0

    def over(values: Sequence[int]) -> list[tuple[float, float]]:
        return [(float(s), float(v)) for s, v in enumerate(values) if s + 1 <= end_s]

    def sampled(name: str, column: str) -> list[tuple[float, float]]:
        series = trial.of_probe(name).series(column, began_s)
        return [(s, v) for s, v in series if 0 <= s <= end_s]

    series = {
        "users": over(timeline.users),
        "in_flight": over(timeline.in_flight),
        "postgres_sessions": sampled("postgres", "total"),
        "waiting": sampled("pgbouncer", "clients_waiting"),
        "ok_rps": over(timeline.ok),
        "refused_rps": over(refusals(timeline)),
    }
    marks: list[tuple[float, str]] = []
    first = first_refusal(timeline)
    if first is not None:
        at = f", {timeline.users[first]} users" if timeline.users[first] else ""
        marks.append((first, f"first refusal{at}"))
    if bend is not None:
        second = next((s for s, users in enumerate(timeline.users) if users >= bend.users), 0)
        marks.append((second, f"knee, {bend.users:.0f} users"))
    title = inputs.name(trial.result.scheduled.levels)
    return Cap(trial.name, title, series, tuple(marks))


def _row(inputs: ReportInputs, trial: Trial, bend: Knee | None) -> tuple[Words, ...]:
    timeline = trial.result.timeline
    first = first_refusal(timeline)
    most = max((v for v in trial.of_probe("postgres").column("total") if v), default=None)
    return (
        *row(inputs.name(trial.result.scheduled.levels), to_trial(trial)),
        *row(NOTHING if first is None else str(first)),
        *row(NOTHING if first is None else str(timeline.users[first] or NOTHING)),
        *row(digits(bend.users) if bend else NOTHING, digits(bend.rps) if bend else NOTHING),
        *row(digits(most)),
    )


def _legend(drawn: Sequence[Cap]) -> list[tuple[str, str]]:
    there = {
        name for one in drawn for name, points in one.series.items() if any(v for _, v in points)
    }
    kinds = {**cap.COUNTS, **cap.RATES}
    return [(kinds[name].key, cap.NAMES[name]) for name in kinds if name in there]


def _caption(trials: Sequence[Trial]) -> str:
    words = "One valid trial of each cell: the first with refusals, where there is one."
    if len(trials) > MOST:
        words += f" {len(trials) - MOST} more cells are in the table only."
    if not any(trial.of_probe("postgres").columns for trial in trials):
        words += " This session has no probes of connections."
    return words


def _lead() -> str:
    return (
        "Each request in flight holds a database connection. Once Postgres has none left, it "
        "refuses. A pooler or a pool lets requests wait instead."
    )


def _meaning() -> str:
    return (
        "Knee: number of users from which goodput grows less than half as fast. It is where two "
        "lines meet that are fitted to the ramps of the cell's valid trials. No knee: the users "
        "rise too fast, the seconds scatter too much, or there is no bend. Goodput at the knee is "
        "taken from the fitted lines."
    )
