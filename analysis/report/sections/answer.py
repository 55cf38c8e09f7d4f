"""The result first: the claim, judged, with the ratio of every pair and its scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from analysis.comparisons.same_setup import claimed_of, labels, lost_labels
from analysis.inference import JudgedClaim, JudgedPair, Kind
from analysis.reading.requirements import MEASURES
from analysis.reading.session import Claim
from analysis.report import caveats
from analysis.report.blocks import (
    Block,
    Fold,
    Inline,
    Items,
    Para,
    Section,
    Strong,
    Table,
    Words,
    para,
    row,
)
from analysis.report.carrying import carrying_of
from analysis.report.inputs import ReportInputs
from analysis.report.opening import BEFORE_ACTING, HOW_SURE, WHY, Opening, opening_of
from analysis.report.sections import crossover
from analysis.report.wording import NOTHING, between, mark, p_value, times
from analysis.summaries import waiting
from rig.model import Level, Status, Verdict

TITLE, ASKED = "Result of the claim", "Which deployment carries how much"


def section(inputs: ReportInputs) -> Section:
    """Always there: without a claim or a valid trial it says so."""
    claim, answer = inputs.session.claim, inputs.answer
    blocks: list[Block] = []
    if inputs.simulated:
        blocks.append(para(Strong("SIMULATED: the fake backend measured no real system.")))
    if not inputs.trials:
        blocks.append(para("No trial is scheduled yet, so there is no result."))
    elif not any(result.valid for result in inputs.results):
        blocks.append(para(_none_valid(inputs)))
    if inputs.session.searched and inputs.trials and not inputs.progress.ended:
        blocks.append(para(Strong(f"{inputs.progress}, so the search has not ended.")))
    blocks += [para(Strong(line)) for line in crossover.sentences(inputs)]
    if inputs.session.objective is not None:
        blocks += _opening(carrying_of(inputs))
    elif claim is None:
        blocks.append(para("The experiment has no claim, so nothing is judged."))
    if claim is not None and answer is not None:
        blocks += _judged(inputs, claim, answer)
    blocks += [para(scope(inputs), quiet=True), *_settings(inputs)]
    return Section("answer", TITLE if inputs.session.objective is None else ASKED, blocks)


def _none_valid(inputs: ReportInputs) -> str:
    counts = Counter(result.verdict for result in inputs.results)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return f"No trial of this session is valid ({counted}). Quote none of its numbers."


def _judged(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> list[Block]:
    statement = claim.statement or f"{claim.of}: {inputs.session.claimed_ratio}"
    what = f"{MEASURES.get(claim.of, claim.of)}, {inputs.session.claimed_ratio}"
    bound = f" ({what}: {claim.bound})"
    blocks: list[Block] = [
        para(Strong("Claim: "), f"{statement}{bound}"),
        *_opening(opening_of(inputs, claim, answer)),
        para("For --check this is: ", mark(answer.verdict.value), ".", quiet=True),
        *(
            para(line, quiet=True)
            for line in (" ".join(caveats.of_attempts(inputs)), caveats.of_claim(inputs))
        ),
    ]
    if answer.pairs:
        blocks.append(_table(inputs, claim, answer))
        blocks += _how(claim, answer)
        blocks += _same(inputs)
    return blocks


def _opening(opening: Opening) -> list[Block]:
    said: list[Inline] = []
    for bold, more in opening.answer:
        said += [Strong(bold), " "] if bold else []
        said += [f"{more} "] if more else []
    blocks: list[Block] = [Para(said)]
    if opening.how_sure:
        blocks.append(para(Strong(HOW_SURE), f" {' '.join(opening.how_sure)}"))
    causes: list[Words] = [
        (Strong(bold), f" {more}") if bold else (more,) for bold, more in opening.why
    ]
    cautions: list[Words] = [(sentence,) for sentence in opening.before_acting]
    for heading, listed in ((WHY, causes), (BEFORE_ACTING, cautions)):
        if listed:
            blocks += [para(Strong(heading)), Items(listed)]
    return blocks


def _table(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> Table:
    heading = ["where", inputs.session.claimed_ratio, "95 % interval", "one more block, 95 %",
               "verdict", "interval type", "blocks", "p (Holm)", "warnings"]  # fmt: skip
    rows = [_row(inputs, claim, pair) for pair in _ordered(inputs, claim, answer)]
    return Table(heading, rows,
                 words_from=4,
                 caption=f"Ratios of {claim.of}. p: probability of a ratio at least this far from "
                 "the claim's bound if the true ratio equals the bound. Holm's method adjusts it "
                 "for the number of repeated pairs.")  # fmt: skip


def _ordered(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> list[JudgedPair]:
    def key(judged: JudgedPair) -> list[tuple[int, float, str]]:
        return inputs.layout.order({**judged.pair.levels, claim.factor: claim.numerator})

    return sorted(answer.pairs, key=key)


def _row(inputs: ReportInputs, claim: Claim, judged: JudgedPair) -> tuple[Words, ...]:
    pair = judged.pair
    levels = {**pair.levels, claim.factor: claim.numerator}
    layout = inputs.layout
    where = " · ".join(filter(None, [layout.group(levels), *layout.differs(levels)]))
    notes = ". ".join(
        filter(None, [pair.no_ratio_reason, pair.failing, *_weak(inputs, levels, claim)])
    )
    kind = NOTHING if pair.kind is Kind.NONE else pair.kind.value
    return (
        *row(where or "here", times(pair.ratio), between(pair.low, pair.high)),
        *row(between(*(pair.next_block or (None, None)))),
        *row(mark(judged.judgement.value), kind, str(pair.n_blocks), p_value(judged.p_holm)),
        *row(notes),
    )


def _weak(inputs: ReportInputs, levels: Mapping[str, Level], claim: Claim) -> Iterator[str]:
    """What weakens a pair: users without any answer, and checks that warned."""
    for level in (claim.numerator, claim.denominator):
        wanted = {**levels, claim.factor: level}
        for cell in inputs.cells:
            if cell.levels != wanted:
                continue
            never, peak = cell.measures.never_answered_users, cell.measures.peak_users
            if never and peak:
                yield f"{level}: {never:.0f} of {peak:.0f} users had no answer"
            warned = Counter(
                check.name
                for result in cell.valid
                if result.record
                for check in result.record.checks
                if check.status is Status.WARN
            )
            if warned:
                yield f"{level}: checks that warn: {', '.join(sorted(warned))}"


def _how(claim: Claim, answer: JudgedClaim) -> Iterator[Block]:
    """What the intervals tell, and why there may be none."""
    if any(judged.pair.next_block for judged in answer.pairs):
        words = (
            "The 95 % interval holds the mean ratio of very many blocks. "
            "One more block of this session may be expected in the wider one. "
            "Another machine, or another hour of this one, may lie in neither."
        )
        yield para(words, quiet=True)
    if any(judged.pair.kind is Kind.WITHIN_TRIAL for judged in answer.pairs):
        words = (
            "An interval within a trial tells how well that one trial was measured. "
            "Another run may give another number, so no significance is claimed. "
            "Where the rate wanders over many seconds, most short windows have no interval. "
            "Of the few there, most are too narrow: up to 5 in 100 windows."
        )
        yield para(words, quiet=True)
    if claim.of == "goodput_rps" and any(judged.pair.unmeasured for judged in answer.pairs):
        words = (
            "A single run without an interval is too short to tell how well it was "
            "measured: neighbouring seconds resemble each other, or are too few."
        )
        yield para(words, quiet=True)


def _same(inputs: ReportInputs) -> list[Block]:
    """Whether what is compared is the same thing; a pair that is not loses its label."""
    session = inputs.session
    lost = lost_labels(session, inputs.layout, inputs.pairs)
    found: list[Block] = [para(Strong(line + ".")) for line in lost]
    kept = labels(session, inputs.pairs, values=True)
    if any(pair.inherent for pair in claimed_of(inputs.pairs)):
        words = "The stacks also differ in what their targets declare as their design. "
        found.append(para(words + "The ratio includes that effect."))
    return [*found, *(para(f"{line}.", quiet=True) for line in kept)]


def scope(inputs: ReportInputs) -> str:
    """What the answer is about, and no more."""
    session = inputs.session
    if not inputs.trials:
        return f"Session {session.name}."
    count = sum(result.verdict == Verdict.VALID for result in inputs.results)
    where = "simulated hosts" if inputs.simulated else "this machine, these versions"
    load = session.load_words(waiting.words(session, inputs.cells))
    return (
        f"Scope: {where} and this load ({load}). "
        f"{count} of {len(inputs.trials)} trials of session {session.name} are valid."
    )


def _settings(inputs: ReportInputs) -> list[Block]:
    """The levels that the names of cells leave out."""
    layout = inputs.layout
    rows = [
        row(factor.label, factor.value(level), cells)
        for levels, cells in ((layout.fixed, "every cell"), (layout.unsaid, "unless named"))
        for factor, level in levels
    ]
    table = Table(["setting", "value", "cells"], rows, numbers_from=3)
    return [Fold(("Settings of the cells",), [table])] if rows else []
