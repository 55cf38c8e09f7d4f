"""What each deployment carries within the objective: ranked, with its price, and drawn."""

from __future__ import annotations

from analysis.comparisons.capacities import AtRate, Carrying
from analysis.figures import capacity
from analysis.figures.capacity import Dot, Drawn
from analysis.report.blocks import Absent, Block, Figure, Inline, Section, Table, Words, para, row
from analysis.report.carrying import name_of, objective_words
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, between, digits, mark, percent
from rig.inference.capacity import Capacity, Outcome

TITLE = "Capacity"
SURGED = {True: "recovers", False: "stuck", None: "not told"}
ANSWERS = {True: "met", False: "missed", None: "not decided"}


def section(inputs: ReportInputs) -> Section | Absent:
    """A row and a drawing per deployment, for sessions with an objective."""
    session = inputs.session
    if session.objective is None:
        return Absent(TITLE, "no objective is asked for; experiments/capacity.yaml does it")
    if not inputs.capacities:
        return Absent(TITLE, "no trial is scheduled yet")
    blocks: list[Block] = [para(_lead(inputs)), _table(inputs)]
    if any(trial.facts for one in inputs.capacities for trial in one.trials):
        blocks.append(_figure(inputs))
    return Section("capacity", TITLE, blocks)


def lines(inputs: ReportInputs) -> list[str]:
    """For a terminal: the deployments in their order."""
    return [f"{name_of(inputs, one)} {one.capacity.finding}" for one in inputs.capacities]


def _lead(inputs: ReportInputs) -> str:
    session = inputs.session
    assert session.objective is not None
    kept = f"Kept means: {objective_words(session.objective)}, through the whole steady window."
    if session.capacity is None:
        return kept
    low, high = session.capacity.spec.between
    return (
        f"{kept} Each search runs between {low:g} and {high:g} arrivals a second. "
        "Each trial stands where the earlier ones of its deployment suggest."
    )


def _table(inputs: ReportInputs) -> Table:
    wanted = inputs.session.rate_per_s
    heading = ["deployment", "capacity /s", "95 % interval", "at /s", "CPU-ms an answer",
               "peak MB", "connections", "failed", "trials", "surge", "outcome"]  # fmt: skip
    if wanted is not None:
        heading.insert(1, f"carries {digits(wanted)} /s")
    return Table(
        heading,
        [_row(inputs, one) for one in inputs.capacities],
        words_from=len(heading) - 2,
        caption="What an answer costs is of the trial at the rate beside it, which kept the "
        "objective. App, database, pooler and services are in it, the load is not.",
    )


def _row(inputs: ReportInputs, one: Carrying) -> tuple[Words, ...]:
    found, cost = one.capacity, one.cost
    first = row(name_of(inputs, one))
    if inputs.session.rate_per_s is not None:
        first += row(mark(ANSWERS[one.carries]))
    price = [cost.at_per_s, cost.cpu_ms, cost.peak_mb, cost.connections] if cost else [None] * 4
    return (
        *first,
        *row(digits(found.per_s), between(found.low_per_s, found.high_per_s)),
        *row(*map(digits, price), percent(cost.failure_share) if cost else NOTHING),
        *row(str(len(found.tried)), _surged(one), _outcome(found)),
    )


def _outcome(found: Capacity) -> str:
    """The numbers of a capacity that was found stand beside it."""
    return found.outcome.value if found.outcome is Outcome.FOUND else found.finding


def _surged(one: Carrying) -> Inline:
    return mark(SURGED[one.recovers]) if one.surged else NOTHING


def _figure(inputs: ReportInputs) -> Figure:
    drawn = [_drawn(inputs, one) for one in inputs.capacities]
    return Figure(
        capacity.draw(drawn),
        alt="Response time against arrivals per second",
        name="capacity",
        caption="Dots: trials that kept the objective. Crosses: trials that missed it. Across: the "
        "limit. Band: where the capacity lies. Crosses at the top: too many never had an answer.",
        columns=capacity.COLUMNS,
        rows=capacity.rows(drawn),
    )


def _drawn(inputs: ReportInputs, one: Carrying) -> Drawn:
    assert inputs.session.objective is not None
    percentile, limit_ms = next(iter(reversed(inputs.session.objective.limits_ms.items())))
    dots = tuple(dot for trial in one.trials if (dot := _dot(trial, percentile)))
    return Drawn(name_of(inputs, one), percentile[:3], limit_ms, one.capacity, dots)


def _dot(trial: AtRate, percentile: str) -> Dot | None:
    facts = trial.facts
    if facts is None or facts.excess is None:
        return None
    times = {"p50_ms": facts.p50_ms, "p95_ms": facts.p95_ms, "p99_ms": facts.p99_ms}
    return Dot(trial.tried.rate_per_s, times[percentile], trial.tried.kept)
