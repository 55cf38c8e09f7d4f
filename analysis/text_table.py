"""The text table of a session: at most `WIDTH` columns, every trial accounted for.

May not know files; prints nothing itself.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from analysis.comparisons.capacities import AtRate, Carrying, Cost
from analysis.comparisons.same_setup import Comparison, claimed_of, labels, named
from analysis.inference import Kind, PairRatio
from analysis.reading.session import Claim, Session
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import Layout
from analysis.summaries.measures import (
    PERCENTS,
    RESPONSE_STATES,
    CellMeasures,
    percentile_bounds_ms,
)
from analysis.summaries.numbers import around, number
from analysis.summaries.percentiles import median
from analysis.summaries.routes import RouteResult
from analysis.summaries.trials import VERDICTS, TrialResult
from rig.inference.objective import IN_FLIGHT, ObjectiveFacts
from rig.inference.stationarity import State
from rig.model import Level, one_line

WIDTH = 100
NAME_MOST = 30

COLUMNS: Sequence[tuple[str, str, int]] = (
    ("offered", "/s", 9),
    ("goodput", "/s", 9),
    ("best 5 s", "/s", 10),
    ("failed", "%", 8),
    ("p50", "ms", 8),
    ("p95", "ms", 8),
    ("p99", "ms", 8),
)
"""The two lines of each heading, and its width."""


def text_table(
    session: Session,
    layout: Layout,
    cells: Sequence[CellResult],
    notes: Sequence[str],
    pairs: Sequence[Comparison] = (),
    claimed: Sequence[PairRatio] = (),
    routes: Sequence[RouteResult] = (),
    carried: Sequence[Carrying] = (),
) -> str:
    """The whole table: heading, a group per route and delay, mixes, the claim's ratios, notes."""
    # where a capacity was searched each stands at a rate of its own: below, by deployment
    shown = () if session.capacity else cells
    ordered = sorted(shown, key=lambda cell: layout.order(cell.levels))
    names = [layout.series(cell.levels) for cell in ordered]
    width = min(NAME_MOST, max([len(name) for name in names], default=0))
    lines = [*_heading(session, layout, cells), ""]
    if ordered:
        lines += _column_heads(width)
    group = None
    for cell, name in zip(ordered, names, strict=True):
        if group != (group := layout.group(cell.levels)):
            lines += [group] if group else []
        lines += _cell(cell, name, width)
    lines += _carried(carried, layout)
    lines += _routes(routes)
    if session.claim:
        lines += _claim(session, session.claim, layout, claimed, pairs)
    lines += ["", *_wrapped(f"note: {note}" for note in notes)] if notes else []
    return "\n".join(one_line(line.rstrip()) for line in lines) + "\n"


def _heading(session: Session, layout: Layout, cells: Sequence[CellResult]) -> list[str]:
    counts = Counter(result.verdict for cell in cells for result in cell.results)
    total = sum(counts.values())
    counted = ", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name])
    what = [session.experiment, f"session {session.name}"]
    what += [f"profile {session.profile}"] if session.profile else []
    what += [f"backend {session.backend}"] if session.backend else []
    fixed = layout.everywhere
    trials = "1 trial" if total == 1 else f"{total} trials"
    lines = [" · ".join(what), f"{trials}: {counted}" if total else "no trial is scheduled yet"]
    return list(_wrapped([*lines, *([f"everywhere: {fixed}"] if fixed else [])]))


MOST_ROUTES = 20
"""Of one trial that are shown; a Locust file may name hundreds."""


def _carried(found: Sequence[Carrying], layout: Layout) -> list[str]:
    """What each deployment carries, the best first, and its trials by their rates."""
    lines: list[str] = []
    for rank, one in enumerate(found, 1):
        lines += _wrapped([f"{rank}. {layout.deployment(one.levels)} {one.capacity.finding}"])
        lines += _wrapped(map(_tried, one.trials), indent="      ")
        lines += _wrapped(_surged(one), indent="      ")
        lines += _wrapped(_cost(one.cost), indent="      ")
    return lines


