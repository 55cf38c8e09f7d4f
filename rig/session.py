"""A session that runs: asks its design for blocks, runs their trials, keeps the folder resumable.

The order of these steps stands in `rig.cli.running`.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rig import attempt
from rig import calibrate as calibrating
from rig.backends.base import Backend, Progress
from rig.checks.feasibility import feasibility
from rig.config import Matrix, Repeats, Search, Until, cells, filter_cells
from rig.design import (
    CrossoverSearch,
    Design,
    RandomBlocks,
    SequentialBlocks,
    plan_of,
    varied,
)
from rig.disk.files import sha256
from rig.evidence.calibration import predicted
from rig.factors import FACTORS, label_of
from rig.factors.servers import OWN, SERVERS, interface_of
from rig.model import (
    SCHEMA,
    ExitCode,
    Interface,
    Level,
    Phase,
    StackError,
    Status,
    Verdict,
    plain,
)
from rig.plan import Cell, Plan, Trial
from rig.record import Calibration, Record
from rig.store.journal import now
from rig.store.session_folder import MANIFEST, SessionFolder

RETRIES = 2
"""Attempts after the first, where a check says that another can help."""

Only = Mapping[str, tuple[Level, ...]]


class SessionListener(Protocol):
    """Who looks on: the live view of a terminal, or plain lines."""

    def planned(self, trials: Sequence[Trial], load_s: float, in_all: str) -> None:
        """A block to come, the seconds of load in it, and how many trials there will be."""
        ...

    def began(self, trial: Trial) -> None:
        """A trial begins."""
        ...

    def phase(self, phase: Phase) -> None:
        """Its next phase begins."""
        ...

    def progress(self, progress: Progress) -> None:
        """What its load says."""
        ...

    def ended(self, trial: Trial, record: Record) -> None:
        """It has a record."""
        ...

    def message(self, line: str) -> None:
        """Something worth a line: what is measured before the trials, what cannot come of one."""
        ...

    def retrying(self, trial: Trial, record: Record) -> None:
        """A disturbance spoilt its last attempt, so it gets another one."""
        ...

    def skipped(self, trial: Trial) -> None:
        """It will not be run, for the reason in `trial.skip`."""
        ...


@dataclass
class SessionSummary:
    """How a session went so far."""

    verdicts: list[Verdict] = field(default_factory=list)

    def __str__(self) -> str:
        counts = Counter(self.verdicts)
        return ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))

    def exit_code(self) -> ExitCode:
        """Failed trials weigh more than invalid ones; skipped ones nothing."""
        if Verdict.FAILED in self.verdicts:
            return ExitCode.SOME_FAILED
        if any(verdict is not Verdict.VALID for verdict in self.verdicts):
            return ExitCode.SOME_INVALID
        return ExitCode.OK


def session_facts(
    matrix: Matrix, only: Only, backend: Backend, name: str, calibrate: bool = True
) -> dict[str, Any]:
    """The contents of `session.json`: all that analysing needs of the factors, and the host."""
    chosen = filter_cells(cells(matrix), only)
    claim = dataclasses.asdict(matrix.claim) if matrix.claim else None
    if claim:
        claim["of"] = claim.pop("metric")
    return {
        "schema": SCHEMA,
        "experiment": matrix.experiment,
        "session": name,
        "profile": matrix.profile,
        "backend": backend.name,
        "seed": matrix.seed,
        **design_facts(matrix.design),
        "load_workers": matrix.load.load_workers,
        "calibrate": calibrate,
        "target_roots": sorted({str(Path(t.folder).parent) for t in matrix.targets.values()}),
        **_interfaces(matrix, chosen),
        "only": {name: list(levels) for name, levels in only.items()},
        "started_at": now(),
        "claim": claim,
        "requires": [dataclasses.asdict(one) for one in matrix.requires],
        "factors": _factor_facts(matrix.design, chosen),
        "extras": [{"name": extra.name, "because": extra.because} for extra in matrix.also],
        "host": dict(backend.facts()),
        "load": matrix.load.to_json(),
        "data": dataclasses.asdict(matrix.data),
    }


def _interfaces(matrix: Matrix, chosen: Sequence[Cell]) -> dict[str, dict[str, Interface]]:
    """Of the session's own targets, in the matrix's order: others may lie beside them.

    And of the servers that its cells name.
    """
    used = {cell.levels["target"] for cell in chosen}
    targets = [target for target in matrix.targets.values() if target.name in used]
    usual = {target.name: interface_of(target, OWN) for target in targets}
    named = dict.fromkeys(str(cell.levels["server"]) for cell in chosen)
    return {
        "interfaces": {name: interface for name, interface in usual.items() if interface},
        "server_interfaces": {name: SERVERS[name].interface for name in named if name != OWN},
    }


def design_facts(design: Repeats | Until | Search) -> dict[str, Any]:
    """What `session.json` says of a design: the same keys of each."""
    nothing = {"until": None, "search": None}
    match design:
        case Repeats(times):
            return {"repeats": times, **nothing}
        case Until():
            until = {"within": design.within, "at_least": design.at_least}
            return {"repeats": design.at_most, **nothing, "until": until}
        case Search():
            search = {"factor": design.factor, "between": design.between}
            return {"repeats": 1, **nothing, "search": search}


def _factor_facts(
    design: Repeats | Until | Search, chosen: Sequence[Cell]
) -> list[dict[str, object]]:
    """Every factor with the levels that it has, or that a search may look between."""
    levels = {name: list(dict.fromkeys(cell.levels[name] for cell in chosen)) for name in FACTORS}
    vary = {*varied(chosen)}
    if isinstance(design, Search):
        levels[design.factor] = [plain(end) for end in design.between] if chosen else []
        vary.add(design.factor)
    return [
        {
            "name": name,
            "label": factor.label,
            "axis": label_of(name),
            "unit": factor.unit,
            "levels": levels[name],
            "varies": name in vary,
            "facts": list(factor.facts),
        }
        for name, factor in FACTORS.items()
    ]


def design_of(matrix: Matrix, only: Only, cpus: Mapping[str, tuple[int, ...]]) -> Design:
    """The design of a session: the matrix's cells that `only` leaves."""
    chosen = filter_cells(cells(matrix), only)
    match matrix.design:
        case Repeats(times):
            return RandomBlocks(matrix, times, chosen, cpus)
        case Until() as until:
            return SequentialBlocks(RandomBlocks(matrix, until.at_most, chosen, cpus), until)
        case Search() as search:
            return CrossoverSearch(matrix, search, chosen, cpus)


