"""The answer first: the claim, judged, with the ratio of every pair and its scope."""

from __future__ import annotations

from collections import Counter

from analysis.comparable import labels, lost_labels
from analysis.inference import Answer, JudgedPair, Judgement, Kind
from analysis.report.blocks import Block, Para, Section, Strong, Table, Words, para, row
from analysis.report.material import Material
from analysis.report.sections import crossover
from analysis.report.wording import NOTHING, between, mark, p_value, times
from analysis.session import Claim
from rig.model import Verdict

TITLE = "The answer"


def section(material: Material) -> Section:
    """Always there: without a claim or a valid trial it says so."""
    claim, answer = material.session.claim, material.answer
    blocks: list[Block] = []
    if material.simulated:
        blocks.append(para(Strong("SIMULATED: the fake backend measured no real system.")))
    if not material.trials:
        blocks.append(para("No trial is scheduled yet: there is nothing to answer."))
    elif not any(result.valid for result in material.results):
        blocks.append(para(_none_valid(material)))
    blocks += [para(Strong(line)) for line in crossover.sentences(material)]
    if claim is None:
        blocks.append(para("The experiment claims nothing, so nothing is judged."))
    elif answer is not None:
        blocks += _judged(material, claim, answer)
    blocks.append(para(scope(material), quiet=True))
    return Section("answer", TITLE, blocks)


def _none_valid(material: Material) -> str:
    counts = Counter(result.verdict for result in material.results)
    said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return f"No trial of this session is valid ({said}), so no number of it may be quoted."


def _judged(material: Material, claim: Claim, answer: Answer) -> list[Block]:
    says = claim.says or f"{claim.of}: {claim.numerator} ÷ {claim.denominator}"
    bound = f" (at least {claim.at_least:g}×)" if claim.at_least is not None else ""
    blocks: list[Block] = [
        para(Strong("Claim: "), f"{says}{bound}"),
        para(mark(answer.verdict.value), ". ", answer.sentence),
    ]
    if answer.pairs:
        blocks.append(_table(material, claim, answer))
        blocks += _how(answer)
        blocks += _same(material)
    return blocks


def _table(material: Material, claim: Claim, answer: Answer) -> Table:
    heading = ["where", f"{claim.numerator} ÷ {claim.denominator}", "95 % interval", "says",
               "from", "blocks", "p (Holm)", "mind"]  # fmt: skip
    rows = [_row(material, claim, pair) for pair in _ordered(material, claim, answer)]
    return Table(heading, rows,
                 words_from=3,
                 caption=f"Ratios of {claim.of}. p: of the true ratio being exactly the claim's "
                 "bound, adjusted for all pairs.")  # fmt: skip


def _ordered(material: Material, claim: Claim, answer: Answer) -> list[JudgedPair]:
    def key(judged: JudgedPair) -> list[tuple[int, float, str]]:
        return material.layout.order({**judged.pair.levels, claim.factor: claim.numerator})

    return sorted(answer.pairs, key=key)


def _row(material: Material, claim: Claim, judged: JudgedPair) -> tuple[Words, ...]:
    pair = judged.pair
    levels = {**pair.levels, claim.factor: claim.numerator}
    layout = material.layout
    where = " · ".join(filter(None, [layout.group(levels), *layout.differs(levels)]))
    notes = "; ".join(filter(None, [pair.why_none, pair.failing]))
    kind = NOTHING if pair.kind is Kind.NONE else pair.kind.value
    return (
        *row(where or "here", times(pair.ratio), between(pair.low, pair.high)),
        *row(mark(judged.judgement.value), kind, str(pair.n_blocks), p_value(judged.p_holm)),
        *row(notes),
    )


def _how(answer: Answer) -> list[Block]:
    kinds = {judged.pair.kind for judged in answer.pairs}
    said: list[Block] = []
    if Kind.WITHIN_TRIAL in kinds:
        said.append(
            Para(
                (
                    "Intervals within a trial say how well that one trial was measured, not what "
                    "another run would give: no significance is claimed from them.",
                ),
                quiet=True,
            )
        )
    needed = answer.repeats_needed
    if needed is not None:
        said.append(para(f"About {needed} repeats (--repeats {needed}) would decide what is open."))
    elif any(judged.judgement is Judgement.NOT_DECIDED for judged in answer.pairs):
        said.append(
            para("How many repeats would decide the rest cannot be told from these trials.")
            if Kind.BETWEEN_TRIALS in kinds
            else para("Two or more repeats (--repeats 4) would give intervals between trials.")
        )
    return said


def _same(material: Material) -> list[Block]:
    """Whether what is compared is the same thing; a pair that is not loses its label."""
    session = material.session
    lost = lost_labels(session, material.layout, material.pairs)
    found: list[Block] = [para(Strong(line + ".")) for line in lost]
    kept = labels(session, material.pairs, values=True)
    return [*found, *(para(f"{line}.", quiet=True) for line in kept)]


def scope(material: Material) -> str:
    """What the answer is about, and no more."""
    session = material.session
    if not material.trials:
        return f"Session {session.name}."
    count = sum(result.verdict == Verdict.VALID for result in material.results)
    fixed = material.layout.everywhere
    where = "simulated hosts" if material.simulated else "this machine, these versions"
    return (
        f"Scope: {where} and this load, {count} valid of {len(material.trials)} trials of session "
        f"{session.name}. " + (f"Everywhere: {fixed}." if fixed else "")
    )
