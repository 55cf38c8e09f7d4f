"""The pairs of a claim with their cells; how places and numbers are said in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.inference import JudgedClaim, JudgedPair, factors_varying
from analysis.reading.session import Claim
from analysis.report.inputs import ReportInputs
from analysis.report.wording import digits
from analysis.summaries.cells import CellResult
from rig.model import Level

SHOWN = 3
"""So many numbers, places and warnings are named; the report's tables have them all."""

WORDS = 10
"""So many at most name places in one sentence."""


@dataclass(frozen=True)
class ClaimedPair:
    """A judged pair with its two cells, as far as they are known."""

    judged: JudgedPair
    place: str
    """Where it is, by the factors that vary among pairs; empty of the only pair."""
    over: CellResult | None
    under: CellResult | None


def claimed_pairs(inputs: ReportInputs, claim: Claim, answer: JudgedClaim) -> list[ClaimedPair]:
    """In the order of tables and figures."""

    def cell(judged: JudgedPair, level: Level) -> CellResult | None:
        wanted = {**judged.pair.levels, claim.factor: level}
        return next((one for one in inputs.cells if one.levels == wanted), None)

    def order(judged: JudgedPair) -> list[tuple[int, float, str]]:
        return inputs.layout.order({**judged.pair.levels, claim.factor: claim.numerator})

    names = factors_varying(answer.pairs)
    return [
        ClaimedPair(
            one,
            place_of(inputs, one, names),
            cell(one, claim.numerator),
            cell(one, claim.denominator),
        )
        for one in sorted(answer.pairs, key=order)
    ]


def place_of(inputs: ReportInputs, judged: JudgedPair, names: Sequence[str]) -> str:
    """`io_read · added delay 100 ms`."""
    factors = [factor for factor in inputs.session.factors if factor.name in names]
    return " · ".join(factor.say(judged.pair.levels[factor.name]) for factor in factors)


def listed(places: Sequence[str]) -> str:
    """As many as a sentence can hold, and how many more."""
    shown: list[str] = []
    for place in places[:SHOWN]:
        if shown and len(" ".join([*shown, place]).replace("· ", "").split()) > WORDS:
            break
        shown.append(place)
    more = len(places) - len(shown)
    return joined([*shown, f"{more} more"] if more else shown)


def joined(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def few_numbers(values: Sequence[float]) -> str:
    """A few in their order; of more, from where to where; what reads alike once."""
    shown = [digits(value) for value in values]
    if len(values) > SHOWN:
        shown = [digits(min(values)), digits(max(values))]
    if len(set(shown)) == 1:
        return shown[0]
    return " to ".join(shown) if len(values) > SHOWN else joined(shown)


def side_name(inputs: ReportInputs, claim: Claim, level: Level) -> str:
    factor = inputs.session.factor(claim.factor)
    return factor.say(level) if factor else str(level)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