def _tried(one: AtRate) -> str:
    rate, facts = f"{number(one.tried.rate_per_s):>6} /s", one.facts
    if facts is None or facts.excess is None:
        return f"{rate}  tells nothing: {one.result.reason or _why_nothing(facts)}"
    times = "  ".join(
        f"{name} {number(ms):>6}"
        for name, ms in (("p50", facts.p50_ms), ("p95", facts.p95_ms), ("p99", facts.p99_ms))
    )
    failed = number(100 * (facts.failure_share or 0.0))
    word = "kept" if one.tried.kept else f"missed: {facts.binds}"
    return f"{rate}  {times} ms  {failed} % failed  {word}"


def _why_nothing(facts: ObjectiveFacts | None) -> str:
    """Of a valid trial."""
    dropped = facts is not None and facts.binds == IN_FLIGHT
    return f"arrivals beyond {IN_FLIGHT} were dropped" if dropped else "too few requests"


def _surged(one: Carrying) -> Iterator[str]:
    if (surged := one.surged) is not None:
        word = {True: "recovers", False: "DOES NOT RECOVER", None: "tells nothing"}[one.recovers]
        rate = number(surged.tried.rate_per_s)
        yield f"after a surge to {number(surged.surge_per_s)} /s it {word} at {rate} /s"


def _cost(cost: Cost | None) -> Iterator[str]:
    if cost is not None and cost.cpu_ms is not None:
        held = f", {cost.connections} connections" if cost.connections is not None else ""
        yield (
            f"at {number(cost.at_per_s)} /s: {number(cost.cpu_ms)} CPU-ms an answer, "
            f"{number(cost.peak_mb)} MB{held}"
        )


def _routes(found: Sequence[RouteResult]) -> list[str]:
    """What routes of mixes and names of Locust files came to: a line for each, of each trial."""
    lines = ["", "by route or name, by the answers that came in the window"] if found else []
    for trial, every in itertools.groupby(found, lambda one: one.trial):
        of_trial = list(every)
        lines.append(f"  {trial}")
        lines += itertools.chain(*map(_route, of_trial[:MOST_ROUTES]))
        if left := len(of_trial) - MOST_ROUTES:
            lines += [f"    and {left} more: derived/routes.csv"] * (left > 0)
    return lines


def _route(one: RouteResult) -> list[str]:
    times = [f"p{percent} {number(getattr(one, f'p{percent}_ms'))}" for percent in PERCENTS]
    counts = f"{number(one.goodput_rps)} /s, {one.failures} failed"
    return list(_wrapped([f"{one.route}: {counts}; {', '.join(times)} ms"], indent="    "))


def _column_heads(width: int) -> list[str]:
    first = " " * (width + 2) + f"{'valid':>7}"
    second = " " * (width + 2) + f"{'trials':>7}"
    for head, unit, size in COLUMNS:
        first += f"{head:>{size}}"
        second += f"{unit:>{size}}"
    return [first, second]


def _cell(cell: CellResult, name: str, width: int) -> Iterator[str]:
    short = name if len(name) <= width else name[: width - 1] + "…"
    line = f"  {short:<{width}}" + f"{len(cell.valid)}/{len(cell.results)}".rjust(7)
    for text, (_, _, size) in zip(_numbers(cell.measures), COLUMNS, strict=True):
        line += text.rjust(size)
    yield line
    details = [name] if short != name else []
    details += [*_spread(cell), *_failures(cell), *cell.failure_reasons, *_never_answered(cell)]
    if cell.measures.round_fits == "no":
        details.append("not feasible: a round of its users was predicted to take too long")
    if cell.measures.response_state in (State.UNSETTLED, State.OVERLOAD):
        details.append(RESPONSE_STATES[cell.measures.response_state])
    details += [_not_counted(result) for result in cell.results if not result.valid]
    yield from _wrapped(details, indent="      ")


def _numbers(measures: CellMeasures) -> Iterator[str]:
    """One for each of `COLUMNS`."""
    share = measures.failure_share
    yield number(measures.offered_rps)
    yield number(measures.goodput_rps)
    yield number(measures.max_goodput_rps)
    yield number(None if share is None else 100 * share)
    for percent in PERCENTS:
        lower, upper = percentile_bounds_ms(measures, percent)
        yield number(lower) if lower == upper else f"> {number(lower)}"


