"""Each trial's own part: timeline, checks, probes, facts, logs, and links to their files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from analysis.figures import timeline
from analysis.report.blocks import (
    Absent,
    Block,
    Figure,
    Fold,
    Inline,
    Link,
    Log,
    Para,
    Section,
    Table,
    Words,
    para,
    row,
)
from analysis.report.inputs import ReportInputs, Trial
from analysis.report.links import href
from analysis.report.wording import NOTHING, anchor, digits, file_of, mark, percent
from analysis.summaries.measures import PERCENTS, percentile_bounds_ms
from analysis.summaries.numbers import around
from analysis.summaries.routes import of_mixes
from analysis.summaries.steps import of_steps
from rig.record import RoleUse

TITLE = "Trials"
FACT_MOST = 400
ROUTES_MOST = 30
TIMES = ("p50 ms", "p95 ms", "p99 ms")


def section(inputs: ReportInputs) -> Section | Absent:
    """A folded part per trial, in the order they ran."""
    if not inputs.trials:
        return Absent(TITLE, "no trial is scheduled yet")
    lead = para("In the order of their runs. Each number links to the file that it comes from.")
    parts = [_part(inputs, trial) for trial in inputs.trials]
    return Section("trials", TITLE, [lead, *parts])


def _part(inputs: ReportInputs, trial: Trial) -> Fold:
    result = trial.result
    goodput = result.measures.goodput_rps
    number = f", {digits(goodput)} /s" if goodput is not None else ""
    summary: Words = (
        f"{result.scheduled.position}. {inputs.name(result.scheduled.levels)}, replicate "
        f"{result.scheduled.replicate}{number}: ",
        mark(result.verdict),
    )
    return Fold(summary, _blocks(inputs, trial), anchor(trial))


def _blocks(inputs: ReportInputs, trial: Trial) -> list[Block]:
    result = trial.result
    blocks: list[Block] = []
    if result.reason:
        blocks.append(para(f"{result.verdict}: {result.reason}"))
    if result.scheduled.because:
        blocks.append(para(f"Reason for this cell: {result.scheduled.because}"))
    if result.record is None:
        return blocks or [para("No attempt was finished.")]
    blocks += _load(trial)
    blocks += _routes(trial)
    blocks += _steps(inputs, trial)
    blocks += _checks(trial)
    blocks += _probes(trial)
    blocks += _facts(trial)
    blocks += _logs(trial)
    blocks.append(_files(trial))
    return blocks


def _load(trial: Trial) -> list[Block]:
    result, record = trial.result, trial.result.record
    if record is None or not result.timeline.ok:
        return [para("No load was recorded.")]
    of, measures = record.load, result.measures
    description = (
        f"Timeline of {trial.name}: {digits(measures.total_successes)} correct and "
        f"{digits(measures.total_failures)} failed answers"
    )
    source: Words = ("Drawn from ", file_of(trial, "load", "completions.csv"), " and ",
                     file_of(trial, "load", "seconds.csv"), ".")  # fmt: skip
    drawn = timeline.draw(result.timeline, of.ramp_s, of.duration_s, description)
    figure = Figure(drawn, alt=description, legend=timeline.LEGEND, source=source)
    return [figure, _numbers(trial), *_failures(trial)]


def _routes(trial: Trial) -> list[Block]:
    """What each route of a mix came to, or each name of a Locust file."""
    found = list(of_mixes([trial.result]))
    rows = [
        row(one.route, f"{digits(one.goodput_rps)} /s", str(one.failures), digits(one.unfinished),
            digits(one.statements), *map(digits, (one.p50_ms, one.p95_ms, one.p99_ms)))
        for one in found[:ROUTES_MOST]
    ]  # fmt: skip
    heading = ["route", "goodput", "failed", "unfinished", "statements", *TIMES]
    caption = "By the answers that came in the window. Statements are those that a route declares."
    left = len(found) - ROUTES_MOST
    more = [para(f"{left} more routes or names are in derived/routes.csv.")] if left > 0 else []
    return [Table(heading, rows, caption=caption), *more] if rows else []


def _steps(inputs: ReportInputs, trial: Trial) -> list[Block]:
    """What each step came to, where users come in steps."""
    rows = [
        row(f"{step.from_s:g} to {step.until_s:g} s", str(step.users),
            f"{digits(step.goodput_rps)} /s", str(step.failures),
            *map(digits, (step.p50_ms, step.p95_ms, step.p99_ms)))
        for step in of_steps(inputs.session, [trial.result])
    ]  # fmt: skip
    heading = ["step", "users", "goodput", "failed", *TIMES]
    caption = "An answer belongs to the step in whose seconds it came."
    return [Table(heading, rows, caption=caption)] if rows else []


def _failures(trial: Trial) -> list[Block]:
    """Each class with its first moment, and what the logs say of unnamed ones."""
    why = [para(reason) for reason in trial.result.reasons]
    rows = [
        row(one.name, str(one.count), f"{one.first_s:.1f} s", digits(one.users),
            digits(one.in_flight), around(*one.connections) or NOTHING)
        for one in trial.result.failures
    ]  # fmt: skip
    heading = ["failure", "count", "first at", "users", "in flight", "connections"]
    counts, seconds = ("load", "completions.csv"), ("load", "seconds.csv")
    logs = [("logs", f"{role}.log") for role in ("app", "database")] if why else []
    source = _from(trial, counts, seconds, ("probes", "postgres.csv"), *logs)
    caption = "Users, requests in flight and connections: at the first failure of the class."
    return [Table(heading, rows, caption=caption), *why, *source] if rows else []


def _from(trial: Trial, *files: tuple[str, ...]) -> list[Block]:
    """Links to the files that what stands above comes from, as far as they are there."""
    folder = trial.result.folder
    words: list[Inline] = []
    for file in files:
        if folder is not None and folder.joinpath(*file).exists():
            words += [", " if words else "From ", file_of(trial, *file)]
    return [para(*words, ".", quiet=True)] if words else []


def _numbers(trial: Trial) -> Table:
    m = trial.result.measures
    manifest, hlog = file_of(trial, "manifest.json"), file_of(trial, "load", "latencies.hlog")
    counts = file_of(trial, "load", "completions.csv")
    seconds = file_of(trial, "load", "seconds.csv")
    rows = [
        row("goodput", f"{digits(m.goodput_rps)} /s", counts),
        row("offered", f"{digits(m.offered_rps)} /s", seconds),
        row("failed", percent(m.failure_share), counts),
        row("best 5 s", f"{digits(m.max_goodput_rps)} /s", counts),
        row("p50, p95, p99", f"{', '.join(_percentiles(trial))} ms", hlog),
        row("in flight at the stop", digits(m.in_flight_at_stop), manifest),
        row("measured delay", f"{digits(m.measured_delay_ms)} ms", manifest),
    ]
    return Table(["measure", "value", "file"], rows, numbers_from=3)


def _percentiles(trial: Trial) -> Iterator[str]:
    """Each percentile; a bound where requests that were never answered could move it."""
    for percent_ in PERCENTS:
        lower, upper = percentile_bounds_ms(trial.result.measures, percent_)
        yield digits(lower) if lower == upper else f"> {digits(lower)}"


def _checks(trial: Trial) -> list[Block]:
    record = trial.result.record
    if record is None or not record.checks:
        return [para("No check was made.", quiet=True)]
    rows: list[tuple[Words, ...]] = [
        ((check.name,), (mark(check.status.value),), (check.says,)) for check in record.checks
    ]
    table = Table(["check", "status", "explanation"], rows, numbers_from=3)
    return [table, *_from(trial, ("checks.json",))]


def _probes(trial: Trial) -> list[Block]:
    probes = trial.probes
    rows = [
        row(role, f"{use.cpu_share_mean:.3g}", f"{use.cpu_share_max:.3g}",
            f"{use.rss_peak_bytes / 1e6:.0f} MB", _throttled(use))
        for role, use in probes.roles.items()
    ]  # fmt: skip
    blocks: list[Block] = []
    if rows:
        heading = ["role", "CPUs, mean", "CPUs, max", "peak memory", "throttled"]
        blocks += [Table(heading, rows), *_from(trial, ("probes", "processes.csv"))]
    blocks += _other_probes(trial)
    for name, reason in probes.failed.items():
        blocks.append(para(f"Probe {name} has no data: {reason}", quiet=True))
    if not rows and not probes.failed:
        blocks.append(para("No process was probed.", quiet=True))
    return blocks


def _other_probes(trial: Trial) -> list[Block]:
    """What else the probes add up to: the app's queue, the databases', the machine's."""
    p = trial.probes
    backlog = _out_of(p.app_backlog_max, p.app_backlog_limit)
    sessions = _out_of(p.postgres_sessions_max, p.postgres_max_connections)
    rows = [
        row(what, value, file_of(trial, "probes", f"{probe}.csv"))
        for what, value, probe in (
            ("busy share of the app's threads", percent(p.app_busy_share), "app_loop"),
            ("event-loop lag at most", _ms(p.app_loop_lag_max_ms), "app_loop"),
            ("connections to the app at most", digits(p.app_open_max), "app_sockets"),
            ("not accepted yet at most", backlog, "app_sockets"),
            ("sessions of Postgres at most", sessions, "postgres"),
            ("sessions waiting for a lock or a disk at most", digits(p.postgres_waiting_max),
             "postgres"),
            ("clients waiting for PgBouncer at most", digits(p.pgbouncer_waiting_max), "pgbouncer"),
            ("longest wait for PgBouncer", _ms(p.pgbouncer_longest_wait_ms), "pgbouncer"),
            ("CPU stolen by the hypervisor", percent(p.cpu_steal_share), "host"),
            ("CPU used by others", percent(p.cpu_others_share), "host"),
            ("time some task waited for a CPU", percent(p.pressure_cpu_share), "host"),
            ("time some task waited for a disk", percent(p.pressure_io_share), "host"),
            ("time some task waited for memory", percent(p.pressure_memory_share), "host"),
        )
        if value != NOTHING
    ]  # fmt: skip
    heading = ["measure in the steady window", "value", "file"]
    return [Table(heading, rows, words_from=2)] if rows else []


