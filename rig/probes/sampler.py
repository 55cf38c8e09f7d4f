"""Runs every probe of an attempt on one clock, each in a thread of its own.

A probe that is stuck or broken holds up no other one, and no trial: why it failed is written
into `failed.json`. May not know what any probe looks at.
"""

from __future__ import annotations

import contextlib
import csv
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rig.clock import ClockOffset
from rig.endpoints import Endpoints
from rig.evidence.probes import COLUMNS, FAILED
from rig.probes.base import OnSample, Probe, Row, to_nobody
from rig.probes.choice import probes_of
from rig.probes.clock import SessionClock

INTERVAL_S = 0.87
"""Out of step with users: those who begin on a second, and are answered in whole tenths of one,
would be met in the same moment of their request at every sample."""
GIVE_UP_S = 10.0
"""How long a probe may do nothing but fail: Postgres may be back from a restart by then."""
FIRST_DEADLINE_S = 10.0
LAST_DEADLINE_S = 5.0


@dataclass
class _Run:
    """One probe at work, and what went wrong."""

    probe: Probe
    path: Path
    on_sample: OnSample
    clock: ClockOffset
    """Of the machine that this runs on."""
    looked: threading.Event = field(default_factory=threading.Event)
    samples: int = 0
    failures: int = 0
    why: str = ""
    given_up: bool = False

    def work(self, begun_s: float, stop: threading.Event) -> None:
        """Samples until told to stop and once more then, or until there is no hope."""
        try:
            with self.path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS[self.probe.name])
                self._sample_all(writer.writerows, begun_s, stop)
                writer.writerows(map(_cells, self.probe.rest()))
        except Exception as error:
            self._failed(error)
            self.given_up = True
        finally:
            self.looked.set()
            with contextlib.suppress(Exception):
                self.probe.close()

    def _sample_all(
        self, write: Callable[[Iterable[Row]], object], begun_s: float, stop: threading.Event
    ) -> None:
        fine_s = turn_s = begun_s
        last = False
        while True:
            at_s = time.monotonic()
            self.samples += 1
            try:
                rows = list(self.probe.sample(self.clock.session_s(at_s)))
                write(map(_cells, rows))
                self.on_sample(self.probe.name, rows)
                fine_s = at_s
            except Exception as error:
                self._failed(error)
                self.given_up = time.monotonic() - fine_s > GIVE_UP_S
            self.looked.set()
            if self.given_up or last:
                return
            # turns that were missed are left out: none is made up later
            now_s = time.monotonic()
            turn_s += INTERVAL_S * max(1, -(-(now_s - turn_s) // INTERVAL_S))
            # a last look when told to stop: what happened since the turn before would go unseen
            last = stop.wait(max(0.0, turn_s - now_s))

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        said = " ".join(str(error).split())
        self.why = f"{type(error).__name__}: {said}" if said else type(error).__name__

    def says(self) -> str:
        """Why it has less to say than it should; "" where it has all."""
        if not self.failures:
            return ""
        end = ", and no more were taken" if self.given_up else ""
        return f"{self.failures} of {self.samples} samples failed{end}: {self.why}"


def _cells(row: Row) -> Row:
    return [f"{cell:.6f}" if isinstance(cell, float) else cell for cell in row]


@contextlib.contextmanager
def sampling(
    look: Callable[[], Endpoints], folder: Path, on_sample: OnSample = to_nobody
) -> Iterator[None]:
    """Samples what `look` gives to see until the context ends; a file a probe in `folder`.

    Begins with a first sample of every probe and ends with a last one. Raises nothing of its own;
    where there is nothing to see it writes nothing.
    """
    runs, failed = _prepared(look, folder, on_sample)
    stop = threading.Event()
    threads: list[tuple[_Run, threading.Thread]] = []
    try:
        _begin(runs, stop, threads)
        yield
    finally:
        stop.set()
        failed |= _ended(threads)
        if runs or failed:
            _write_failed(folder, failed)


def _prepared(
    look: Callable[[], Endpoints], folder: Path, on_sample: OnSample
) -> tuple[list[_Run], dict[str, str]]:
    """The probes that there are, and why there are no others."""
    runs: list[_Run] = []
    failed: dict[str, str] = {}
    name = "sight"
    try:
        seen = look()
        choice, clock = probes_of(seen), ClockOffset()
        if seen.clock is not None:
            asked = SessionClock(seen.clock, seen.node)
            choice, clock = [*choice, (asked.name, lambda: asked)], asked.first
        name = "folder"
        if choice:
            folder.mkdir(parents=True, exist_ok=True)
    except Exception as error:
        return [], {name: f"{type(error).__name__}: {error}"}
    for name, make in choice:
        try:
            runs.append(_Run(make(), folder / f"{name}.csv", on_sample, clock))
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    return runs, failed


def _begin(
    runs: Iterable[_Run], stop: threading.Event, threads: list[tuple[_Run, threading.Thread]]
) -> None:
    """Puts each probe to work, and waits for its first sample; `threads` are those begun."""
    begun_s = time.monotonic()
    for run in runs:
        thread = threading.Thread(target=run.work, args=(begun_s, stop), daemon=True)
        thread.start()
        threads.append((run, thread))
    for run, _ in threads:
        run.looked.wait(max(0.0, begun_s + FIRST_DEADLINE_S - time.monotonic()))


def _ended(threads: Iterable[tuple[_Run, threading.Thread]]) -> dict[str, str]:
    """Waits for each probe to end; what went wrong with it, by name."""
    give_up_s = time.monotonic() + LAST_DEADLINE_S
    failed = {}
    for run, thread in threads:
        thread.join(max(0.0, give_up_s - time.monotonic()))
        stuck = ["did not end in time"] if thread.is_alive() else []
        if said := "; ".join([*([run.says()] if run.failures else []), *stuck]):
            failed[run.probe.name] = said
    return failed


def _write_failed(folder: Path, failed: dict[str, str]) -> None:
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FAILED).write_text(json.dumps(failed), encoding="utf-8")