def plans_of(matrix: Matrix, only: Only) -> list[Plan]:
    """The plan of each cell that can be served, as far as it is known before any result."""
    chosen = filter_cells(cells(matrix), only)
    planned = [plan_of(matrix, cell, {}) for cell in chosen]
    return [plan for plan, skip in planned if not skip]


class SessionRun:
    """A session that runs: its blocks one after the other, and what became of their trials."""

    def __init__(
        self,
        folder: SessionFolder,
        design: Design,
        backend: Backend,
        listener: SessionListener,
        done: Mapping[str, Record],
    ) -> None:
        """`done`: the records of trials, by name, that need not run again."""
        self.summary = SessionSummary([record.verdict for record in done.values()])
        self._folder, self._design, self._backend = folder, design, backend
        self._listener, self._done = listener, done
        self._records = list(done.values())
        self._calibration: Calibration | None = None
        self._origin_s = time.monotonic()

    def blocks(self) -> Iterator[list[Trial]]:
        """Blocks until the design wants no more, each in `schedule.csv` before it is handed out.

        What was scheduled before an interruption is the first of them. A block holds trials
        that are done, too.
        """
        rows = self._folder.scheduled()
        in_schedule = {row["trial"] for row in rows}
        resumed: Sequence[Trial] = self._design.rebuild_trials(rows)
        scheduled: list[Trial] = []
        while block := self._with_reasons(
            resumed or self._design.next_block(scheduled, self._records)
        ):
            resumed = ()
            self._folder.schedule(trial for trial in block if trial.name not in in_schedule)
            scheduled += block
            to_run = self._to_run(block)
            load_s = sum(trial.plan.load.duration_s for trial in to_run)
            self._listener.planned(to_run, load_s, _in_all(self._design, block))
            yield block

    def calibrate(self, block: Sequence[Trial], measure: bool = True) -> None:
        """Once a session, before its first trial; without `measure`, only says that it was not."""
        if self._calibration is None and self._to_run(block):
            self._calibration = calibrating.of_session(
                self._folder, block, self._backend, self._listener.message, measure
            )

    def run(self, block: Sequence[Trial]) -> None:
        """Runs the trials of a block that are not done: attempts, their checks, a verdict each.

        StackError where the very first stack does not come up: the others would not either.
        """
        runner = TrialRunner(
            self._folder,
            self._backend,
            self._listener,
            self._calibration or Calibration(),
            self._origin_s,
        )
        for trial in block:
            if trial.name in self._done:
                continue
            if trial.skip:
                self._listener.skipped(trial)
                self._folder.journal.append("skipped", trial=trial.name, why=trial.skip)
                continue
            record = runner.trial(trial)
            self._records.append(record)
            self.summary.verdicts.append(record.verdict)
            if not any(map(attempt.stack_came_up, self._records)):
                raise StackError(record.why, f"its logs are in {self._folder.path / 'trials'}")

    def _to_run(self, block: Sequence[Trial]) -> list[Trial]:
        return [trial for trial in block if trial.name not in self._done and not trial.skip]

    def _with_reasons(self, block: Iterable[Trial]) -> list[Trial]:
        """With what the backend lacks for a trial as the reason to skip it."""
        return [
            dataclasses.replace(
                trial, skip=trial.skip or self._backend.unsupported_reason(trial.plan)
            )
            for trial in block
        ]


