"""One try of a trial, walked through its phases on any backend; every path ends in a record.

`collect` and teardown run from every state. The first error is the one reported: what goes
wrong while cleaning up never hides it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rig.backends.base import Backend, OnProgress, Stack
from rig.checks import judge
from rig.disk.facts import Facts
from rig.disk.files import sync_tree, write_atomically
from rig.disk.refusals import is_full, refusal
from rig.evidence.attempt import FACTS, AttemptFacts, read_attempt
from rig.evidence.calibration import null_share, predicted
from rig.model import Phase, RigError, StackError, StorageError, Verdict
from rig.plan import Trial
from rig.probes import sampling
from rig.record import Calibration, Record, Span
from rig.store import session_folder
from rig.store.journal import now

OnPhase = Callable[[Phase], None]
NOT_CALIBRATED = Calibration()


@dataclass
class PhaseLog:
    """The phases walked so far, and the first error."""

    origin_s: float
    on_phase: OnPhase
    spans: list[Span] = field(default_factory=list)
    error: RigError | None = None
    failed_in: Phase | None = None

    @contextlib.contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Times a phase; keeps a RigError for the record, lets anything else through."""
        self.on_phase(phase)
        begun_s = time.monotonic()
        message = ""
        try:
            yield
        except (RigError, OSError) as error:
            message = str(error)
            if self.error is None:
                self.error = error if isinstance(error, RigError) else _meaning(error, phase)
                self.failed_in = phase
        finally:
            start_s, end_s = begun_s - self.origin_s, time.monotonic() - self.origin_s
            self.spans.append(Span(phase, round(start_s, 3), round(end_s, 3), message))


def _meaning(error: OSError, phase: Phase) -> RigError:
    full = refusal(error, f"what {phase} writes") if is_full(error) else None
    return full or StackError(str(error))


@dataclass
class _Seen:
    facts: Facts = field(default_factory=Facts)
    observed: AttemptFacts = field(default_factory=AttemptFacts)


def run(
    trial: Trial,
    number: int,
    folder: Path,
    backend: Backend,
    origin_s: float,
    on_phase: OnPhase,
    on_progress: OnProgress,
    calibration: Calibration = NOT_CALIBRATED,
) -> Record:
    """Carries a trial out in `folder` and writes its manifest, last of all.

    Interruptions pass through, after cleaning up, and leave no manifest. So does a StorageError:
    it says nothing of the trial.
    """
    log, seen, started_at = PhaseLog(origin_s, on_phase), _Seen(), now()
    with contextlib.ExitStack() as exits:
        stack = None
        with log.phase(Phase.PROVISION):
            stack = exits.enter_context(backend.up(trial.plan))
            stack.bring_up()
        if stack is not None:
            try:
                _measure(stack, log, seen, on_progress, folder)
            finally:
                with log.phase(Phase.COLLECT):
                    stack.collect(folder)
                    write_atomically(folder / FACTS, json.dumps(seen.facts) + "\n")
                    seen.observed = read_attempt(folder, trial.plan)
        with log.phase(Phase.TEARDOWN):
            exits.close()
    if isinstance(log.error, StorageError):
        raise log.error
    record = _record(trial, number, backend, log, seen, started_at)
    record = dataclasses.replace(
        record,
        predicted=predicted(trial.plan, trial.cell.levels, calibration),
        null_rps=calibration.null_rps,
        null_share=null_share(seen.observed.load, calibration.null_rps),
    )
    return _kept(folder, _judged(trial, log, record))


def _kept(folder: Path, record: Record) -> Record:
    """Writes the checks and, once every file is on disk, the manifest with their hashes."""
    checks = [dataclasses.asdict(check) for check in record.checks]
    write_atomically(folder / "checks.json", json.dumps(checks, indent=1) + "\n")
    sync_tree(folder)
    record = dataclasses.replace(record, files=session_folder.hashes(folder))
    manifest = json.dumps(record.to_json(), indent=1) + "\n"
    write_atomically(folder / session_folder.MANIFEST, manifest)
    return record


def _measure(
    stack: Stack, log: PhaseLog, seen: _Seen, on_progress: OnProgress, folder: Path
) -> None:
    def verify() -> None:
        seen.facts = stack.verify()

    def load() -> None:
        # not beyond it: the end of every role would look like a failure
        with sampling(stack.endpoints, folder / "probes"):
            stack.run_load(on_progress)

    steps: tuple[tuple[Phase, Callable[[], None]], ...] = (
        (Phase.IMPAIR, stack.set_delay),
        (Phase.VERIFY, verify),
        (Phase.LOAD, load),
        (Phase.STOP, stack.stop),
    )
    for phase, step in steps:
        if log.error is None:
            with log.phase(phase):
                step()


def _record(
    trial: Trial, number: int, backend: Backend, log: PhaseLog, seen: _Seen, started_at: str
) -> Record:
    return Record(
        trial=trial.name,
        attempt=number,
        backend=backend.name,
        levels=dict(trial.cell.levels),
        plan_digest=trial.plan.digest,
        started_at=started_at,
        spans=tuple(log.spans),
        **vars(seen.observed),
    )


def _judged(trial: Trial, log: PhaseLog, record: Record) -> Record:
    if log.error is not None:
        failed = next(span for span in record.spans if span.phase == log.failed_in)
        return dataclasses.replace(record, verdict=Verdict.FAILED, why=failed.failure)
    checks, verdict, reason = judge(trial.plan, record)
    return dataclasses.replace(record, checks=checks, verdict=verdict, why=reason)


def stack_came_up(record: Record) -> bool:
    """Whether every role started."""
    return any(span.phase == Phase.PROVISION and not span.error for span in record.spans)
