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
    Answer,
    JudgedPair,
    Judgement,
    Kind,
    RepeatRange,
    factors_varying,
)
from analysis.reading.session import Claim
from analysis.report import caveats
from analysis.report.inputs import ReportInputs
from analysis.report.model import carries_over
from analysis.report.wording import between, digits, percent
from analysis.summaries.cells import CellResult
from analysis.summaries.measures import metric
from rig.model import Level

SHOWN = 3
"""So many numbers, places and warnings are named; the report's tables have them all."""

WORDS = 10
"""So many at most name places in one sentence."""

SILENT = 0.05
"""A share of users without any answer from which on they are named."""


METRIC_WORDS = {
    "goodput_rps": "Correct answers a second",
    "max_goodput_rps": "Correct answers a second in the best 5 s",
    "p50_ms": "Median response time",
    "p95_ms": "p95 response time",
    "p99_ms": "p99 response time",
}
"""What a claim can be of."""


@dataclass(frozen=True)
class Opening:
    """Sentences. `answer`: what is said in bold, each with what follows it."""

    answer: tuple[tuple[str, str], ...]
    how_sure: tuple[str, ...]
    why: tuple[str, ...]
    before_acting: tuple[str, ...]

    @property
    def remarks(self) -> tuple[tuple[str, str], ...]:
        """What follows the answer: heading and sentences, where there are any."""
        parts = (
            ("How sure:", self.how_sure),
            ("Why:", self.why),
            ("Before you act on it:", self.before_acting),
        )
        return tuple((heading, " ".join(said)) for heading, said in parts if said)

    @property
    def lines(self) -> tuple[str, ...]:
        """For a terminal: a line for the answer and one for each remark."""
        answer = " ".join(f"{bold} {more}".rstrip() for bold, more in self.answer)
        return (answer, *(f"{heading} {said}" for heading, said in self.remarks))


@dataclass(frozen=True)
class _Pair:
    """A judged pair with its two cells, as far as they are known."""

    judged: JudgedPair
    place: str
    """Where it is, by the factors that vary among pairs; empty of the only pair."""
    over: CellResult | None
    under: CellResult | None


def opening_of(inputs: ReportInputs, claim: Claim, answer: Answer) -> Opening:
    """The Opening of a claim that was judged. Pure."""
    pairs = _pairs(inputs, claim, answer)
    return Opening(
        tuple(_answer(inputs, claim, answer, pairs)),
        tuple(_how_sure(inputs, claim, answer)),
        tuple(_why(inputs, claim, pairs)),
        tuple(_before_acting(inputs, claim, pairs)),
    )


def _pairs(inputs: ReportInputs, claim: Claim, answer: Answer) -> list[_Pair]:
    """In the order of tables and figures."""

    def cell(judged: JudgedPair, level: Level) -> CellResult | None:
        wanted = {**judged.pair.levels, claim.factor: level}
        return next((one for one in inputs.cells if one.levels == wanted), None)

    def order(judged: JudgedPair) -> list[tuple[int, float, str]]:
        return inputs.layout.order({**judged.pair.levels, claim.factor: claim.numerator})

    names = factors_varying(answer.pairs)
    return [
        _Pair(
            one,
            _place(inputs, one, names),
            cell(one, claim.numerator),
            cell(one, claim.denominator),
        )
        for one in sorted(answer.pairs, key=order)
    ]


def _place(inputs: ReportInputs, judged: JudgedPair, names: Sequence[str]) -> str:
    """`io_read · added delay 100 ms`."""
    factors = [factor for factor in inputs.session.factors if factor.name in names]
    return " · ".join(factor.say(judged.pair.levels[factor.name]) for factor in factors)


# the answer


def _answer(
    inputs: ReportInputs, claim: Claim, answer: Answer, pairs: Sequence[_Pair]
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
    inputs: ReportInputs, answer: Answer, pairs: Sequence[_Pair], those: Sequence[_Pair]
) -> str:
    """Where some of the pairs are: by what the claim depends on, unless others are there, too."""
    if len(those) == len(pairs):
        return f" in all {len(pairs)} comparisons" if len(pairs) > 1 else ""
    judgements = {one.judged.judgement for one in those}
    others = [one for one in pairs if one.judged.judgement not in judgements]
    here = [_place(inputs, one.judged, answer.depends_on) for one in those]
    there = {_place(inputs, one.judged, answer.depends_on) for one in others}
    alone = bool(answer.depends_on) and there.isdisjoint(here)
    places = here if alone else [one.place for one in those]
    return f" at {_listed(list(dict.fromkeys(places)))}"