def _spread(cell: CellResult) -> list[str]:
    least, most = cell.measures.goodput_min_rps, cell.measures.goodput_max_rps
    if len(cell.valid) < 2 or least is None:
        return []
    return [f"goodput {number(least)} to {number(most)} /s over {len(cell.valid)} valid trials"]


def _failures(cell: CellResult) -> list[str]:
    top, first_s = cell.measures.top_failure, cell.measures.first_failure_s
    if not top:
        return []
    when = f", the first {first_s:.1f} s into the load" if first_s is not None else ""
    return [f"failures: mostly {top}{when}{_at_the_first(cell)}"]


def _at_the_first(cell: CellResult) -> str:
    """Users and connections when the first failure came; medians over the valid trials."""
    firsts = [result.failures[0] for result in cell.valid if result.failures]
    users = median([first.users for first in firsts])
    held = around(
        median([first.connections[0] for first in firsts]),
        median([first.connections[1] for first in firsts]),
    )
    parts = [f"{number(users)} users"] if users is not None else []
    parts += [f"{held} connections"] if held else []
    return f", at {', '.join(parts)}" if parts else ""


def _never_answered(cell: CellResult) -> list[str]:
    never, peak = cell.measures.never_answered_users, cell.measures.peak_users
    return [f"{number(never)} of {number(peak)} users were never answered"] if never else []


def _not_counted(result: TrialResult) -> str:
    line = f"r{result.scheduled.replicate} {result.verdict}"
    line += f": {result.reason}" if result.reason else ""
    goodput = result.measures.goodput_rps
    return line + (f" (goodput {number(goodput)} /s, not counted)" if goodput is not None else "")


def _claim(
    session: Session,
    claim: Claim,
    layout: Layout,
    claimed: Sequence[PairRatio],
    compared: Sequence[Comparison],
) -> list[str]:
    title = f"{claim.of}: {session.claimed_ratio}"
    found = [(pair, pair.ratio) for pair in claimed if pair.ratio is not None]
    if not found:
        return ["", f"{title}: no pair of cells with both measured yet"]
    statement = " ".join(filter(None, ["claimed:", claim.statement, f"({claim.bound})"]))
    lines = ["", title, *_wrapped([statement], indent="  ")]
    found.sort(key=lambda one: layout.order({**one[0].levels, claim.factor: claim.numerator}))
    names = []
    for pair, _ in found:
        levels = {**pair.levels, claim.factor: claim.numerator}
        names.append(" · ".join(filter(None, [layout.group(levels), *layout.differs(levels)])))
    width = max(len(name) for name in names)
    for name, (pair, ratio) in zip(names, found, strict=True):
        line = f"  {name:<{width}}  {number(ratio):>7}"
        line += f"  {_reached(claim, ratio)}".ljust(14)
        repeated = pair.kind is Kind.BETWEEN_TRIALS
        many = f"geometric mean of {pair.n_blocks} blocks"
        lines.append(line + (many if repeated else "single runs"))
        lines += _wrapped(_of_pair(compared, pair.levels), indent="      ")
    how = "SIMULATED, not measured," if session.backend == "fake" else "measured"
    lines.append(f"  {how} in session {session.name} only; intervals: runner.py report")
    return [*lines, *_wrapped(labels(session, compared, values=False), indent="  ")]


def _reached(claim: Claim, ratio: float) -> str:
    """What became of the claim's bound: `reaches 2`, `within 25 %`."""
    if claim.at_least is not None:
        return f"{'reaches' if ratio >= claim.at_least else 'below'} {claim.at_least:g}"
    assert claim.equivalent_within is not None
    inside = abs(math.log(ratio)) <= math.log1p(claim.equivalent_within)
    return f"{'within' if inside else 'beyond'} {100 * claim.equivalent_within:g} %"


def _of_pair(compared: Sequence[Comparison], levels: Mapping[str, Level]) -> Iterator[str]:
    for one in claimed_of(compared):
        if one.levels == levels and one.undeclared:
            yield f"not the same thing: {named(one.undeclared)}"
        over, under = one.round_trips
        if one.levels == levels and over is not None and under is not None:
            yield f"round trips per request, measured: {number(over)} vs {number(under)}"


def _wrapped(lines: Sequence[str] | Iterator[str], indent: str = "") -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(
            line, WIDTH, initial_indent=indent, subsequent_indent=indent + "  "
        )
