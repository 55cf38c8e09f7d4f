"""The original study beside this session: each of its cells, each of its claims, its own slips."""

from __future__ import annotations

from collections.abc import Mapping, Set

from analysis.reading.published_study import (
    APART,
    CLAIMS,
    GRAIN_RPS,
    LIFTED,
    ClaimResult,
    Key,
    PublishedCell,
    inconsistencies,
    read_published_study,
)
from analysis.reading.session import ASYNC, PLAIN, Session
from analysis.report.blocks import Absent, Fold, Items, Section, Table, Words, para, row
from analysis.report.inputs import ReportInputs
from analysis.report.wording import NOTHING, digits, mark
from analysis.summaries.cells import CellResult
from rig.model import Level

TITLE = "Comparison with the original study"
FEWEST = 6
"""Cells in common, below which there is nothing to set side by side."""

ALIKE = 1.5
"""Relative rates within this factor of each other are called the same."""


def section(inputs: ReportInputs) -> Section | Absent:
    """Theirs beside ours; only for sessions with its cells and its data access."""
    cells = read_published_study()
    ours = _ours(inputs, {cell.key for cell in cells})
    if len(ours) < FEWEST:
        return Absent(TITLE, "not in this session; experiments/replication.yaml has its 27 cells")
    theirs = {cell.key: cell.best_rps for cell in cells}
    rows = [_row(cell, theirs, ours) for cell in cells]
    heading = ["cell", "published /s", "measured /s", "published, relative", "measured, relative",
               "verdict"]  # fmt: skip
    table = Table(heading, rows, words_from=5, caption=_caption())
    slips: list[Words] = [(slip,) for slip in inconsistencies(cells)]
    return Section(
        "replication",
        TITLE,
        [
            para(_lead()),
            _claims({cell.key: cell.published_rps for cell in cells}, theirs, ours),
            table,
            Fold((f"The original's own inconsistencies ({len(slips)})",), [Items(slips)]),
        ],
    )


def _lead() -> str:
    return (
        "Asynchronize-Django, November 2022: one laptop, Django 4.1, psycopg2 for both targets. "
        "Machines and versions differ, so absolute rates are not comparable. The verdict compares "
        "relative rates: each one divided by sync without delay on the same route."
    )


def _caption() -> str:
    return (
        "Rates: the best 5 s of each load; published ones from the study's raw reports. They count "
        f"whole answers, in steps of {GRAIN_RPS:g} /s. Same: the relative rates are within a "
        f"factor of {ALIKE:g}. Same direction: both are above 1, or both below."
    )


def _ours(inputs: ReportInputs, theirs: Set[Key]) -> Mapping[Key, float | None]:
    found: dict[Key, float | None] = {}
    for cell in inputs.cells:
        key = key_of(inputs.session, cell)
        if key is not None and key in theirs:
            found[key] = cell.measures.max_goodput_rps
    return found


SET_UP = {"data_access": "orm", "connections": "per_request", "pooler": "direct",
          "app_workers": 1, "app_threads": 1}  # fmt: skip
SERVERS = {PLAIN: "sync", ASYNC: "async"}
"""The study's two targets, by what serves them."""


def key_of(session: Session, cell: CellResult) -> Key | None:
    """Which of the original's cells it is; None if none."""
    levels = cell.levels
    name = SERVERS.get(session.server_of(levels))
    if name is None or len(_alike(session, levels)) != 1:
        return None
    if any(levels.get(name) != level for name, level in SET_UP.items()):
        return None
    delay, most = levels.get("delay_ms"), levels.get("max_connections")
    if isinstance(delay, str) or isinstance(most, str) or delay is None or most is None:
        return None
    if delay != int(delay):
        return None
    return str(levels.get("route")), name, int(delay), int(most)


def _alike(session: Session, levels: Mapping[str, Level]) -> Set[Level]:
    """The targets that are called like that of a cell."""
    own = session.interface_of(levels)
    return {
        one.levels["target"]
        for one in session.scheduled
        if own and session.interface_of(one.levels) is own
    }


def _row(
    cell: PublishedCell, theirs: Mapping[Key, float], ours: Mapping[Key, float | None]
) -> tuple[Words, ...]:
    base: Key = (cell.key[0], "sync", 0, 100)
    own, own_base = ours.get(cell.key), ours.get(base)
    their_relative = cell.best_rps / theirs[base] if theirs[base] else None
    own_relative = own / own_base if own is not None and own_base else None
    return (
        *row(cell.name, digits(cell.best_rps), digits(own)),
        *row(digits(their_relative), digits(own_relative)),
        (mark(verdict(cell.key == base, their_relative, own_relative)),),
    )


def verdict(is_base: bool, theirs: float | None, ours: float | None) -> str:
    """How one cell's relative rate compares."""
    if ours is None or theirs is None:
        return "not measured"
    if is_base:
        return "yardstick"
    if not theirs or not ours:
        return "same" if theirs == ours else "differs"
    if max(theirs, ours) <= ALIKE * min(theirs, ours):
        return "same"
    return "same direction" if (theirs > 1) == (ours > 1) else "differs"


VERDICTS = {ClaimResult.HOLDS: "reproduced", ClaimResult.FAILS: "not reproduced",
            ClaimResult.CLOSE: "not decided", ClaimResult.MISSING: "not measured"}  # fmt: skip


def _claims(
    published: Mapping[Key, float], theirs: Mapping[Key, float], ours: Mapping[Key, float | None]
) -> Table:
    rows: list[tuple[Words, ...]] = []
    for claim in CLAIMS:
        in_tables = claim.holds(lambda *key: published.get(key))
        in_raw = claim.holds(lambda *key: theirs.get(key))
        in_ours = claim.holds(lambda *key: ours.get(key))
        held = [(_yes(one),) for one in (in_tables, in_raw, in_ours)]
        rows.append(((claim.statement,), *held, (mark(VERDICTS[in_ours]),)))
    heading = ["claim of the study", "its tables", "its raw data", "here", "verdict"]
    return Table(heading, rows, numbers_from=5, caption=(
        f"Claims are tested with max_connections 100; cells with {LIFTED} are in the next table. "
        f"Too close: the numbers are within a factor of {APART:g}, or would be with half an "
        "answer more or less. The best 5 s of a load have no interval. Their steps of "
        f"{GRAIN_RPS:g} /s are more than that factor below 2 /s."
    ))  # fmt: skip


def _yes(held: ClaimResult) -> str:
    return NOTHING if held is ClaimResult.MISSING else held.value
