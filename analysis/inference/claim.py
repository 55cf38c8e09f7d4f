"""The claim of an experiment, judged pair by pair and as a whole, with a sentence to repeat.

Pure: pairs in, an Answer out. May not know sessions, files or how a report looks.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from analysis.inference.repeats import MOST, repeats_needed
from rig.inference import Kind, PairRatio, holm
from rig.model import Level

DECIDED = 0.05
"""A pair is decided below this p of its ratio being the bound, Holm's over all pairs."""

FAR = 1.5
"""A single run this many times beyond the bound *indicates*.

Nothing in a single run tells how much runs differ. Were it by 15 %, as on a busy shared machine,
1.5 would still be two standard errors of a ratio of two of them."""

SURE_OF_SEARCH = 4
"""Blocks that a search needs at one level before it may call a pair decided: it goes on or stops
by what it sees, so that few blocks there are the luckier ones."""


METRIC_WORDS = {
    "goodput_rps": "goodput",
    "max_goodput_rps": "best goodput over 5 s",
    "p50_ms": "median response time",
    "p95_ms": "p95 response time",
    "p99_ms": "p99 response time",
}

SHOWN = 3
"""So many places and so many warnings are named; the report's table has them all."""


class Judgement(enum.StrEnum):
    """What the claim's bound has to do with one pair."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INDICATED = "indicated"
    """A single run, far above the bound."""
    INDICATED_AGAINST = "indicated against"
    """A single run, far below the bound."""
    NOT_DECIDED = "not decided"
    NOT_MEASURED = "not measured"


class Verdict(enum.StrEnum):
    """What became of the claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    DEPENDS = "depends"
    INDICATED = "indicated"
    """By single runs: for, against, or depending on something; `sentence` says which."""
    NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class Bound:
    """A claim, as far as it can be judged: numerator ÷ denominator of `of` is `at_least`."""

    factor: str
    numerator: Level
    denominator: Level
    at_least: float
    of: str = "goodput_rps"


@dataclass(frozen=True)
class JudgedPair:
    """A pair and what it says of the claim."""

    pair: PairRatio
    judgement: Judgement
    p_holm: float | None = None
    """Of the true ratio being exactly the bound, adjusted for all pairs together."""
    repeats_needed: int | None = None
    """Blocks that would decide it in four of five cases; None where decided or unknown."""


@dataclass(frozen=True)
class Answer:
    """The claim, judged."""

    verdict: Verdict
    sentence: str
    """A few short ones, without the scope: machine, versions and load are the report's to state."""
    depends_on: tuple[str, ...] = ()
    """The factors whose levels part the pairs that hold from those that do not."""
    pairs: tuple[JudgedPair, ...] = ()
    repeats_needed: int | None = None
    """Blocks in all that would decide every pair; None where decided or unknown."""
    caveats: tuple[str, ...] = ()
    """What was not measured, and where failures make a ratio say something else."""

    @property
    def words(self) -> str:
        """The sentences with their caveats."""
        return " ".join([self.sentence, *self.caveats])


_FOR = (Judgement.SUPPORTED, Judgement.INDICATED)
_AGAINST = (Judgement.CONTRADICTED, Judgement.INDICATED_AGAINST)
_INDICATED = (Judgement.INDICATED, Judgement.INDICATED_AGAINST)
_OPEN = (Judgement.NOT_DECIDED,)
_GONE = (Judgement.NOT_MEASURED,)


def judge_claim(
    pairs: Iterable[PairRatio],
    bound: Bound,
    *,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    order: Sequence[str] = (),
    least_blocks: int = 2,
) -> Answer:
    """The Answer to a claim about the pairs that do not stand beside the cross product.

    `labels`, `units`: of the factors, for the sentence. `order`: factors to look at first when
    naming what it depends on. A pair between trials is decided when Holm's p over all pairs is
    below `DECIDED`; all decided verdicts then hold together with 95 %. Single runs are judged by
    `FAR`, provided that their within-trial interval, if any, clears the bound too; and so are
    pairs of fewer than `least_blocks` blocks. A pair that was not measured leaves the claim open.
    """
    judged = _judged([one for one in pairs if not one.extra], bound.at_least, least_blocks)
    words = _Words(bound, labels or {}, units or {})
    holds, fails = _those(judged, _FOR), _those(judged, _AGAINST)
    open_, gone = _those(judged, _OPEN), _those(judged, _GONE)
    single = bool(_those(judged, _INDICATED))
    needed, caveats = _needed(judged), words.caveats(judged)
    depends_on: tuple[str, ...] = ()
    if len(gone) == len(judged):
        return Answer(Verdict.NOT_DECIDED, words.nothing(), (), judged, None, caveats)
    if holds and fails:
        depends_on = _parting(holds, fails, order)
        verdict = Verdict.INDICATED if single else Verdict.DEPENDS
        sentence = words.depends(holds, fails, judged, depends_on)
        sentence += words.still_open(open_, judged)
    elif open_ or gone:
        verdict, sentence = Verdict.NOT_DECIDED, words.undecided(judged, needed)
    else:
        sure = Verdict.SUPPORTED if holds else Verdict.CONTRADICTED
        verdict = Verdict.INDICATED if single else sure
        sentence = words.all_one_way(judged, bool(holds))
    return Answer(verdict, sentence, depends_on, judged, needed, caveats)


