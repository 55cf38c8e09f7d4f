"""The study of 2022 in numbers, its claims, and where it contradicts itself. Pure but for its CSV.

The data are facts of "Asynchronize-Django" (November 2022): its README's tables and its raw Locust
reports, one line per cell in `reference/asynchronize-django-2022.csv`.
"""

from __future__ import annotations

import csv
import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CSV = Path(__file__).parent / "reference" / "asynchronize-django-2022.csv"

IO_ROUTES = ("io_create", "io_read")
DELAYS_MS = (0, 100, 200)
CAPPED, LIFTED = 100, 1000

Key = tuple[str, str, int, int]
"""Route, target, delay in ms, max_connections."""

Rate = Callable[[str, str, int, int], float | None]
"""The rate of a cell, by the parts of its key; None where it was not measured."""


@dataclass(frozen=True)
class PublishedCell:
    """One of its cells."""

    key: Key
    published_rps: float
    published_total: int
    duration_s: float
    requests: int
    failures: int
    successes: int
    best_rps: float
    """The highest of its raw report's 5-second samples."""
    max_ms: float
    p50_ms: float

    @property
    def name(self) -> str:
        """In words."""
        route, target, delay_ms, cap = self.key
        lifted = ", max_connections 1000" if cap == LIFTED else ""
        return f"{route} · {delay_ms} ms · {target}{lifted}"


def read_published_study() -> tuple[PublishedCell, ...]:
    """All 27 cells."""
    with CSV.open(encoding="utf-8", newline="") as file:
        return tuple(_cell(line) for line in csv.DictReader(file))


def _cell(line: Mapping[str, str]) -> PublishedCell:
    key = (line["route"], line["target"], int(line["delay_ms"]), int(line["max_connections"]))
    return PublishedCell(
        key=key,
        published_rps=float(line["published_max_success_rps"]),
        published_total=int(line["published_total_successes"]),
        duration_s=float(line["duration_s"]),
        requests=int(line["requests"]),
        failures=int(line["failures"]),
        successes=int(line["successes"]),
        best_rps=float(line["max_success_rps_5s"]),
        max_ms=float(line["max_ms"]),
        p50_ms=float(line["p50_ms"]),
    )


class ClaimResult(enum.StrEnum):
    """Whether a claim holds of some cells."""

    HOLDS = "holds"
    FAILS = "does not hold"
    CLOSE = "too close"
    """Nothing speaks against it, but some rates are not told apart."""
    MISSING = "cells are missing"


@dataclass(frozen=True)
class StudyClaim:
    """One of its claims in our words, and a test of any 27 cells."""

    statement: str
    test: Callable[[_Counted], ClaimResult]

    def holds(self, rate: Rate) -> ClaimResult:
        """Whether it holds of cells with these rates, each the best 5 s of a load."""
        return self.test(lambda *key: _counted(rate(*key)))


class _Between(NamedTuple):
    """What a number is known to lie between."""

    low: float
    high: float


_Counted = Callable[[str, str, int, int], _Between | None]


def _async_loses_on_cpu(rate: _Counted) -> ClaimResult:
    return _all(_below(rate("cpu", "async", d, CAPPED), rate("cpu", "sync", d, CAPPED))
                for d in DELAYS_MS)  # fmt: skip


def _async_wins_undelayed(rate: _Counted) -> ClaimResult:
    return _all(_below(rate(route, "sync", 0, CAPPED), rate(route, "async", 0, CAPPED))
                for route in IO_ROUTES)  # fmt: skip


def _async_keeps_its_rate(rate: _Counted) -> ClaimResult:
    found: list[ClaimResult] = []
    for route in IO_ROUTES:
        kept = _ratio(rate(route, "async", 200, CAPPED), rate(route, "async", 0, CAPPED))
        lost = _ratio(rate(route, "sync", 200, CAPPED), rate(route, "sync", 0, CAPPED))
        found += [_below(_KEPT, kept), _below(lost, _KEPT)]
    return _all(found)


