"""Numbers, ratios, intervals and places in words, the same in every section."""

from __future__ import annotations

from analysis.inference import Kind, PairRatio
from analysis.report.blocks import Link, Mark
from analysis.report.inputs import Trial
from analysis.report.links import href
from analysis.summaries.numbers import number
from rig import model
from rig.model import Level

NOTHING = "—"

KINDS = {
    "supported": "good",
    "contradicted": "bad",
    "equivalent": "good",
    "different": "bad",
    "met": "good",
    "recovers": "good",
    "stuck": "bad",
    "not told": "open",
    "missed": "bad",
    "indicated": "open",
    "indicated against": "open",
    "depends": "open",
    "withheld": "open",
    "cannot tell": "open",
    "not decided": "open",
    "not measured": "open",
    "valid": "good",
    "invalid": "bad",
    "failed": "bad",
    "unknown": "open",
    "pass": "good",
    "fail": "bad",
    "warn": "open",
    "slower": "bad",
    "same": "good",
    "reproduced": "good",
    "differs": "bad",
    "not reproduced": "bad",
    "faster": "good",
    "no regression": "good",
}


def mark(word: str) -> Mark:
    """A judging word in its colour."""
    return Mark(word, KINDS.get(word, "open"))


def digits(value: Level | None) -> str:
    """A number with three significant digits, or a dash."""
    text = number(value)
    return NOTHING if text == "-" else text


def times(ratio: float | None) -> str:
    """A ratio: `2.31×`."""
    return NOTHING if ratio is None else f"{digits(ratio)}×"


def between(low: float | None, high: float | None, unit: str = "") -> str:
    """An interval: `1.9 to 2.8`."""
    if low is None or high is None:
        return NOTHING
    return f"{digits(low)}{unit} to {digits(high)}{unit}"


def bounded(ratio: PairRatio) -> str:
    """A ratio with its interval, and whether that is of single trials only."""
    if ratio.low is None:
        return times(ratio.ratio)
    of_one_run = ", within single trials" if ratio.kind is Kind.WITHIN_TRIAL else ""
    return f"{times(ratio.ratio)} (95 %: {between(ratio.low, ratio.high)}{of_one_run})"


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return NOTHING if share is None else model.percent(share)


def change(share: float | None) -> str:
    """A deviation: `+12 %`."""
    if share is None:
        return NOTHING
    return "+" * (share > 0) + model.percent(share)


def p_value(p: float | None) -> str:
    """A probability, no more exactly than anybody needs."""
    if p is None:
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def file_of(trial: Trial, *parts: str, text: str = "") -> Link:
    """A link to a file of the attempt that a trial's numbers come from."""
    attempt = f"attempt-{trial.result.attempt}"
    return Link(text or "/".join(parts), href("..", "trials", trial.name, attempt, *parts))


def anchor(trial: Trial) -> str:
    """Where a trial's own part stands in the page."""
    return f"trial-{trial.result.scheduled.position}"


def to_trial(trial: Trial, text: str = "") -> Link:
    """A link to a trial's own part."""
    return Link(text or trial.name, f"#{anchor(trial)}")