def _listed(places: Sequence[str]) -> str:
    """As many as a sentence can hold, and how many more."""
    shown: list[str] = []
    for place in places[:SHOWN]:
        if shown and len(" ".join([*shown, place]).replace("· ", "").split()) > WORDS:
            break
        shown.append(place)
    more = len(places) - len(shown)
    return _and([*shown, f"{more} more"] if more else shown)


def _and(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _rates(inputs: ReportInputs, claim: Claim, those: Sequence[_Pair]) -> str:
    """What both sides reached there, in the order of the places."""
    both = [
        (metric(one.over.measures, claim.of), metric(one.under.measures, claim.of))
        for one in those
        if one.over and one.under
    ]
    known = [(over, under) for over, under in both if over is not None and under is not None]
    if not known:
        return ""
    said = [_numbers([pair[side] for pair in known]) for side in (0, 1)]
    over, under = _side(inputs, claim, claim.numerator), _side(inputs, claim, claim.denominator)
    unit = " ms" if claim.of in LOWER_IS_BETTER else ""
    what = METRIC_WORDS.get(claim.of, claim.of)
    return f"{what}: {said[0]}{unit} with {over}, {said[1]}{unit} with {under}."


def _numbers(values: Sequence[float]) -> str:
    """A few in their order; of more, from where to where."""
    if len(values) <= SHOWN:
        return _and([digits(value) for value in values])
    return f"{digits(min(values))} to {digits(max(values))}"


def _side(inputs: ReportInputs, claim: Claim, level: Level) -> str:
    factor = inputs.session.factor(claim.factor)
    return factor.say(level) if factor else str(level)


def _up(text: str) -> str:
    return text[:1].upper() + text[1:]


# how sure


def _how_sure(inputs: ReportInputs, claim: Claim, answer: Answer) -> Iterator[str]:
    yield from caveats.of_design(inputs)
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


def _surer(inputs: ReportInputs, claim: Claim, answer: Answer) -> Iterator[str]:
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


def _why(inputs: ReportInputs, claim: Claim, pairs: Sequence[_Pair]) -> Iterator[str]:
    """For each side the ceilings that explain its cells; of goodput alone."""
    if claim.of != "goodput_rps":
        return
    for level, cells in (
        (claim.denominator, [one.under for one in pairs if one.under]),
        (claim.numerator, [one.over for one in pairs if one.over]),
    ):
        side = _side(inputs, claim, level)
        by_limit: dict[str, list[_Explained]] = {}
        for limit, one in _explained(inputs, cells):
            by_limit.setdefault(limit, []).append(one)
        for limit, those in by_limit.items():
            yield f"What limits {side} is {LIMITS.get(limit, f'the {limit}')}."
            if limit == SERVICE:
                held = _numbers([one.servers / one.predicted_rps for one in those])
                yield f"Each request keeps its server for {held} s."
            predicted = _numbers([one.predicted_rps for one in those])
            measured = _numbers([one.measured_rps for one in those])
            off = max(abs(one.measured_rps / one.predicted_rps - 1) for one in those)
            apart = f"{percent(off)} apart at most"
            yield f"Predicted a second: {predicted}; measured: {measured}; {apart}."


@dataclass(frozen=True)
class _Explained:
    """A cell whose goodput its lowest ceiling predicts."""

    predicted_rps: float
    measured_rps: float
    servers: int


def _explained(
    inputs: ReportInputs, cells: Sequence[CellResult]
) -> Iterator[tuple[str, _Explained]]:
    """By the name of the ceiling; where much failed, the refusals are what limits."""
    for cell in cells:
        ceilings = inputs.ceilings[cell.cell]
        binding, measured = ceilings.binding, ceilings.measured_rps
        if binding is None or measured is None or ceilings.unexplained:
            continue
        if (cell.measures.failure_share or 0.0) <= MOST_FAILURES:
            route = str(cell.levels.get("route"))
            stack = inputs.calibration.stack(cell.levels, route) if inputs.calibration else None
            servers = stack.servers if stack else 1
            yield binding.name, _Explained(binding.rps, measured, servers)


SERVICE = "service time and round trips"
LIMITS = {
    SERVICE: "that each of its servers takes one request at a time, and waits with it",
    "users": "the number of users, each of whom waits for an answer before asking again",
    "arrivals": "the rate at which requests arrive",
    "connection slots": "the number of database connections",
    "load generator": "the load generator, not the target",
}
"""The ceilings of `analysis.summaries.ceilings` in everyday words."""


# what not to conclude

DECISIVE = ("app_threads", "connections", "pooler", "app_workers")
"""Factors that may close a gap by themselves; named where the compared cells have one level."""


def _before_acting(inputs: ReportInputs, claim: Claim, pairs: Sequence[_Pair]) -> Iterator[str]:
    gone = [(one, one.judged.pair.no_ratio_reason) for one in pairs]
    yield from _first([_at(one, reason) for one, reason in gone if reason])
    failing = sorted(
        (one for one in pairs if one.judged.pair.failing and one.judged.pair.ratio is not None),
        key=lambda one: -max(share or 0.0 for share in one.judged.pair.failure_shares),
    )
    yield from _first([_at(one, one.judged.pair.failing) for one in failing])
    yield from _first(list(_unanswered(inputs, claim, pairs)))
    off = sum(
        inputs.ceilings[cell.cell].unexplained
        for one in pairs
        for cell in (one.over, one.under)
        if cell and (cell.measures.failure_share or 0.0) <= MOST_FAILURES
    )
    if off:
        yield f"The goodput of {off} of these cells is not explained by any ceiling."
    yield from _first(list(_beside(inputs, claim)))
    alike = [*inputs.layout.fixed, *inputs.layout.unsaid]
    fixed = {f.name: f"{f.label} {f.value(at)}" for f, at in alike}
    often = [fixed[name] for name in DECISIVE if name in fixed]
    if often:
        yield f"The same in all that is compared, and perhaps decisive: {_and(often)}."
    sides = (
        (claim.denominator, [one.under for one in pairs if one.under]),
        (claim.numerator, [one.over for one in pairs if one.over]),
    )
    named = [(_up(_side(inputs, claim, level)), cells) for level, cells in sides]
    yield from carries_over(inputs, named)


def _beside(inputs: ReportInputs, claim: Claim) -> Iterator[str]:
    """What the cells reached that stand beside the claim, by what sets them apart."""
    unit = " ms" if claim.of in LOWER_IS_BETTER else " a second"
    by_series: dict[str, list[CellResult]] = {}
    for cell in inputs.cells:
        known = metric(cell.measures, claim.of) is not None
        if known and inputs.layout.is_extra(cell.levels):
            by_series.setdefault(inputs.layout.series(cell.levels), []).append(cell)
    for series, cells in by_series.items():
        values = _numbers([metric(one.measures, claim.of) or 0.0 for one in cells])
        failed = max(one.measures.failure_share or 0.0 for one in cells)
        but = f", {percent(failed)} failed" if failed > MOST_FAILURES else ""
        where = _listed([inputs.layout.group(one.levels) for one in cells])
        yield f"Beside the claim, {series}: {values}{unit}{but} ({where})."


def _at(one: _Pair, said: str) -> str:
    return f"{one.place}: {said}." if one.place else f"{_up(said)}."


def _first(sentences: Sequence[str]) -> Iterator[str]:
    yield from sentences[:SHOWN]
    if len(sentences) > SHOWN:
        yield f"{len(sentences) - SHOWN} more in the table."


def _unanswered(inputs: ReportInputs, claim: Claim, pairs: Sequence[_Pair]) -> Iterator[str]:
    """Users whom nobody answered, where they are more than a few."""
    for one in pairs:
        for level, cell in ((claim.numerator, one.over), (claim.denominator, one.under)):
            never = cell.measures.never_answered_users if cell else None
            peak = cell.measures.peak_users if cell else None
            if never and peak and never > SILENT * peak:
                side = _side(inputs, claim, level)
                users = f"{never:.0f} of {peak:.0f} users"
                yield _at(one, f"{users} of {side} had no answer when the load ended")
