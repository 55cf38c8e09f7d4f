"""An earlier and a later version, each measured in sessions of its own: cell by cell, and judged.

Compared is each cell's goodput; of sessions that search for capacities, each deployment's capacity.
Pure: sessions and results in. May not know how a comparison is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.comparisons.capacities import capacities
from analysis.comparisons.environment import EnvironmentChange, differences
from analysis.inference import (
    MOST_FAILURES,
    Kind,
    Observation,
    PairRatio,
    falls_alone,
    session_ratios,
)
from analysis.reading.session import Factor, Session
from analysis.reading.session_files import read_session
from analysis.summaries.layout import Layout, layout_of
from analysis.summaries.percentiles import median
from analysis.summaries.trials import SKIPPED, TrialResult, results
from rig.model import RATE, SURGE, ExitCode, Level

GOODPUT, CAPACITY = "goodput", "capacity"
VERSION, BEFORE, AFTER = "version", "before", "after"
FAR = 1.5
"""A fall by this factor is a regression to look for: *no regression* excludes it."""

SLOWER_BELOW = 1 / FAR
"""A ratio below this needs no corrected p to be a regression: few sessions could not give one
however far it fell."""

SLOWER, FASTER, NO_REGRESSION = "slower", "faster", "no regression"
CANNOT_TELL, NOT_DECIDED, NOT_MEASURED = "cannot tell", "not decided", "not measured"
NOTHING = "—"


@dataclass(frozen=True)
class Measured:
    """One session of a version."""

    session: Session
    results: tuple[TrialResult, ...]

    @property
    def ran(self) -> list[TrialResult]:
        """All but what was skipped for a stated reason: it asks nothing of the other version."""
        return [result for result in self.results if result.verdict != SKIPPED]


@dataclass(frozen=True)
class Version:
    """All sessions of one of the two."""

    sessions: tuple[Measured, ...]

    @property
    def names(self) -> str:
        """Of its sessions."""
        return ", ".join(one.session.name for one in self.sessions)


@dataclass(frozen=True)
class ComparedCell:
    """A cell that both have, and the word on it."""

    pair: PairRatio
    word: str
    before_per_s: float | None
    """The median of what is valid; so is the later one's."""
    after_per_s: float | None
    reason: str = ""
    """Why there is no ratio, or which side failed too much."""


@dataclass(frozen=True)
class Comparison:
    """What the two have in common, and what they do not."""

    before: Version
    after: Version
    of: str
    """What is compared: GOODPUT or CAPACITY."""
    layout: Layout
    cells: tuple[ComparedCell, ...]
    differences: tuple[EnvironmentChange, ...]
    lost: tuple[str, ...]
    """Cells that only the earlier one has."""
    new: tuple[str, ...]
    """Cells that only the later one has: nothing that it could be slower than."""

    @property
    def check(self) -> ExitCode:
        """Undecided where environments differ; else slower where any cell is, whatever is missing.

        Also undecided without a cell in common, where a cell of the earlier one is lost or has
        no ratio, and where one is neither slower nor shown not to be.
        """
        words = {cell.word for cell in self.cells}
        if self.differences:
            return ExitCode.UNDECIDED
        if SLOWER in words:
            return ExitCode.SLOWER
        open_ = not words or self.lost or words & {CANNOT_TELL, NOT_DECIDED, NOT_MEASURED}
        return ExitCode.UNDECIDED if open_ else ExitCode.OK

    @property
    def alone(self) -> bool:
        """Whether each version has one session only, so that nothing tells how sessions differ."""
        return len(self.before.sessions) == len(self.after.sessions) == 1


def read_version(folders: Sequence[Path]) -> Version:
    """UsageError for a folder that is no session."""
    sessions = [read_session(folder) for folder in folders]
    return Version(tuple(Measured(session, results(session)) for session in sessions))


def compared(before: Version, after: Version) -> Comparison:
    """Ratios of the cells that both have, each with its word."""
    every = (*before.sessions, *after.sessions)
    last = after.sessions[-1].session
    of = CAPACITY if all(one.session.capacity for one in every) else GOODPUT
    chosen = (RATE, SURGE) if of == CAPACITY else ()
    factors = [factor for factor in last.factors if factor.name not in chosen]
    shared = [f.name for f in factors if all(one.session.factor(f.name) for one in every)]
    seen = [
        Seen(number, version, _at(observation, shared), unknown)
        for number, (version, one) in enumerate(
            [(BEFORE, one) for one in before.sessions] + [(AFTER, one) for one in after.sessions]
        )
        for observation, unknown in (_deployments if chosen else _trials)(one)
    ]
    old, new = (
        [one.observation.levels for one in seen if one.version == side] for side in (BEFORE, AFTER)
    )
    varying = [
        factor
        for factor in factors
        if factor.name in shared and len({cell[factor.name] for cell in (*old, *new)}) > 1
    ]
    found = session_ratios(((one.session, one.of_version) for one in seen), VERSION, AFTER, BEFORE)
    cells = [
        _cell(seen, pair, falls) for pair, falls in zip(found, falls_alone(found), strict=True)
    ]
    lone = _lone_factors(before, after, (*shared, *chosen))
    return Comparison(
        before,
        after,
        of,
        layout_of(last),
        tuple(cells),
        tuple(dict.fromkeys((*_changes(every), *lone))),
        _missing(old, new, varying),
        _missing(new, old, varying),
    )


