"""A report's first words: what came of the claim, so that anybody can repeat it and it stays true.

In this order: the answer in everyday words with its rates; how sure, and what would make it surer;
why, the model against what was measured; what not to conclude. Each sentence stands alone. What is
not known is left out. May not know how words are written to a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analysis.inference import (
    AGAINST,
    BY_REPEATS,
    BY_SINGLE_RUNS,
    FOR,
    LOWER_IS_BETTER,
    MOST_FAILURES,
    MOST_REPEATS,
    TRIAL_CV,
    JudgedClaim,
    Judgement,
    Kind,
    RepeatRange,
)
from analysis.reading.requirements import MEASURES
from analysis.reading.session import Claim
from analysis.report import before_acting, caveats
from analysis.report.claimed_pairs import (
    ClaimedPair,
    capital,
    claimed_pairs,
    few_numbers,
    listed,
    place_of,
    side_name,
)
from analysis.report.inputs import ReportInputs
from analysis.report.wording import between, percent
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import metric

HOW_SURE, WHY, BEFORE_ACTING = "How sure:", "Why:", "Before you act on it:"


@dataclass(frozen=True)
class Opening:
    """Sentences. `answer` and `why`: what is said in bold, each with what follows it."""

    answer: tuple[tuple[str, str], ...]
    how_sure: tuple[str, ...]
    why: tuple[tuple[str, str], ...]
    """A cause each."""
    before_acting: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """For a terminal: a line for the answer, one for each remark, and a list."""
        answer, causes = (
            [f"{bold} {more}".strip() for bold, more in said] for said in (self.answer, self.why)
        )
        remarks = [f"{HOW_SURE} {' '.join(self.how_sure)}"] if self.how_sure else []
        for heading, items in ((WHY, causes), (BEFORE_ACTING, self.before_acting)):
            if items:
                remarks += [heading, *(f"- {item}" for item in items)]
        return (" ".join(answer), *remarks)


def opening_of(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> Opening:
    """The Opening of a claim that was judged. Pure."""
    pairs = claimed_pairs(inputs, claim, answer)
    return Opening(
        tuple(_answer(inputs, claim, answer, pairs)),
        tuple(_how_sure(inputs, claim, answer)),
        tuple(_why(inputs, claim, pairs)),
        tuple(before_acting.before_acting(inputs, claim, pairs)),
    )


# the answer


def _answer(
    inputs: ReportInputs, claim: Claim, answer: JudgedClaim, pairs: Sequence[ClaimedPair]
) -> Iterator[tuple[str, str]]:
    """For each kind of outcome: where it is so, and the rates there."""
    if not pairs:
        yield "Not measured: the session has no pair of cells that the claim compares.", ""
    yes, no = _words(claim)
    kinds: Sequence[tuple[str, Sequence[Judgement], str]] = (
        (yes, FOR, ""),
        (no, AGAINST, ""),
        (
            "No verdict",
            (Judgement.WITHHELD,),
            f": the side it would favour failed more than {percent(MOST_FAILURES)}",
        ),
        ("Open" if answer.ended else "Not decided yet", (Judgement.NOT_DECIDED,), ""),
        ("Not measured", (Judgement.NOT_MEASURED,), ""),
    )
    for word, judgements, reason in kinds:
        those = [one for one in pairs if one.judged.judgement in judgements]
        if those:
            single = any(one.judged.judgement in BY_SINGLE_RUNS for one in those)
            said = f"Probably {word[0].lower()}{word[1:]}" if single else word
            where = _where(inputs, answer, pairs, those)
            yield f"{said}{where}{reason}.", _rates(inputs, claim, those)


def _words(claim: Claim) -> tuple[str, str]:
    """What is said where the claim holds, and where it does not."""
    if claim.equivalent_within is None:
        return "Yes", "No"
    within = percent(claim.equivalent_within)
    return f"No difference beyond {within}", f"A difference beyond {within}"


def _where(
    inputs: ReportInputs,
    answer: JudgedClaim,
    pairs: Sequence[ClaimedPair],
    those: Sequence[ClaimedPair],
) -> str:
    """Where some of the pairs are: by what the claim depends on, unless others are there, too."""
    if len(those) == len(pairs):
        return f" in all {len(pairs)} comparisons" if len(pairs) > 1 else ""
    judgements = {one.judged.judgement for one in those}
    others = [one for one in pairs if one.judged.judgement not in judgements]
    here = [place_of(inputs, one.judged, answer.depends_on) for one in those]
    there = {place_of(inputs, one.judged, answer.depends_on) for one in others}
    alone = bool(answer.depends_on) and there.isdisjoint(here)
    places = here if alone else [one.place for one in those]
    return f" at {listed(list(dict.fromkeys(places)))}"


def _rates(inputs: ReportInputs, claim: Claim, those: Sequence[ClaimedPair]) -> str:
    """What both sides reached there, in the order of the places."""
    both = [
        (metric(one.over.measures, claim.of), metric(one.under.measures, claim.of))
        for one in those
        if one.over and one.under
    ]
    known = [(over, under) for over, under in both if over is not None and under is not None]
    if not known:
        return ""
    said = [few_numbers([pair[side] for pair in known]) for side in (0, 1)]
    over, under = (
        side_name(inputs, claim, claim.numerator),
        side_name(inputs, claim, claim.denominator),
    )
    unit = " ms" if claim.of in LOWER_IS_BETTER else ""
    what = MEASURES.get(claim.of, claim.of)
    return f"{what}: {said[0]}{unit} with {over}, {said[1]}{unit} with {under}."


# how sure


def _how_sure(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> Iterator[str]:
    yield from caveats.of_design(inputs)
    yield from caveats.of_load(inputs)
    measured = [one for one in answer.pairs if one.pair.ratio is not None]
    single = [one for one in measured if one.pair.kind is not Kind.BETWEEN_TRIALS]
    if single:
        some = "" if len(single) == len(measured) else f" in {len(single)} of {len(measured)} pairs"
        yield f"One run of each{some}, so how much runs differ was not seen."
    if answer.those(*BY_SINGLE_RUNS):
        yield f"“Probably” takes runs to differ by {percent(TRIAL_CV)}, now and then by more."
    if sure := answer.those(*BY_REPEATS):
        blocks = [one.pair.n_blocks for one in sure]
        fewest, most = min(blocks), max(blocks)
        runs = f"{fewest} to {most}" if fewest < most else str(fewest)
        words = "“yes” and “no” are" if claim.equivalent_within is None else "what is said is"
        yield f"{runs} runs of each; {words} wrong in at most 1 of 20 such sessions."
    if len(measured) == 1 and (expected := measured[0].pair.next_block):
        yield f"One more run of each here may be expected to give {between(*expected, '×')}."
    if inputs.turns:
        others = ", ".join(f"“{turn.verdict}” {turn.by}" for turn in inputs.turns)
        yield f"The verdict would be {others}."
    yield from _surer(inputs, claim, answer)


def _surer(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> Iterator[str]:
    """What would decide more."""
    needed, open_ = answer.repeats_needed, answer.those(Judgement.NOT_DECIDED)
    if not answer.ended:
        yield f"To go on: python runner.py resume {inputs.session.name}."
    elif inputs.session.search is not None:
        yield "A search chooses its repeats by itself."
    elif needed is not None:
        yield _repeats(needed)
    elif answer.hopeless:
        near = f"{claim.at_least:g}×" if claim.at_least is not None else "the margin"
        yield f"It is too close to {near} for even {MOST_REPEATS} repeats."
        if claim.at_least == 1:
            yield "Claim equivalent_within, and they may be found equal."
    elif open_ or answer.those(*BY_SINGLE_RUNS):
        yield "Four repeats or more (--repeats 4) would tell how much runs differ."
    if answer.those(Judgement.WITHHELD):
        yield "Repeats decide nothing where a side fails so much; a load that it can serve does."


def _repeats(needed: RepeatRange) -> str:
    if needed.most is None:
        return f"{needed.least} repeats might decide what is open, or even {MOST_REPEATS} not."
    fewest = f"{needed.least} to " if needed.least < needed.most else ""
    return (
        f"{fewest}{needed.most} repeats (--repeats {needed.most}) would decide what is open in "
        "four sessions of five."
    )


# why


def _why(
    inputs: ReportInputs, claim: Claim, pairs: Sequence[ClaimedPair]
) -> Iterator[tuple[str, str]]:
    """For each side the ceilings that explain its cells; of goodput alone."""
    if claim.of != "goodput_rps":
        return
    for level, cells in (
        (claim.denominator, [(one.place, one.under) for one in pairs if one.under]),
        (claim.numerator, [(one.place, one.over) for one in pairs if one.over]),
    ):
        side = side_name(inputs, claim, level)
        by_limit: dict[str, list[_Explained]] = {}
        for limit, one in _explained(inputs, cells):
            by_limit.setdefault(limit, []).append(one)
        for limit, those in by_limit.items():
            places = [one.place for one in those if one.place]
            where = f" at {listed(places)}" if places else ""
            yield f"{capital(side)}{where}.", " ".join(_because(limit, those))


@dataclass(frozen=True)
class _Explained:
    """A cell whose goodput its lowest ceiling predicts."""

    place: str
    """As its pair's."""
    predicted_rps: float
    measured_rps: float
    servers: int