def _out_of(value: int | None, limit: int | None) -> str:
    return NOTHING if value is None else f"{value} of {digits(limit)}"


def _ms(value: float | None) -> str:
    return NOTHING if value is None else f"{digits(value)} ms"


def _throttled(use: RoleUse) -> str:
    return NOTHING if use.throttled_s is None else f"{use.throttled_s:.3g} s"


def _facts(trial: Trial) -> list[Block]:
    record = trial.result.record
    if record is None or not record.facts:
        return []
    rows = [row(str(name), _fact(value)) for name, value in record.facts.items()]
    table = Table(["role", "facts"], rows, numbers_from=2)
    return [Fold(("Facts",), [table, *_from(trial, ("facts.json",))])]


def _fact(value: Any) -> str:
    if isinstance(value, Mapping):
        text = ", ".join(f"{name}: {_plain(one)}" for name, one in value.items())
    else:
        text = _plain(value)
    return text if len(text) <= FACT_MOST else text[: FACT_MOST - 1] + "…"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _logs(trial: Trial) -> list[Block]:
    inside: list[Block] = []
    for tail in trial.logs:
        if tail.text:
            link = file_of(trial, "logs", tail.name, text=tail.name)
            inside += [para(link, f", its last lines of {tail.bytes} bytes"), Log(tail.text)]
    return [Fold(("Logs",), inside)] if inside else []


def _files(trial: Trial) -> Block:
    plan = Link("plan.json", href("..", "trials", trial.name, "plan.json"))
    links: list[Words] = [(file_of(trial, *name.split("/")),) for name in trial.files]
    links = [(plan,), *links] if trial.has_plan else links
    apart = [inline for link in links for inline in (*link, " · ")]
    return Fold((f"All {len(links)} files",), [Para(apart[:-1])])
