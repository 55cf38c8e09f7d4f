"""A session that runs: asks its design for blocks, runs their trials, keeps the folder resumable.

The order of these steps stands in `rig.cli.running`.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rig import attempt
from rig import calibrate as calibrating
from rig.backends.base import Backend, LoadProgress
from rig.calibration import Calibration
from rig.checks.feasibility import feasibility
from rig.config import (
    Capacity,
    Matrix,
    Only,
    Repeats,
    Search,
    Until,
    cells,
    filter_cells,
)
from rig.design import (
    CapacitySearch,
    CrossoverSearch,
    Design,
    RandomBlocks,
    SequentialBlocks,
    plan_of,
)
from rig.disk.files import sha256
from rig.evidence.calibration import predicted
from rig.model import (
    ExitCode,
    Phase,
    StackError,
    Status,
    Verdict,
)
from rig.plan import Plan, Trial
from rig.probes import Row
from rig.record import Record
from rig.store.names import MANIFEST
from rig.store.session_folder import SessionFolder

RETRIES = 2
"""Attempts after the first, where a check says that another can help."""


class SessionListener(Protocol):
    """Who looks on: the live view of a terminal, plain lines, a page."""

    def planned(self, trials: Sequence[Trial], in_all: str) -> None:
        """A block to come, and how many trials there will be."""
        ...

    def began(self, trial: Trial) -> None:
        """A trial begins."""
        ...

    def phase(self, phase: Phase) -> None:
        """Its next phase begins."""
        ...

    def progress(self, progress: LoadProgress) -> None:
        """What its load says."""
        ...

    def sampled(self, probe: str, rows: Sequence[Row]) -> None:
        """What a probe has just seen, as an `OnSample`: in another thread than all else."""
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
        case Capacity() as capacity:
            return CapacitySearch(matrix, capacity, chosen, cpus)


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
            self._listener.planned(self._to_run(block), _in_all(self._design, block))
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
            listener.phase, listener.progress, self.calibration, listener.sampled,
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
    """Whether an attempt was spoilt by disturbances alone: a saturation would come again."""
    if record.lost_node:
        return True
    failed = [check for check in record.checks if check.status is Status.FAIL]
    return record.verdict is Verdict.INVALID and all(check.again for check in failed)