def _three_way(rate: _Counted) -> ClaimResult:
    """Whether delay widens async ÷ sync more on I/O routes than on the CPU route."""

    def widens(route: str) -> _Between | None:
        late = _ratio(rate(route, "async", 200, CAPPED), rate(route, "sync", 200, CAPPED))
        early = _ratio(rate(route, "async", 0, CAPPED), rate(route, "sync", 0, CAPPED))
        return _ratio(late, early)

    return _all(_below(widens("cpu"), widens(route)) for route in IO_ROUTES)


def _async_for_io(rate: _Counted) -> ClaimResult:
    return _all(_below(rate(route, "sync", d, CAPPED), rate(route, "async", d, CAPPED))
                for route in IO_ROUTES for d in DELAYS_MS)  # fmt: skip


KEPT = 0.8
"""A rate that falls by less than a fifth counts as kept."""
_KEPT = _Between(KEPT, KEPT)

APART = 1.1
"""Numbers within this factor are not told apart: a load's best 5 s carry no interval."""

GRAIN_RPS = 0.2
"""One answer more or less in five seconds: a best 5 s stands for anything within half of that."""

CLAIMS: Sequence[StudyClaim] = (
    StudyClaim("Async serves less than sync on the CPU route.", _async_loses_on_cpu),
    StudyClaim("Async serves more on I/O routes even without delay.", _async_wins_undelayed),
    StudyClaim("On I/O routes async keeps its rate at 200 ms (within a fifth), sync does not.",
         _async_keeps_its_rate),
    StudyClaim("Hypothesis: delay widens async ÷ sync more on I/O routes than on CPU.", _three_way),
    StudyClaim("Conclusion: with I/O-bound load async is the better choice, at every delay.",
         _async_for_io),
)  # fmt: skip


def _counted(rate_rps: float | None) -> _Between | None:
    if rate_rps is None:
        return None
    return _Between(max(0.0, rate_rps - GRAIN_RPS / 2), rate_rps + GRAIN_RPS / 2)


def _below(less: _Between | None, more: _Between | None) -> ClaimResult:
    if less is None or more is None:
        return ClaimResult.MISSING
    if APART * less.high < more.low:
        return ClaimResult.HOLDS
    return ClaimResult.FAILS if APART * more.high < less.low else ClaimResult.CLOSE


def _ratio(over: _Between | None, under: _Between | None) -> _Between | None:
    """None where a cell is missing, or the one below gave no answer."""
    if over is None or under is None or under.high <= GRAIN_RPS / 2:
        return None
    return _Between(over.low / under.high, over.high / under.low if under.low else math.inf)


def _all(found: Iterable[ClaimResult]) -> ClaimResult:
    """What of several comparisons says most: a missing one, then one that fails, then a close."""
    seen = set(found)
    by_weight = (ClaimResult.MISSING, ClaimResult.FAILS, ClaimResult.CLOSE)
    return next((held for held in by_weight if held in seen), ClaimResult.HOLDS)


def inconsistencies(cells: Sequence[PublishedCell]) -> tuple[str, ...]:
    """Where its own tables, raw reports and sentences do not agree."""
    found = [
        f"{cell.name}: published {cell.published_rps:g} /s at best, its raw report has "
        f"{cell.best_rps:g} /s"
        for cell in cells
        if abs(cell.published_rps - cell.best_rps) > max(0.15, 0.01 * cell.best_rps)
    ]
    found += [
        f"{cell.name}: published {cell.published_total} successes in all, its raw report has "
        f"{cell.successes}"
        for cell in cells
        if cell.published_total != cell.successes
    ]
    lengths = [cell.duration_s for cell in cells]
    found.append(
        f"Loads lasted from {min(lengths):g} to {max(lengths):g} s, so totals do not compare."
    )
    dead = [cell for cell in cells if cell.requests and cell.failures > 0.9 * cell.requests]
    found += [
        f"{cell.name}: {cell.failures} of {cell.requests} requests failed, half of them within "
        f"{cell.p50_ms / 1000:g} s: a limit of the server's, not of async."
        for cell in dead
    ]
    return tuple(found)