def _those(judged: Iterable[JudgedPair], which: Sequence[Judgement]) -> list[JudgedPair]:
    return [one for one in judged if one.judgement in which]


def _judged(
    pairs: Sequence[PairRatio], at_least: float, least_blocks: int
) -> tuple[JudgedPair, ...]:
    p_values = [pair.p_of(at_least) if pair.n_blocks >= least_blocks else None for pair in pairs]
    family = [p for p in p_values if p is not None]
    adjusted = iter(holm(family))
    return tuple(
        _judge(pair, at_least, None if p is None else next(adjusted), len(family))
        for pair, p in zip(pairs, p_values, strict=True)
    )


def _judge(pair: PairRatio, at_least: float, p_holm: float | None, family: int) -> JudgedPair:
    if pair.ratio is None:
        return JudgedPair(pair, Judgement.NOT_MEASURED)
    above = pair.ratio >= at_least
    if pair.silent[0 if above else 1]:  # what the ratio lacks is on the side that it favours
        return JudgedPair(pair, Judgement.NOT_DECIDED)
    if pair.kind is Kind.BETWEEN_TRIALS and p_holm is not None:
        if p_holm < DECIDED:
            sure = Judgement.SUPPORTED if above else Judgement.CONTRADICTED
            return JudgedPair(pair, sure, p_holm)
        needed = repeats_needed(pair, at_least, family)
        return JudgedPair(pair, Judgement.NOT_DECIDED, p_holm, needed)
    low = pair.ratio if pair.low is None else pair.low
    high = pair.ratio if pair.high is None else pair.high
    if pair.ratio >= FAR * at_least and low >= at_least:
        return JudgedPair(pair, Judgement.INDICATED)
    if pair.ratio <= at_least / FAR and high <= at_least:
        return JudgedPair(pair, Judgement.INDICATED_AGAINST)
    return JudgedPair(pair, Judgement.NOT_DECIDED)


ENOUGH_TO_DESPAIR = 4
"""Blocks below which a scatter is known too badly to call a pair beyond any number of repeats."""


def _hopeless(one: JudgedPair) -> bool:
    open_ = one.judgement is Judgement.NOT_DECIDED and one.p_holm is not None
    return open_ and one.pair.n_blocks >= ENOUGH_TO_DESPAIR and one.repeats_needed is None


def _needed(judged: Iterable[JudgedPair]) -> int | None:
    """The most that any pair needs; None where none does, or one needs more than anybody has."""
    known = tuple(judged)
    if any(_hopeless(one) for one in known):
        return None
    return max((one.repeats_needed for one in known if one.repeats_needed), default=None)


def _parting(
    holds: Sequence[JudgedPair], fails: Sequence[JudgedPair], order: Sequence[str]
) -> tuple[str, ...]:
    """The fewest factors whose levels alone tell the pairs that hold from those that do not."""
    varying = _varying([one.pair for one in (*holds, *fails)])
    varying.sort(key=lambda name: order.index(name) if name in order else len(order))
    for size in range(1, len(varying) + 1):
        for chosen in itertools.combinations(varying, size):
            above = {tuple(one.pair.levels[name] for name in chosen) for one in holds}
            below = {tuple(one.pair.levels[name] for name in chosen) for one in fails}
            if not above & below:
                return chosen
    return tuple(varying)


def _varying(pairs: Sequence[PairRatio]) -> list[str]:
    """The factors at more than one level among the pairs."""
    names = pairs[0].levels if pairs else {}
    return [name for name in names if len({pair.levels[name] for pair in pairs}) > 1]


