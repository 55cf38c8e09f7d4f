"""An earlier and a later version, each measured in sessions of its own: cell by cell, and judged.

Pure: sessions and results in. May not know how a comparison is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from rig.model import ExitCode, Level

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

    def rate(self, levels: Mapping[str, Level]) -> float | None:
        """The median goodput of the valid trials at these levels."""
        trials = (result for one in self.sessions for result in one.results)
        own = (r for r in trials if r.valid and _at(r.scheduled.levels, levels))
        return median(result.measures.goodput_rps for result in own)

    def cells(self, names: Sequence[str]) -> list[Mapping[str, Level]]:
        """The levels of all that ran."""
        return [_only(r.scheduled.levels, names) for one in self.sessions for r in one.ran]


@dataclass(frozen=True)
class ComparedCell:
    """A cell that both have, and the word on it."""

    pair: PairRatio
    word: str


@dataclass(frozen=True)
class Comparison:
    """What the two have in common, and what they do not."""

    before: Version
    after: Version
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
    shared = [f.name for f in last.factors if all(one.session.factor(f.name) for one in every)]
    trials = [
        (number, _observation(result, version, shared))
        for number, (version, one) in enumerate(
            [(BEFORE, one) for one in before.sessions] + [(AFTER, one) for one in after.sessions]
        )
        for result in one.ran
    ]
    old, new = before.cells(shared), after.cells(shared)
    varying = [
        factor
        for factor in last.factors
        if factor.name in shared and len({cell[factor.name] for cell in (*old, *new)}) > 1
    ]
    found = session_ratios(trials, VERSION, AFTER, BEFORE)
    cells = [
        ComparedCell(pair, judged(pair, falls_alone=falls))
        for pair, falls in zip(found, falls_alone(found), strict=True)
    ]
    changes = dict.fromkeys((*_changes(every), *_lone_factors(before, after, shared)))
    return Comparison(
        before,
        after,
        layout_of(last),
        tuple(cells),
        tuple(changes),
        _missing(old, new, varying),
        _missing(new, old, varying),
    )


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


def _only(levels: Mapping[str, Level], names: Sequence[str]) -> dict[str, Level]:
    return {name: levels[name] for name in names}


def _at(levels: Mapping[str, Level], wanted: Mapping[str, Level]) -> bool:
    return all(levels.get(name) == level for name, level in wanted.items())


def _observation(result: TrialResult, version: str, shared: Sequence[str]) -> Observation:
    return Observation(
        levels={**_only(result.scheduled.levels, shared), VERSION: version},
        block=result.scheduled.block,
        value=result.measures.goodput_rps,
        valid=result.valid,
        failure_share=result.measures.failure_share,
        answers=result.measures.successes,
    )