def _explained(
    inputs: ReportInputs, cells: Sequence[tuple[str, CellResult]]
) -> Iterator[tuple[str, _Explained]]:
    """By the name of the ceiling; where much failed, the refusals are what limits."""
    for place, cell in cells:
        ceilings = inputs.ceilings[cell.cell]
        binding, measured = ceilings.binding, ceilings.measured_rps
        if binding is None or measured is None or ceilings.unexplained:
            continue
        if (cell.measures.failure_share or 0.0) <= MOST_FAILURES:
            route = str(cell.levels.get("route"))
            stack = inputs.calibration.stack(cell.levels, route) if inputs.calibration else None
            servers = stack.servers if stack else 1
            yield binding.name, _Explained(place, binding.rps, measured, servers)


def _because(limit: str, those: Sequence[_Explained]) -> Iterator[str]:
    """What limits some cells of a side, and what that predicts beside what was measured."""
    what = LIMITS.get(limit, f"the {limit}")
    is_clause = what.startswith("that ")
    yield f"{capital(what.removeprefix('that '))}." if is_clause else f"What limits it is {what}."
    if limit == SERVICE:
        held = few_numbers([one.servers / one.predicted_rps for one in those])
        yield f"A request keeps its server for {held} s."
    predicted = few_numbers([one.predicted_rps for one in those])
    measured = few_numbers([one.measured_rps for one in those])
    off = max(abs(one.measured_rps / one.predicted_rps - 1) for one in those)
    apart = f"{percent(off)} apart{' at most' if len(those) > 1 else ''}"
    yield f"Predicted {predicted} a second, measured {measured}: {apart}."


SERVICE = "service time and round trips"
LIMITS = {
    SERVICE: "that each of its servers takes one request at a time, and waits with it",
    "users": "the number of users, each of whom waits for an answer before asking again",
    "arrivals": "the rate at which requests arrive",
    "connection slots": "the number of database connections",
    "load generator": "the load generator, not the target",
}
"""The ceilings of `analysis.summaries.ceilings` in everyday words."""
