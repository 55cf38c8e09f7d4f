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
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rig.backends.base import Backend, OnProgress, Stack
from rig.calibration import Calibration
from rig.checks import judge
from rig.disk.facts import Facts
from rig.disk.files import sync_tree, write_atomically
from rig.disk.refusals import is_full, refusal
from rig.evidence.attempt import FACTS, AttemptFacts, read_attempt
from rig.evidence.calibration import null_share, null_share_by_node, predicted
from rig.model import LostNode, Phase, RigError, StackError, Verdict
from rig.plan import Trial
from rig.probes import OnSample, sampling, to_nobody
from rig.record import Record, Span
from rig.store import names, session_folder
from rig.store.journal import now

OnPhase = Callable[[Phase], None]
NOT_CALIBRATED = Calibration()


@dataclass
class PhaseLog:
    """The phases walked so far, and the error that is the cause of any other."""

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
            if self.error is None or _explains(error, self.error):
                self.error = error if isinstance(error, RigError) else _meaning(error, phase)
                self.failed_in = phase
        finally:
            start_s, end_s = begun_s - self.origin_s, time.monotonic() - self.origin_s
            self.spans.append(Span(phase, round(start_s, 3), round(end_s, 3), message))


def _explains(later: Exception, first: RigError) -> bool:
    """A lost machine is noticed after what it broke."""
    return isinstance(later, LostNode) and not (isinstance(first, LostNode) or first.ends_session)


def _meaning(error: OSError, phase: Phase) -> RigError:
    full = refusal(error, f"what {phase} writes") if is_full(error) else None
    return full or StackError(str(error))


@dataclass
class _Observed:
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
    on_sample: OnSample = to_nobody,
) -> Record:
    """Carries a trial out in `folder` and writes its manifest, last of all.

    Interruptions pass through, after cleaning up, and leave no manifest. So does an error that
    says nothing of the trial.
    """
    log, seen, started_at = PhaseLog(origin_s, on_phase), _Observed(), now()
    with contextlib.ExitStack() as exits:
        stack = None
        with log.phase(Phase.PROVISION):
            stack = exits.enter_context(backend.up(trial.plan))
            stack.bring_up()
        if stack is not None:
            try:
                _measure(
                    stack,
                    log,
                    seen,
                    on_progress,
                    sampling(stack.endpoints, folder / "probes", on_sample),
                )
            finally:
                with log.phase(Phase.COLLECT):
                    stack.collect(folder)
                    write_atomically(folder / FACTS, json.dumps(seen.facts) + "\n")
                    seen.observed = read_attempt(folder, trial.plan)
        with log.phase(Phase.TEARDOWN):
            exits.close()
    if log.error is not None and log.error.ends_session:
        raise log.error
    record = _record(trial, number, backend, log, seen, started_at)
    record = dataclasses.replace(
        record,
        predicted=predicted(trial.plan, trial.cell.levels, calibration),
        null_rps=calibration.null_rps,
        null_share=null_share(seen.observed.load, calibration.null_rps),
        null_share_by_node=null_share_by_node(seen.observed.load, seen.facts, calibration),
        lost_node=log.error.node if isinstance(log.error, LostNode) else "",
    )
    return _write_manifest(folder, _judged(trial, log, record))


def _write_manifest(folder: Path, record: Record) -> Record:
    """Writes the checks and, once every file is on disk, the manifest with their hashes."""
    checks = [dataclasses.asdict(check) for check in record.checks]
    write_atomically(folder / "checks.json", json.dumps(checks, indent=1) + "\n")
    sync_tree(folder)
    record = dataclasses.replace(record, files=session_folder.hashes(folder))
    manifest = json.dumps(record.to_json(), indent=1) + "\n"
    write_atomically(folder / names.MANIFEST, manifest)
    return record


def _measure(
    stack: Stack,
    log: PhaseLog,
    seen: _Observed,
    on_progress: OnProgress,
    sampled: AbstractContextManager[None],
) -> None:
    def verify() -> None:
        seen.facts = stack.verify()

    def load() -> None:
        # not beyond it: the end of every role would look like a failure
        with sampled:
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
    trial: Trial, number: int, backend: Backend, log: PhaseLog, seen: _Observed, started_at: str
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