def _in_all(design: Design, block: Sequence[Trial]) -> str:
    """How many trials there will be, where a block is not all of them."""
    if len(block) == design.most_trials:
        return ""
    return f"{'at most ' if design.adapts else ''}{design.most_trials} in all"


@dataclass(frozen=True)
class TrialRunner:
    """Runs one trial after the other; what they share."""

    folder: SessionFolder
    backend: Backend
    listener: SessionListener
    calibration: Calibration
    origin_s: float

    def trial(self, trial: Trial) -> Record:
        """Runs a trial; once more, and once more again, where a disturbance spoilt it.

        Those that were spoilt before the session was resumed count.
        """
        self._announce(trial)
        spoilt = sum(map(should_retry, self.folder.records(trial.name)))
        record = self._attempt(trial)
        for _ in range(RETRIES - spoilt):
            if not should_retry(record):
                break
            self.listener.retrying(trial, record)
            record = self._attempt(trial)
        return record

    def _announce(self, trial: Trial) -> None:
        best = predicted(trial.plan, trial.cell.levels, self.calibration)
        if best is not None:
            nothing_run = Record(trial.name, 0, "", {}, "", "", predicted=best)
            check = feasibility(trial.plan, nothing_run)
            if check.status is Status.WARN:
                self.listener.message(f"{trial.name}: {check.says}")

    def _attempt(self, trial: Trial) -> Record:
        folder, listener = self.folder, self.listener
        number, path = folder.new_attempt(trial.name)
        folder.journal.append("began", trial=trial.name, attempt=number)
        listener.began(trial)
        record = attempt.run(
            trial, number, path, self.backend, self.origin_s,
            listener.phase, listener.progress, self.calibration,
        )  # fmt: skip
        folder.journal.append(
            "ended",
            trial=trial.name,
            attempt=number,
            verdict=record.verdict,
            manifest_sha256=sha256(path / MANIFEST),
        )
        listener.ended(trial, record)
        return record


def should_retry(record: Record) -> bool:
    """Whether an invalid attempt failed by disturbances alone: a saturation would come again."""
    failed = [check for check in record.checks if check.status is Status.FAIL]
    return record.verdict is Verdict.INVALID and all(check.again for check in failed)
