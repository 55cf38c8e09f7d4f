"""Runs all conditions on all CPUs, part by part, and says which promises were kept."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.truth import (
    capacities,
    crossings,
    equivalence,
    goodput,
    intervals,
    percentile_intervals,
    percentiles,
    planned,
    predictions,
    settling,
    verdicts,
)
from bench.truth.conditions import Condition, Figure, Part

PARTS: tuple[Part, ...] = (
    *intervals.PARTS,
    *predictions.PARTS,
    *crossings.PARTS,
    *capacities.PARTS,
    *verdicts.PARTS,
    *planned.PARTS,
    *equivalence.PARTS,
    *goodput.PARTS,
    *percentiles.PARTS,
    *percentile_intervals.PARTS,
    *settling.PARTS,
)
CHUNKS = 20
"""A condition is simulated in about so many chunks, so that no CPU waits long for another."""


class Kept(enum.StrEnum):
    """What became of a promise."""

    NONE = ""
    YES = "kept"
    LIMIT = "stated limit"
    NO = "NOT KEPT"


@dataclass(frozen=True)
class Outcome:
    """A condition and its figure."""

    condition: Condition[Any]
    figure: Figure

    @property
    def kept(self) -> Kept:
        """Whether its promise was kept, or missed no farther than is stated."""
        one = self.condition
        if one.promise is None:
            return Kept.NONE
        if one.promise.holds(self.figure.value):
            return Kept.YES
        return Kept.LIMIT if one.limit and one.limit.holds(self.figure.value) else Kept.NO


def outcomes(share: float) -> Iterator[tuple[Part, list[Outcome]]]:
    """Each part with its figures, of a share of the simulations that its conditions ask for."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        begun = [
            [
                [pool.submit(_run, part, at, seeds) for seeds in one.chunks(share, CHUNKS)]
                for at, one in enumerate(PARTS[part].conditions)
            ]
            for part in range(len(PARTS))
        ]
        for part, chunks in zip(PARTS, begun, strict=True):
            yield part, list(map(_joined, part.conditions, chunks))


def _run(part: int, condition: int, seeds: range) -> list[Any]:
    """By number, as most conditions cannot be sent to another process."""
    return PARTS[part].conditions[condition].run(seeds)


def _joined(condition: Condition[Any], chunks: list[Future[list[Any]]]) -> Outcome:
    found = [one for chunk in chunks for one in chunk.result()]
    return Outcome(condition, condition.figure(found))
