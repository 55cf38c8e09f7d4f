"""What a session's design, its rejected attempts and its journal say beside the answer.

Sentences, as `opening` has them. May not know how words are written to a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from analysis.comparisons.thrown_out import Side
from analysis.inference import TRIAL_CV
from analysis.report.inputs import ReportInputs
from analysis.report.wording import percent
from rig.inference.looks import ENOUGH, held_given_end
from rig.inference.power import ORDINARY_CV

FALSE_BY_PEEKING = 0.24
"""Of sessions, if one looks after each of 12 blocks without allowing for it; by simulation
(docs/method.md)."""

SHOWN = 3
"""Reasons of a side that are named."""

SHORT = 12
"""Digits of a hash that are shown."""


def of_design(inputs: ReportInputs) -> Iterator[str]:
    """What the moment of looking does to what is said: before the end, or at one's own end."""
    progress, until = inputs.progress, inputs.session.until
    if not progress.ended:
        yield f"{progress}, so nothing is decided yet."
        if progress.unit == "blocks":
            yield (f"Looking after each block finds a difference that is not there in up to "
                   f"{percent(FALSE_BY_PEEKING)} of sessions.")  # fmt: skip
        return
    if until is None or progress.done >= inputs.session.repeats:
        return
    cvs = sorted({ORDINARY_CV, min(until.within, TRIAL_CV)})
    held = [held_given_end(until.within, progress.done, cv) for cv in cvs]
    if min(held) < ENOUGH:
        said = ", in ".join(
            f"at least {percent(round(share, 2))} if runs differ by {percent(cv)}"
            for share, cv in zip(held, cvs, strict=True)
        )
        yield f"Narrow intervals ended it after {progress.done} blocks, and may be so by chance."
        yield f"Such intervals hold the truth in {said}."


def of_load(inputs: ReportInputs) -> Iterator[str]:
    """What a crowd that comes and goes does to every number."""
    if inputs.session.steps:
        yield "Users come in steps, so that every number is of all steps together."
        yield "Both sides of a comparison had the same steps; derived/steps.csv has each by itself."


def of_attempts(inputs: ReportInputs) -> Iterator[str]:
    """How many attempts were thrown out on each side, why, and whether it matters."""
    thrown = inputs.thrown_out
    if thrown is None:
        return
    yield from (_thrown_of(inputs, side) for side in thrown.sides)
    if not any(side.thrown_out for side in thrown.sides):
        return
    if thrown.answer is None or not thrown.measured:
        yield "None of them has a number."
    elif thrown.changed:
        pairs = f"{thrown.changed} of {len(thrown.answer.pairs)} pairs otherwise"
        yield f"With their numbers it would be {thrown.answer.verdict}: {pairs}."
    else:
        yield "With their numbers every pair would be judged the same."


def _thrown_of(inputs: ReportInputs, side: Side) -> str:
    factor = inputs.session.factor(inputs.session.claim.factor) if inputs.session.claim else None
    name = factor.say(side.level) if factor else str(side.level)
    of = f"Of {side.attempts} attempts with {name} {side.thrown_out or 'none'}"
    were = f"{of} {'were' if side.thrown_out > 1 else 'was'} thrown out"
    shown = list(side.reasons.items())[:SHOWN]
    why = ", ".join(f"{reason} {count}" for reason, count in shown)
    return f"{were}{f': {why}' if why else ''}{', …' if len(side.reasons) > SHOWN else ''}."


def of_claim(inputs: ReportInputs) -> str:
    """When the claim was fixed, and where that stands."""
    fixed = inputs.session.claim_fixed
    if fixed is None:
        return "No journal says when the claim was fixed."
    where = f"(SHA-256 {fixed.sha256[:SHORT]}…, first line of journal.jsonl)"
    if not fixed.kept:
        return f"The claim is not the one that was fixed at {fixed.at} {where}."
    if _began_before(inputs, fixed.at):
        return f"The claim is known since {fixed.at} only, when trials had run {where}."
    return f"The claim was fixed at {fixed.at}, before the first trial {where}."


def _began_before(inputs: ReportInputs, at: str) -> bool:
    """Whether a trial began before a moment, by the wall clock."""
    begun = [result.record.started_at for result in inputs.results if result.record]
    try:
        moment = datetime.fromisoformat(at)
        return any(datetime.fromisoformat(one) < moment for one in begun)
    except (ValueError, TypeError):  # no time, or one without a zone
        return True
