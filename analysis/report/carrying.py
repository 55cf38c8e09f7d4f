"""A report's first words where an objective is asked for: which deployment to choose, and why.

In the order of `opening`: the answer with its rates; how sure; why; what not to conclude. May not
know how words are written to a page.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Sequence

from analysis.comparisons.capacities import AtRate, Carrying
from analysis.report import caveats
from analysis.report.claimed_pairs import few_numbers, joined, listed
from analysis.report.inputs import ReportInputs
from analysis.report.opening import LIMITS, Opening
from analysis.report.wording import between, digits, percent
from analysis.summaries.ceilings import Ceiling
from analysis.summaries.layout import PANEL as ROUTE
from rig.inference.capacity import FEWEST_NEAR, Outcome
from rig.inference.objective import IN_FLIGHT, Objective
from rig.model import Level, Status
from rig.record import Record

SHOWN = 4
"""Deployments that are named one by one."""

BUSY = 0.85
"""A role that uses so much of the CPUs it may run on is what limits."""


def carrying_of(inputs: ReportInputs) -> Opening:
    """The Opening of a session with an objective. Pure."""
    found = inputs.capacities
    return Opening(
        tuple(_answer(inputs, found)),
        tuple(_how_sure(inputs, found)),
        tuple(("", cause) for cause in _why(inputs, found)),
        tuple(_before_acting(inputs, found)),
    )


def name_of(inputs: ReportInputs, one: Carrying) -> str:
    """A deployment in words."""
    return inputs.layout.deployment(one.levels)


def objective_words(objective: Objective) -> str:
    """`p95 at most 300 ms, at most 1 % failed`."""
    limits = [f"{name[:3]} at most {limit:g} ms" for name, limit in objective.limits_ms.items()]
    if objective.failure_share is not None:
        limits.append(f"at most {percent(objective.failure_share)} failed")
    return ", ".join(limits)


# the answer


def _answer(inputs: ReportInputs, found: Sequence[Carrying]) -> Iterator[tuple[str, str]]:
    """Which to choose; the others in their order."""
    session = inputs.session
    assert session.objective is not None
    within = objective_words(session.objective)
    if not any(one.capacity.rank for one in found):
        yield from _none(found, within)
        return
    if session.rate_per_s is not None:
        yield from _at_rate(inputs, found, session.rate_per_s, within)
        return
    first = _alike(found)
    others = found[len(first) :]
    # names have commas of their own
    names = "; ".join(name_of(inputs, one) for one in first)
    if len(first) > 1:
        rates = joined([_rate(one) for one in first])
        yield f"{names}: these carry most, and cannot be told apart.", ""
        yield "", f"They carry {rates}."
        yield "", " ".join([f"Within {within}.", *_cheaper(inputs, *first)])
    else:
        yield f"{names} {_carries(first[0], bool(others))}.", f"Within {within}."
    if others:
        yield "", f"Then {_ranked(inputs, others)}."
        yield from (("", line) for line in _prices(first, others))


def _alike(found: Sequence[Carrying]) -> Sequence[Carrying]:
    """The first one, and those that may carry as much, as far as their intervals tell."""
    low = found[0].capacity.low_per_s
    if found[0].capacity.outcome is not Outcome.FOUND or low is None:
        return found[:1]
    others = itertools.takewhile(
        lambda one: one.capacity.per_s is not None and (one.capacity.high_per_s or 0.0) >= low,
        found[1:],
    )
    return [found[0], *others]


def _carries(one: Carrying, beside: bool) -> str:
    found = one.capacity
    if found.outcome is not Outcome.FOUND:
        return found.finding
    most = " most:" if beside else ""
    interval = between(found.low_per_s, found.high_per_s)
    return f"carries{most} {digits(found.per_s)} requests a second (95 %: {interval})"


def _none(found: Sequence[Carrying], within: str) -> Iterator[tuple[str, str]]:
    never = [one for one in found if one.capacity.outcome is Outcome.NEVER]
    if never and len(never) == len(found):
        yield f"None keeps the objective, {within}.", f"{_lowest(never)}."
    else:
        yield "Not measured: no trial tells what is carried.", ""


def _lowest(never: Sequence[Carrying]) -> str:
    """What the best of those does at the lowest rate."""
    tried = [trial for one in never for trial in one.trials if trial.facts]
    rate = min((trial.tried.rate_per_s for trial in tried), default=0.0)
    facts = [trial.facts for trial in tried if trial.facts and trial.tried.rate_per_s == rate]
    times = [one.p95_ms for one in facts if one.p95_ms is not None]
    least = f"; the fastest had a p95 of {digits(min(times))} ms" if times else ""
    return f"Not even {digits(rate)} requests a second were carried{least}"


def _ranked(inputs: ReportInputs, others: Sequence[Carrying]) -> str:
    said = [f"{name_of(inputs, one)}: {_rate(one)}" for one in others[:SHOWN]]
    more = len(others) - SHOWN
    return "; ".join(said) + (f"; {more} more carry less" if more > 0 else "")


def _prices(first: Sequence[Carrying], others: Sequence[Carrying]) -> Iterator[str]:
    """What an answer costs where most is carried, and elsewhere."""
    here, there = (
        [one.cost.cpu_ms for one in those if one.cost and one.cost.cpu_ms is not None]
        for those in (first, others)
    )
    if len(here) == 1 == len(first) and len(there) == len(others):
        cost = few_numbers(sorted(there))
        yield f"An answer costs {digits(here[0])} CPU-ms there, and {cost} at the others."


def _rate(one: Carrying) -> str:
    """`160 /s (150 to 171)`, and what else there is to say of it."""
    found = one.capacity
    if found.outcome is Outcome.FOUND:
        return f"{digits(found.per_s)} /s ({between(found.low_per_s, found.high_per_s)})"
    return found.finding


def _at_rate(
    inputs: ReportInputs, found: Sequence[Carrying], rate_per_s: float, within: str
) -> Iterator[tuple[str, str]]:
    """Which carry the rate, the cheapest first."""
    carry = [one for one in found if one.carries]
    rate = f"{digits(rate_per_s)} requests a second"
    if not carry:
        known = all(one.carries is False for one in found)
        start = f"None carries {rate} within {within}." if known else f"Open which carries {rate}."
        best = max(found, key=lambda one: one.capacity.rank)
        yield start, f"Most: {name_of(inputs, best)} {best.capacity.finding}."
        return
    best, *others = carry
    yield f"{name_of(inputs, best)} carries {rate}{_price(best)}.", f"Within {within}."
    if others:
        dearer = [f"{name_of(inputs, one)}{_price(one)}" for one in others[:SHOWN]]
        more = len(others) - SHOWN
        also = "So do" if len(others) > 1 else "So does"
        yield "", f"{also} {listed(dearer)}" + (f", and {more} more." if more > 0 else ".")
    if rest := [name_of(inputs, one) for one in found if one.carries is False]:
        yield "", f"{_few(rest)} {'do' if len(rest) > 1 else 'does'} not."


def _few(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return "; ".join([*names[:SHOWN], *([f"{more} more"] if more > 0 else [])])


def _price(one: Carrying) -> str:
    cpu_ms = one.cost.cpu_ms if one.cost else None
    return f" at {digits(cpu_ms)} CPU-ms an answer" if cpu_ms is not None else ""


# how sure


def _how_sure(inputs: ReportInputs, found: Sequence[Carrying]) -> Iterator[str]:
    yield from caveats.of_design(inputs)
    sure = [one for one in found if one.capacity.outcome is Outcome.FOUND]
    if sure:
        near = [one.capacity.near for one in sure]
        trials = f"{min(near)} to {max(near)}" if min(near) < max(near) else str(near[0])
        yield f"Each capacity rests on {trials} trials about it; in brackets 95 % intervals."
    if inputs.session.capacity and (wide := _wider(sure, inputs.session.capacity.spec.within)):
        names = _few([name_of(inputs, one) for one in wide])
        asked = percent(inputs.session.capacity.spec.within)
        yield f"Wider than the ±{asked} asked for: {names}."
        yield "A quieter machine, longer windows or more repeats narrow it."
    if brackets := [one for one in found if one.capacity.outcome is Outcome.BRACKET]:
        names = _few([name_of(inputs, one) for one in brackets])
        yield f"Fewer than {FEWEST_NEAR} trials stand about the capacity of {names}."
    if not inputs.progress.ended:
        yield f"To go on: python runner.py resume {inputs.session.name}."


def _wider(sure: Sequence[Carrying], within: float) -> Sequence[Carrying]:
    """Those whose search ended before their interval was as narrow as asked for."""
    return [
        one
        for one in sure
        if (one.capacity.high_per_s or 0) > (one.capacity.low_per_s or 0) * (1 + within) ** 2
    ]


def _cheaper(inputs: ReportInputs, *those: Carrying) -> Iterator[str]:
    prices = [(one.cost.cpu_ms, one) for one in those if one.cost and one.cost.cpu_ms is not None]
    if len(prices) == len(those):
        cpu_ms, one = min(prices, key=lambda price: price[0])
        yield f"Cheaper is {name_of(inputs, one)}, at {digits(cpu_ms)} CPU-ms an answer."


# why


def _why(inputs: ReportInputs, found: Sequence[Carrying]) -> Iterator[str]:
    """What was busy, and what was predicted beside what is carried."""
    for one in found[:SHOWN]:
        if busy := joined(list(_busy(one))):
            yield f"{name_of(inputs, one)}: {busy}."
    limits: dict[str, list[tuple[Carrying, float]]] = {}
    for one in found:
        if one.capacity.rank and (known := _ceiling(inputs, one)):
            limits.setdefault(known.name, []).append((one, known.rps))
    for name, those in limits.items():
        what = LIMITS.get(name, f"the {name}").removeprefix("that ")
        most = _few([f"{digits(rps)} /s for {name_of(inputs, one)}" for one, rps in those])
        yield f"{what[:1].upper()}{what[1:]}: at most {most}."
    parts = [one.capacity.rank / rps for those in limits.values() for one, rps in those]
    if parts:
        shares = dict.fromkeys(percent(round(part, 2)) for part in (min(parts), max(parts)))
        yield (
            "So one request at a time predicts it; "
            f"within the objective {' to '.join(shares)} of it are carried."
        )
        if round(max(parts), 2) > 1:
            yield "More than predicted is carried where requests cost less as many come at a time."


def _limiting(one: Carrying) -> AtRate | None:
    """The trial at the lowest rate that was missed, else the best one."""
    return next((trial for trial in one.trials if trial.tried.missed), one.best)


def _busy(one: Carrying) -> Iterator[str]:
    """Roles that used all of the CPUs that they may run on."""
    trial = _limiting(one)
    record = trial.result.record if trial else None
    for role, use in record.probes.roles.items() if record else ():
        cpus = len(record.cpus(role)) if record else 0
        if cpus and use.cpu_share_mean >= BUSY * cpus:
            busy = percent(use.cpu_share_mean / cpus)
            yield f"its {role.replace('_', ' ')} used {busy} of its CPUs"


def _ceiling(inputs: ReportInputs, one: Carrying) -> Ceiling | None:
    """The lowest one beside the arrivals; None where none was computed."""
    trial = _limiting(one)
    known = inputs.ceilings.get(trial.result.scheduled.cell) if trial else None
    others = (ceiling for ceiling in known.ceilings if ceiling.name != "arrivals") if known else ()
    return next(iter(others), None)


def _minded(record: Record) -> bool:
    """Whether a check minds how much of the CPUs others used."""
    check = record.check("host_quiet")
    return check is not None and check.status is not Status.PASS


# before acting


def _disturbed(found: Sequence[Carrying]) -> Iterator[str]:
    """How much of the machine others had, where a check minds it: a target cannot use that."""
    trials = (trial for one in found for trial in (*one.trials, one.surged) if trial)
    records = [record for trial in trials if (record := trial.result.record)]
    minded = [record.probes.cpu_others_share or 0.0 for record in records if _minded(record)]
    if minded:
        half, most = percent(statistics.median(minded)), percent(max(minded))
        yield (
            f"In {len(minded)} of {len(records)} trials others used the CPUs, at the median {half} "
            f"of them and at most {most}. On a quiet machine more may be carried."
        )


def _unlike(inputs: ReportInputs, found: Sequence[Carrying]) -> Iterator[str]:
    """Deployments that do not do the same work."""
    by_route: dict[Level, list[str]] = {}
    for one in found:
        by_route.setdefault(one.levels.get(ROUTE, ""), []).append(name_of(inputs, one))
    *fewer, (most, _) = sorted(by_route.items(), key=lambda item: len(item[1]))
    if fewer:
        said = "; ".join(f"{route} by {_few(names)}" for route, names in fewer)
        yield f"Not all rates are of the same requests: {said}; {most} by the others."


def _stuck(inputs: ReportInputs, one: Carrying, surged: AtRate) -> str:
    """Metastable: what a surge left behind keeps it from what it carries otherwise (Bronson and
    others 2021, HotOS)."""
    return (
        f"{name_of(inputs, one)} does not recover from a surge: after {digits(surged.surge_per_s)} "
        f"/s it missed the objective at {digits(surged.tried.rate_per_s)} /s, which it carries "
        "otherwise."
    )


def _before_acting(inputs: ReportInputs, found: Sequence[Carrying]) -> Iterator[str]:
    session = inputs.session
    for one in found:
        if one.recovers is False and one.surged is not None:
            yield _stuck(inputs, one, one.surged)
    if twice := [one for one in found if one.capacity.outcome is Outcome.NOT_MONOTONE]:
        for one in twice[:SHOWN]:
            yield f"{name_of(inputs, one)} {one.capacity.finding}."
    if unsent := [one for one in found if one.capacity.outcome is Outcome.UNSENT]:
        names = _few([name_of(inputs, one) for one in unsent])
        yield f"{names} may carry more: beyond that the trials tell of the load, not of the target."
    trials = [trial for one in found for trial in one.trials if trial.result.record is not None]
    dumb = [trial for trial in trials if trial.tried.excess is None]
    if dumb:
        yield f"{len(dumb)} trials tell nothing of their target, and count for nothing."
    if dropping := sum(trial.facts.binds == IN_FLIGHT for trial in dumb if trial.facts):
        most = session.load["arrivals"]["max_in_flight"]
        yield (
            f"In {dropping} of them arrivals were dropped, and all others in time: "
            f"a `max_in_flight` above {most} tells more."
        )
    yield from _unlike(inputs, found)
    yield from _disturbed(found)
    steady_s = session.load["steady_s"]
    yield (f"Windows of {steady_s:g} s: what fills up over hours was not seen.")
    yield "Each trial met a fresh stack, and requests that came by chance, whoever was waiting."
    yield "At its capacity a deployment has no reserve: half of such trials miss the objective."
