"""One row per cell: medians over its valid trials, percentiles from merged histograms.

May not know how rows are drawn or printed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.reading.load_files import new_histogram
from analysis.reading.session import Claim, Session
from analysis.summaries.percentiles import median, share
from analysis.summaries.trials import MISSING, SKIPPED, VERDICTS, Row, TrialResult, percentiles, top
from rig.model import Level, Verdict

MEDIANS = (
    *("offered_rps", "goodput_rps", "max_goodput_rps", "failure_share"),
    *(
        "overdue",
        "successes",
        "failures",
        "dropped",
        "total_successes",
        "total_failures",
        "first_failure_s",
    ),
    *("peak_users", "in_flight_at_stop", "never_answered_users", "measured_delay_ms"),
)

WORST_FIRST = (Verdict.INVALID, Verdict.UNKNOWN, Verdict.FAILED, MISSING, SKIPPED)


@dataclass(frozen=True)
class CellResult:
    """A cell and all its trials, in the order of the schedule."""

    cell: str
    levels: Mapping[str, Level]
    because: str
    results: tuple[TrialResult, ...]
    row: Row

    @property
    def valid(self) -> tuple[TrialResult, ...]:
        """The trials whose numbers count."""
        return tuple(result for result in self.results if result.valid)


def cells(session: Session, results: Sequence[TrialResult]) -> tuple[CellResult, ...]:
    """Every scheduled cell, ordered by the factors' levels; extra cells keep that order."""
    by_cell: dict[str, list[TrialResult]] = {}
    for result in results:
        by_cell.setdefault(result.scheduled.cell, []).append(result)
    found = [_cell(cell, tuple(group)) for cell, group in by_cell.items()]
    return tuple(sorted(found, key=lambda c: [f.rank(c.levels[f.name]) for f in session.factors]))


def summary_columns(session: Session) -> tuple[str, ...]:
    """The columns of `summary.csv`, in order."""
    return (
        "cell",
        *(factor.name for factor in session.factors),
        *("verdict", "why", "trials"),
        *VERDICTS,
        *_measures(()),
    )


def _cell(cell: str, results: tuple[TrialResult, ...]) -> CellResult:
    first = results[0].scheduled
    counts = Counter(result.verdict for result in results)
    valid = [result for result in results if result.valid]
    verdict = Verdict.VALID.value if valid else next(str(v) for v in WORST_FIRST if counts[str(v)])
    others = dict.fromkeys(result.why for result in results if not result.valid and result.why)
    row: Row = {
        "cell": cell,
        **first.levels,
        "verdict": verdict,
        "why": "; ".join(others),
        "trials": len(results),
        **{name: counts[name] for name in VERDICTS},
        **_measures(valid),
    }
    return CellResult(cell, first.levels, first.because, results, row)


def _measures(valid: Sequence[TrialResult]) -> dict[str, Level | None]:
    def values(name: str) -> list[float | None]:
        return [getattr(result.measures, name) for result in valid]

    goodputs = [value for value in values("goodput_rps") if value is not None]
    histogram = new_histogram()
    classes: Counter[str] = Counter()
    for result in valid:
        histogram.add(result.latencies)
        classes.update(result.failure_classes)
    overdue_s = [age_s for result in valid for age_s in result.overdue_s]
    dropped = sum(result.measures.dropped or 0 for result in valid)
    offered = sum(result.offered for result in valid)
    row: dict[str, Level | None] = {}
    for name in MEDIANS:
        row[name] = median(values(name))
        if name == "goodput_rps":
            row["goodput_min_rps"] = min(goodputs, default=None)
            row["goodput_max_rps"] = max(goodputs, default=None)
        if name == "failure_share":
            row |= percentiles(histogram, overdue_s, share(dropped, offered) or 0.0)
        if name == "first_failure_s":
            row["top_failure"] = top(classes)
    fits = {result.measures.round_fits for result in valid}
    row["round_fits"] = next((said for said in ("no", "yes") if said in fits), "")
    mechanisms = {result.measures.delay_mechanism for result in valid} - {""}
    row["delay_mechanism"] = "+".join(sorted(mechanisms))
    return row


@dataclass(frozen=True)
class Ratio:
    """A claim's ratio for one pair of cells that differ in its factor alone."""

    levels: Mapping[str, Level]
    """Without the claim's factor."""
    ratio: float
    numerator_trials: int
    denominator_trials: int


def exact_or_none(row: Row, name: str) -> Level | None:
    """A row's number; None where it is only a bound: unanswered requests could move it."""
    value = row.get(name)
    return value if row.get(name.replace("_ms", "_upper_ms"), value) == value else None


def ratios(found: Sequence[CellResult], claim: Claim) -> tuple[Ratio, ...]:
    """numerator ÷ denominator for every pair of cells in which both have a number."""
    denominators = {
        _without(c.levels, claim.factor): c
        for c in found
        if c.levels.get(claim.factor) == claim.denominator
    }
    pairs = []
    for over in found:
        under = denominators.get(_without(over.levels, claim.factor))
        if over.levels.get(claim.factor) != claim.numerator or under is None:
            continue
        above, below = exact_or_none(over.row, claim.of), exact_or_none(under.row, claim.of)
        if isinstance(above, int | float) and isinstance(below, int | float) and below > 0:
            levels = {name: at for name, at in over.levels.items() if name != claim.factor}
            pairs.append(Ratio(levels, above / below, len(over.valid), len(under.valid)))
    return tuple(pairs)


def _without(levels: Mapping[str, Level], factor: str) -> frozenset[tuple[str, Level]]:
    return frozenset((name, level) for name, level in levels.items() if name != factor)