@dataclass(frozen=True)
class Seen:
    """What a session of a version yields of a cell."""

    session: int
    version: str
    observation: Observation
    unknown: str
    """Why it has no value, where that is known."""

    @property
    def of_version(self) -> Observation:
        """With the version for a factor."""
        return replace(self.observation, levels={**self.observation.levels, VERSION: self.version})


def _cell(seen: Sequence[Seen], pair: PairRatio, falls_alone: bool) -> ComparedCell:
    own = [one for one in seen if one.observation.levels == pair.levels]
    unknown = [f"{one.version} {one.unknown}" for one in own if one.unknown]
    return ComparedCell(
        pair,
        judged(pair, falls_alone=falls_alone),
        _per_s(own, BEFORE),
        _per_s(own, AFTER),
        " and ".join(dict.fromkeys(unknown)) or pair.no_ratio_reason or pair.failing,
    )


def _per_s(own: Sequence[Seen], version: str) -> float | None:
    valid = (one.observation for one in own if one.version == version and one.observation.valid)
    return median(one.value for one in valid)


def judged(pair: PairRatio, *, falls_alone: bool = False) -> str:
    """One word on a cell; none for a side whose valid trials are not all in the ratio, nor for one
    that fails as the other does not. `falls_alone`: as `analysis.inference.falls_alone` says."""
    if pair.ratio is None:
        return NOT_MEASURED
    word = _word(pair, falls_alone)
    favoured = {FASTER: 0, NO_REGRESSION: 0, SLOWER: 1}.get(word)
    if favoured is None:
        return word
    return NOT_DECIDED if pair.silent[favoured] or _flattered(pair, favoured) else word


def _word(pair: PairRatio, falls_alone: bool) -> str:
    assert pair.ratio is not None
    if pair.kind is not Kind.BETWEEN_SESSIONS:
        return SLOWER if falls_alone else CANNOT_TELL
    assert pair.low is not None
    assert pair.high is not None
    if pair.ratio < 1 and (pair.differs or (pair.ratio < SLOWER_BELOW and pair.high < 1)):
        return SLOWER
    if pair.ratio > 1 and pair.differs:
        return FASTER
    return NO_REGRESSION if pair.low >= SLOWER_BELOW else NOT_DECIDED


def _flattered(pair: PairRatio, side: int) -> bool:
    """Whether a side failed so much more than the other that their rates are of other loads."""
    own, other = pair.failure_shares[side], pair.failure_shares[1 - side]
    return pair.fails(side) and (own or 0.0) - (other or 0.0) > MOST_FAILURES


def _changes(every: Sequence[Measured]) -> list[EnvironmentChange]:
    """What any session has otherwise than the first."""
    first = every[0]
    return [
        change
        for one in every[1:]
        for change in differences(first.session, one.session, first.results, one.results)
    ]


def _lone_factors(
    before: Version, after: Version, shared: Sequence[str]
) -> list[EnvironmentChange]:
    """Factors that not every session knows."""
    found = []
    for version, is_before in ((before, True), (after, False)):
        for factor in (f for one in version.sessions for f in one.session.factors):
            if factor.name not in shared:
                levels = ", ".join(map(str, factor.levels)) or NOTHING
                ends = (levels, "not a factor") if is_before else ("not a factor", levels)
                found.append(EnvironmentChange(factor.label, *ends))
    return found


def _missing(
    cells: Sequence[Mapping[str, Level]],
    there: Sequence[Mapping[str, Level]],
    varying: Sequence[Factor],
) -> tuple[str, ...]:
    """Those of the cells that are not `there`, each once and by the levels that vary."""
    gone = [cell for cell in cells if cell not in there]
    names = (" · ".join(factor.say(cell[factor.name]) for factor in varying) for cell in gone)
    return tuple(dict.fromkeys(names))


def _at(observation: Observation, names: Sequence[str]) -> Observation:
    """The same, by the levels of these factors alone."""
    return replace(observation, levels={name: observation.levels[name] for name in names})


Yielded = tuple[Observation, str]
"""What a session yields of a cell, and why it has no value."""


def _trials(one: Measured) -> Iterator[Yielded]:
    for result in one.ran:
        measures = result.measures
        observation = Observation(
            result.scheduled.levels,
            result.scheduled.block,
            measures.goodput_rps,
            result.valid,
            measures.failure_share,
            answers=measures.successes,
        )
        yield observation, ""


def _deployments(one: Measured) -> Iterator[Yielded]:
    for number, found in enumerate(capacities(one.session, one.results)):
        per_s = found.capacity.per_s
        valid = any(trial.result.valid for trial in found.trials)
        unknown = "" if per_s else found.capacity.finding
        yield Observation(found.levels, number, per_s, valid), unknown
