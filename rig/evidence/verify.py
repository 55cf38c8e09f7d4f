"""Recomputes what a session's folder claims of itself: hashes, facts, checks, verdicts.

Reads the folder and nothing else, so it runs anywhere, for ever. May not know how trials are
run, nor the tables (`analysis` recomputes those).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rig.calibration import Calibration, calibration_from_json
from rig.checks import judge
from rig.disk.contents import decoded, needed, rows
from rig.disk.rows import Completion
from rig.evidence.attempt import AttemptFacts, read_attempt
from rig.evidence.calibration import null_share, null_share_by_node, predicted
from rig.evidence.consistency import (
    UNREADABLE,
    Discrepancy,
    differences,
    of_session,
    plain,
    schedule_rows,
    short,
    superseded,
)
from rig.factors import FACTORS, of_every_cell
from rig.model import RULES, Phase, Verdict
from rig.plan import Plan, plan_from_json
from rig.record import FEASIBILITY, Check, Record, record_from_json
from rig.store.names import CALIBRATION, MANIFEST, PLAN, SCHEDULE, TRIALS
from rig.store.schedule import of_another_cell
from rig.store.session_folder import SessionFolder, hashes

_PlanOnDisk = tuple[Plan, str]
"""A plan, and the digest that its file has."""
NEW_CHECKS, NEW_FACTS = ("stationarity",), ("load.window", "load.successes")
"""What the rules before today's (`rig.model.RULES`) did not have."""
CHANGED_CHECKS = (FEASIBILITY, "generator", "host_quiet")
CHANGED_FACTS = ("load.goodput_rps", "load.greenlet_lag_p99_ms")
"""What came otherwise by them: said, and no difference."""
CHECKS, COMPLETIONS = "checks.json", Path("load", "completions.csv")


def verify(session: SessionFolder) -> Iterator[Discrepancy]:
    """Everything that is not as the session's own files say. OtherSchema."""
    rows, wrong = schedule_rows(session)
    yield from wrong
    yield from of_session(session)
    discarded = superseded(session)
    for trial in sorted(path for path in (session.path / TRIALS).glob("*")):
        if trial.name not in rows:
            yield Discrepancy(f"{TRIALS}/{trial.name}", f"is not in {SCHEDULE}")
            continue
        try:
            yield from _trial(session, trial, rows[trial.name], discarded)
        except UNREADABLE as error:
            yield Discrepancy(f"{TRIALS}/{trial.name}", f"cannot be read: {error!r}")


def _read_calibration(session: SessionFolder) -> Calibration:
    try:
        return decoded(session.path / CALIBRATION, calibration_from_json) or Calibration()
    except UNREADABLE:  # said by `rig.evidence.consistency`, where there is one
        return Calibration()


def _trial(
    session: SessionFolder, trial: Path, row: Mapping[str, str], discarded: Mapping[Path, str]
) -> Iterator[Discrepancy]:
    where = trial.relative_to(session.path).as_posix()
    attempts = session.attempts(trial.name)
    for extra in sorted({*trial.iterdir()} - {*attempts, trial / PLAN}):
        yield Discrepancy(f"{where}/{extra.name}", "does not belong to a trial")
    plan: _PlanOnDisk | None = None
    if (trial / PLAN).exists():
        try:
            plan = needed(trial / PLAN, lambda said: (plan_from_json(said), str(said["digest"])))
        except UNREADABLE as error:
            yield Discrepancy(f"{where}/{PLAN}", str(error))
    else:
        finished = any((attempt / MANIFEST).exists() for attempt in attempts)
        yield Discrepancy(f"{where}/{PLAN}", "is missing", finished)
    calibration = _read_calibration(session)
    for attempt in attempts:
        if attempt in discarded:
            finding = f"does not count, as a newer one does: {discarded[attempt]}"
            yield Discrepancy(f"{where}/{attempt.name}", finding, False)
        elif (attempt / MANIFEST).exists():
            yield from _attempt(attempt, f"{where}/{attempt.name}", plan, row, calibration)


def _attempt(
    folder: Path,
    where: str,
    asked: _PlanOnDisk | None,
    row: Mapping[str, str],
    calibration: Calibration,
) -> Iterator[Discrepancy]:
    try:
        record = needed(folder / MANIFEST, record_from_json)
    except UNREADABLE as error:
        yield Discrepancy(f"{where}/{MANIFEST}", f"cannot be read: {error}")
        return
    yield from _files(folder, where, record)
    yield from _levels(where, record, row)
    yield from _counts(folder, where, record)
    if asked is None or asked[1] != record.plan_digest:
        if asked is not None:
            yield Discrepancy(f"{where}/{MANIFEST}", f"plan_digest is not that of {PLAN}")
        yield Discrepancy(
            where, "facts and checks are not recomputed: its plan is not there", False
        )
        return
    plan, _ = asked
    try:
        facts = read_attempt(folder, plan) if _collected(record) else AttemptFacts()
        seen = {
            **vars(facts),
            "predicted": predicted(plan, record.levels, calibration),
            "null_rps": calibration.null_rps,
            "null_share": null_share(facts.load, calibration.null_rps),
            "null_share_by_node": null_share_by_node(facts.load, record.facts, calibration),
        }
    except UNREADABLE as error:
        yield Discrepancy(where, f"its raw files cannot be read: {error}")
        return
    yield from _facts(where, record, seen)
    yield from _checks(folder, where, record, plan, seen)


