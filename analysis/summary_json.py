"""`summary.json`: what a session found, for programs. `schemas/summary.schema.json` says its form.

Pure: what was analysed in, plain values out. May not know how the file is written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analysis.comparisons.capacities import Carrying
from analysis.comparisons.checking import check_of, check_of_capacity
from analysis.comparisons.environment import environment
from analysis.comparisons.requirements import JudgedLimit
from analysis.comparisons.same_setup import Comparison
from analysis.inference import JudgedClaim, JudgedPair
from analysis.reading.session import Claim, Session
from analysis.summaries.cell_estimates import CellEstimate
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import layout_of
from analysis.summaries.progress import SessionProgress
from analysis.summaries.trials import VERDICTS, TrialResult
from rig.model import ExitCode

FORMAT = 1
"""Counted up where a key goes or means something else; new keys count up nothing."""

DIGITS = 6
"""Significant ones of a number, as in the CSV files."""


@dataclass(frozen=True)
class Analysed:
    """A session and what was found in it."""

    session: Session
    results: Sequence[TrialResult]
    cells: Sequence[CellResult]
    """In the order of summary.csv."""
    pairs: Sequence[Comparison]
    estimates: Mapping[str, CellEstimate]
    """By cell."""
    answer: JudgedClaim | None
    required: Sequence[JudgedLimit]
    progress: SessionProgress
    capacities: Sequence[Carrying] = ()
    """Where an objective is asked for, the best first."""

    @property
    def check(self) -> ExitCode:
        """How `report --check` ends."""
        layout = layout_of(self.session)
        of_capacity = check_of_capacity(self.session, self.capacities, ended=self.progress.ended)
        if of_capacity is not None:
            return of_capacity
        return check_of(self.session, layout, self.pairs, self.answer, self.required)


def summary_text(found: Analysed) -> str:
    """The file's contents; ASCII alone, so that no character of it steers a terminal."""
    return json.dumps(_rounded(summary(found)), indent=1, allow_nan=False) + "\n"


def summary(found: Analysed) -> Mapping[str, Any]:
    """What the file says."""
    return {
        "format": FORMAT,
        "session": _session(found),
        "claim": _claim(found.session.claim, found.answer),
        "ratios": list(_ratios(found)),
        "requirements": [_required(one) for one in found.required],
        **_capacity(found),
        "cells": [_cell(one, found.estimates[one.cell]) for one in found.cells],
        "check": {"exit_code": int(found.check), "says": found.check.name.lower()},
        "environment": dict(environment(found.session, found.results)),
    }


def _session(found: Analysed) -> Mapping[str, Any]:
    session, progress = found.session, found.progress
    return {
        "name": session.name,
        "experiment": session.experiment,
        "profile": session.profile or None,
        "backend": session.backend,
        "simulated": session.backend == "fake",
        "ended": progress.ended,
        "done": progress.done,
        "planned": progress.planned,
        "unit": progress.unit,
        "factors": [
            {"name": one.name, "label": one.label, "unit": one.unit, "levels": list(one.levels)}
            for one in session.factors
        ],
    }


def _claim(claim: Claim | None, answer: JudgedClaim | None) -> Mapping[str, Any] | None:
    if claim is None:
        return None
    needed = answer.repeats_needed if answer else None
    return {
        "says": claim.statement,
        **{name: value for name, value in asdict(claim).items() if name != "statement"},
        "verdict": answer.verdict.value if answer else None,
        "depends_on": list(answer.depends_on) if answer else [],
        "repeats_needed": asdict(needed) if needed else None,
    }


def _ratios(found: Analysed) -> Iterator[Mapping[str, Any]]:
    claim = found.session.claim
    for judged in found.answer.pairs if claim and found.answer else ():
        assert claim is not None
        both = [
            next((cell.cell for cell in found.cells if cell.levels == wanted), None)
            for level in (claim.numerator, claim.denominator)
            for wanted in ({**judged.pair.levels, claim.factor: level},)
        ]
        same = (one.verdict for one in found.pairs if list(one.cells) == both)
        yield _ratio(judged, both, next(same, None))


def _ratio(
    judged: JudgedPair, cells: Sequence[str | None], same_setup: str | None
) -> Mapping[str, Any]:
    pair = judged.pair
    return {
        "levels": dict(pair.levels),
        "numerator_cell": cells[0],
        "denominator_cell": cells[1],
        "ratio": pair.ratio,
        "low": pair.low,
        "high": pair.high,
        "interval": pair.kind.value,
        "blocks": pair.n_blocks,
        "judgement": judged.judgement.value,
        "p_holm": judged.p_holm,
        "repeats_needed": asdict(judged.repeats_needed) if judged.repeats_needed else None,
        "same_setup": same_setup,
        "warnings": [words for words in (pair.no_ratio_reason, pair.failing) if words],
    }


def _required(one: JudgedLimit) -> Mapping[str, Any]:
    return {
        "levels": dict(one.requirement.cell),
        "cell": one.cell.cell if one.cell else None,
        **asdict(one.limit),
        "known": asdict(one.known),
        "runs": len(one.cell.valid) if one.cell else 0,
        "judgement": one.judgement.value,
        "notes": list(one.notes),
    }


def _capacity(found: Analysed) -> Mapping[str, Any]:
    """What the deployments carry; nothing where no objective is asked for."""
    session = found.session
    if session.objective is None:
        return {}
    searched = session.capacity
    return {
        "capacity": {
            "objective": asdict(session.objective),
            "rate_per_s": session.rate_per_s,
            "between_per_s": list(searched.spec.between) if searched else None,
            "within": searched.spec.within if searched else None,
            "deployments": [_carrying(one) for one in found.capacities],
        }
    }


def _carrying(one: Carrying) -> Mapping[str, Any]:
    capacity = one.capacity
    return {
        "levels": dict(one.levels),
        "outcome": capacity.outcome.value,
        "capacity_per_s": capacity.per_s,
        "low_per_s": capacity.low_per_s,
        "high_per_s": capacity.high_per_s,
        "near_trials": capacity.near,
        "carries": one.carries,
        "recovers": one.recovers,
        "says": capacity.finding,
        "cost": asdict(one.cost) if one.cost else None,
        "trials": [
            {
                "trial": trial.result.scheduled.trial,
                "rate_per_s": trial.tried.rate_per_s,
                "offered_rps": trial.tried.offered_rps,
                "excess": trial.tried.excess,
                "binds": (trial.facts.binds or None) if trial.facts else None,
                "p50_ms": trial.facts.p50_ms if trial.facts else None,
                "p95_ms": trial.facts.p95_ms if trial.facts else None,
                "p99_ms": trial.facts.p99_ms if trial.facts else None,
                "failure_share": trial.facts.failure_share if trial.facts else None,
            }
            for trial in one.trials
        ],
    }


def _cell(cell: CellResult, estimate: CellEstimate) -> Mapping[str, Any]:
    measures = asdict(cell.measures)
    return {
        "cell": cell.cell,
        "levels": dict(cell.levels),
        "because": cell.because or None,
        "verdict": cell.verdict,
        "why": cell.reason or None,
        "trials": len(cell.results),
        "counts": {name: cell.counts[name] for name in VERDICTS},
        **{name: None if value == "" else value for name, value in measures.items()},
        "goodput_low_rps": estimate.low_rps,
        "goodput_high_rps": estimate.high_rps,
        "predicted_rps": estimate.predicted_rps,
    }


def _rounded(value: Any) -> Any:
    """The same with numbers that JSON has; what is none of them is null."""
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