def _listed(names: Sequence[str]) -> str:
    """`route, added delay and connections`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


@dataclass(frozen=True)
class _Words:
    """The sentences. A manager should be able to repeat each, and it should still be true."""

    bound: Bound
    labels: Mapping[str, str]
    units: Mapping[str, str]

    def all_one_way(self, pairs: Sequence[JudgedPair], holds: bool) -> str:
        where = f" in all {len(pairs)} comparisons" if len(pairs) > 1 else ""
        sentence = f"The {self._compared('at least' if holds else 'less than')}{where}"
        return f"{sentence} ({self._span(pairs)}).{self._indicated(pairs)}"

    def depends(
        self,
        holds: Sequence[JudgedPair],
        fails: Sequence[JudgedPair],
        judged: Sequence[JudgedPair],
        depends_on: Sequence[str],
    ) -> str:
        by = _listed([self.labels.get(name, name) for name in depends_on])
        above = self._all_at(holds, judged, depends_on)
        below = self._all_at(fails, judged, depends_on)
        return (
            f"Whether the {self._compared('at least')} depends on {by}. "
            f"Yes: {above} ({self._span(holds)}). No: {below} ({self._span(fails)})."
            f"{self._indicated([*holds, *fails])}"
        )

    def undecided(self, pairs: Sequence[JudgedPair], needed: int | None) -> str:
        open_, gone = _those(pairs, _OPEN), _those(pairs, _GONE)
        rest = _those(pairs, (*_FOR, *_AGAINST))
        whether = f"Whether the {self._compared('at least')} stays open"
        if len(pairs) == len(open_) == 1:
            sentence = f"{whether} ({self._span(open_)})."
        else:
            sentence = f"{whether}."
            if open_:
                where = f"{len(open_)} of {len(pairs)} comparisons"
                sentence += f" Not decided: {where} ({self._span(open_)})."
            if gone:
                sentence += f" {len(gone)} of {len(pairs)} comparisons could not be measured."
        if rest:
            way = "It holds" if rest[0].judgement in _FOR else "It does not hold"
            sentence += (
                f" {way} in the other {len(rest)} ({self._span(rest)}).{self._indicated(rest)}"
            )
        if needed is not None:
            what = "what was measured" if gone else "it"
            return f"{sentence} About {needed} repeats would probably decide {what}."
        if any(_hopeless(one) for one in pairs):
            return f"{sentence} It is too close to {self.bound.at_least:g} for even {MOST} repeats."
        return sentence

    def nothing(self) -> str:
        return f"Whether the {self._compared('at least')} could not be measured."

    def _compared(self, how: str) -> str:
        of = METRIC_WORDS.get(self.bound.of, self.bound.of)
        over = self._level(self.bound.factor, self.bound.numerator)
        under = self._level(self.bound.factor, self.bound.denominator)
        times = "" if self.bound.at_least == 1 else f"{self.bound.at_least:g} times "
        return f"{of} with {over} is {how} {times}that with {under}"

    def still_open(self, open_: Sequence[JudgedPair], judged: Sequence[JudgedPair]) -> str:
        if not open_:
            return ""
        names = _varying([one.pair for one in judged])
        return f" Not decided: {self._places(open_, names)} ({self._span(open_)})."

    def caveats(self, judged: Sequence[JudgedPair]) -> tuple[str, ...]:
        pairs = [one.pair for one in judged]
        gone = [(pair, pair.no_ratio_reason) for pair in pairs if pair.no_ratio_reason]
        failing = [
            (pair, pair.failing) for pair in pairs if pair.failing and not pair.no_ratio_reason
        ]
        names = _varying(pairs)
        kinds = (("Not measured", gone), ("Warning", failing))
        return tuple(self._named(what, those, names) for what, those in kinds if those)

    def _named(
        self, what: str, those: Sequence[tuple[PairRatio, str]], names: Sequence[str]
    ) -> str:
        lines = [
            ": ".join(filter(None, [self._place(pair, names), reason])) for pair, reason in those
        ]
        shown = "".join(f" {line}." for line in lines[:SHOWN])
        more = f" {len(lines) - SHOWN} more in the report's table." if len(lines) > SHOWN else ""
        return f"{what}:{shown}{more}"

    def _indicated(self, decided: Sequence[JudgedPair]) -> str:
        """A remark where single runs decide."""
        single = len(_those(decided, _INDICATED))
        of = "" if single == len(decided) else f" ({single} of {len(decided)} comparisons)"
        return f" Single runs only indicate this{of}." if single else ""

    def _span(self, pairs: Sequence[JudgedPair]) -> str:
        ratios = sorted(one.pair.ratio for one in pairs if one.pair.ratio is not None)
        low, high = f"{ratios[0]:.3g}", f"{ratios[-1]:.3g}"
        return f"{low}×" if low == high else f"{low}× to {high}×"

    def _all_at(
        self,
        pairs: Sequence[JudgedPair],
        judged: Sequence[JudgedPair],
        depends_on: Sequence[str],
    ) -> str:
        """Where the pairs are: by what it depends on, unless others there are not settled."""
        here = {self._place(one.pair, depends_on) for one in pairs}
        unsettled = _those(judged, (*_OPEN, *_GONE))
        alone = here.isdisjoint(self._place(one.pair, depends_on) for one in unsettled)
        return self._places(pairs, depends_on if alone else _varying([it.pair for it in judged]))

    def _places(self, pairs: Sequence[JudgedPair], names: Sequence[str]) -> str:
        places = list(dict.fromkeys(self._place(one.pair, names) for one in pairs))
        more = len(places) - SHOWN
        return ", ".join(places[:SHOWN]) + (f" and {more} more" if more > 0 else "")

    def _place(self, pair: PairRatio, names: Sequence[str]) -> str:
        return " ".join(self._level(name, pair.levels[name]) for name in names)

    def _level(self, name: str, level: Level) -> str:
        if isinstance(level, str):
            return level
        unit = self.units.get(name, "")
        return f"{level:g} {unit}" if unit else f"{self.labels.get(name, name)} {level:g}"