def _collected(record: Record) -> bool:
    """Whether the attempt itself got as far as reading its raw files."""
    return any(span.phase == Phase.COLLECT and not span.error for span in record.spans)


def _files(folder: Path, where: str, record: Record) -> Iterator[Discrepancy]:
    now = hashes(folder)
    for name in sorted({*now, *record.files}):
        if name not in now:
            yield Discrepancy(f"{where}/{name}", "is missing")
        elif name not in record.files:
            yield Discrepancy(f"{where}/{name}", "is not in the manifest")
        elif now[name] != record.files[name]:
            yield Discrepancy(f"{where}/{name}", "is not the file whose hash the manifest has")


def _levels(where: str, record: Record, row: Mapping[str, str]) -> Iterator[Discrepancy]:
    """The manifest's levels are those that schedule.csv, and so every table, has for the trial."""
    for name in FACTORS:
        recorded = str(record.levels.get(name))
        if row.get(name, recorded if name not in record.levels else None) != recorded:
            finding = f"{name} is {recorded}, in schedule.csv {row.get(name)}"
            yield Discrepancy(f"{where}/{MANIFEST}", finding)
    todays = set(of_every_cell()) <= set(record.levels) <= set(FACTORS)
    if todays and of_another_cell(row["cell"], record.levels):
        yield Discrepancy(f"{where}/{MANIFEST}", f"its levels are not those of cell {row['cell']}")


def _counts(folder: Path, where: str, record: Record) -> Iterator[Discrepancy]:
    """The recorder's file, from which the numbers come, adds up to its totals."""
    if not (folder / COMPLETIONS).exists() or not record.load.outcomes:
        return
    counts: Counter[str] = Counter()
    try:
        for one in rows(folder / COMPLETIONS, Completion) or ():
            counts[one.outcome] += one.count
    except UNREADABLE as error:
        yield Discrepancy(f"{where}/{COMPLETIONS.as_posix()}", f"cannot be read: {error}")
        return
    for outcome in sorted({*counts, *record.load.outcomes}):
        recorded = record.load.outcomes.get(outcome, 0)
        if counts[outcome] != recorded:
            finding = f"adds up to {counts[outcome]} {outcome}, the manifest says {recorded}"
            yield Discrepancy(f"{where}/{COMPLETIONS.as_posix()}", finding)


def _facts(where: str, record: Record, seen: Mapping[str, Any]) -> Iterator[Discrepancy]:
    """The manifest's facts are those that the raw files give."""
    older = record.rules < RULES
    for part in seen:
        recorded, found = plain(getattr(record, part)), plain(seen[part])
        for path, one, other in differences(recorded, found, part):
            if older and path in NEW_FACTS:
                continue
            by_its_rules = older and path in CHANGED_FACTS
            finding = f"{path} is {short(one)}, the raw files say {short(other)}"
            finding += " by today's rules" * by_its_rules
            yield Discrepancy(f"{where}/{MANIFEST}", finding, not by_its_rules)


def _checks(
    folder: Path, where: str, record: Record, plan: Plan, seen: Mapping[str, Any]
) -> Iterator[Discrepancy]:
    checks: tuple[Check, ...] = ()
    if wrong := next((span for span in record.spans if span.error), None):
        verdict, reason = Verdict.FAILED, wrong.failure
    else:
        checks, verdict, reason = judge(plan, dataclasses.replace(record, **seen))
    older = record.rules < RULES
    yield from _same_checks(f"{where}/{MANIFEST}", record.checks, checks, older)
    for name, recorded, found, by_its_rules in (
        ("verdict", record.verdict, verdict, False),
        ("why", record.why, reason, older),
    ):
        if recorded != found:
            finding = f"{name} is {short(recorded)}, recomputed {short(found)}"
            yield Discrepancy(f"{where}/{MANIFEST}", finding, not by_its_rules)
    if (folder / CHECKS).exists():
        try:
            listed = needed(folder / CHECKS, plain)
        except UNREADABLE as error:
            yield Discrepancy(f"{where}/{CHECKS}", f"cannot be read: {error}")
            return
        if listed != plain(record.checks):
            yield Discrepancy(f"{where}/{CHECKS}", "its checks are not the manifest's")


def _same_checks(
    where: str, recorded: tuple[Check, ...], found: tuple[Check, ...], older: bool
) -> Iterator[Discrepancy]:
    """`older`: judged by an older version's rules, which may say something else, or nothing."""
    had, have = ({check.name: check for check in checks} for checks in (recorded, found))
    for name in dict.fromkeys([*had, *have]):
        if name not in have:
            yield Discrepancy(where, f"check {name} is not made today")
        elif name not in had:
            if not (older and name in NEW_CHECKS):
                yield Discrepancy(where, f"check {name} is absent")
        elif had[name] != have[name]:
            one, other = had[name], have[name]
            finding = f"check {name} says {one.status}: {one.says}; recomputed {other.status}: "
            by_its_rules = older and name in CHANGED_CHECKS
            yield Discrepancy(where, finding + other.says, not by_its_rules)
