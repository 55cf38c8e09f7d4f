"""Counts and times every request, once in each load worker, and merges at the master.

Pure but for `Completions.write`: it is told the time, so the fake backend feeds it a simulated
clock. May not know Locust. Latencies go into HdrHistograms (µs, 3 significant digits) per second
of completion, phase, route and outcome; what the tables show comes from here, never from
Locust's rounded figures.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hdrh.histogram import HdrHistogram

from rig.model import OUTCOME_OK

LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS = 1, 3_600_000_000, 3

RAMP, STEADY, AFTER = "ramp", "steady", "after"
_ORDER = {RAMP: 0, STEADY: 1, AFTER: 2}


def phase_at(at_s: float, ramp_s: float, duration_s: float) -> str:
    """The part of the load that an instant belongs to."""
    if at_s < ramp_s:
        return RAMP
    return STEADY if at_s < duration_s else AFTER


@dataclass(frozen=True, order=True)
class Slot:
    """What one histogram counts: a second of completion, and what completed in it."""

    second: int
    phase: str
    route: str
    outcome: str

    @property
    def tag(self) -> str:
        """The tag of its line in the log."""
        return f"{self.phase}|{self.route}|{self.outcome}"


@dataclass
class _Completed:
    """The answers of one slot, not yet reported."""

    first_s: float
    last_s: float
    latencies_us: list[int] = field(default_factory=list)


def new_histogram() -> Any:
    """An empty histogram in the recorder's range."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)


def encode(latencies_us: Iterable[int]) -> str:
    """Latencies as the base64 of a compressed V2 histogram."""
    histogram = new_histogram()
    for latency_us in latencies_us:
        histogram.record_value(min(max(latency_us, LOWEST_US), HIGHEST_US))
    return str(histogram.encode().decode())


class Recorder:
    """One load worker's count. Times are seconds since the load began."""

    def __init__(self, ramp_s: float, duration_s: float) -> None:
        self._ramp_s, self._duration_s = ramp_s, duration_s
        self._completed: dict[Slot, _Completed] = {}
        self._started: Counter[tuple[int, str]] = Counter()
        self._flying: dict[int, float] = {}
        self._sequence = 0
        self.frozen = False
        self.finished = 0
        """Answers counted so far; the master's sum must come to the same."""

    def start(self, at_s: float) -> int:
        """A request leaves; gives the number to finish it by."""
        self._sequence += 1
        if not self.frozen:
            phase = phase_at(at_s, self._ramp_s, self._duration_s)
            self._started[int(at_s), phase] += 1
            self._flying[self._sequence] = at_s
        return self._sequence

    def finish(self, number: int, at_s: float, route: str, outcome: str) -> None:
        """Its answer (or its failure) is here. Ignored once the count is frozen."""
        started_s = self._flying.pop(number, None)
        if started_s is None or self.frozen:
            return
        self.finished += 1
        phase = phase_at(at_s, self._ramp_s, self._duration_s)
        slot = Slot(int(at_s), phase, route, outcome)
        completed = self._completed.get(slot)
        if completed is None:
            completed = self._completed[slot] = _Completed(at_s, at_s)
        completed.last_s = at_s
        completed.latencies_us.append(round((at_s - started_s) * 1e6))

    def freeze(self, at_s: float) -> list[float]:
        """Ends the count; gives the ages (s) of the requests still in flight."""
        self.frozen = True
        return sorted(at_s - started_s for started_s in self._flying.values())

    def drain(self) -> dict[str, Any]:
        """What is new since the last drain, ready for Locust's worker report (msgpack)."""
        completed, self._completed = self._completed, {}
        started, self._started = self._started, Counter()
        return {
            "started": [[*key, count] for key, count in started.items()],
            "completed": [
                [
                    *(slot.second, slot.phase, slot.route, slot.outcome),
                    len(done.latencies_us),
                    done.first_s,
                    done.last_s,
                    encode(done.latencies_us),
                ]
                for slot, done in completed.items()
            ],
            "in_flight": len(self._flying),
        }


@dataclass
class _Merged:
    count: int = 0
    first_s: float = math.inf
    last_s: float = 0.0
    payloads: list[str] = field(default_factory=list)


class Completions:
    """The master's count: the sum of all load workers'."""

    def __init__(self) -> None:
        self._slots: dict[Slot, _Merged] = defaultdict(_Merged)
        self._started: Counter[tuple[int, str]] = Counter()
        self._users: dict[int, int] = {}
        self._in_flight: dict[str, int] = {}
        self._flying: dict[int, int] = {}

    def add(self, load_worker: str, report: Mapping[str, Any], at_s: float) -> None:
        """Adds one report of one load worker, as `Recorder.drain` made it."""
        for second, phase, count in report["started"]:
            self._started[second, phase] += count
        for *key, count, first_s, last_s, payload in report["completed"]:
            merged = self._slots[Slot(*key)]
            merged.count += count
            merged.first_s = min(merged.first_s, first_s)
            merged.last_s = max(merged.last_s, last_s)
            merged.payloads.append(payload)
        self._in_flight[load_worker] = report["in_flight"]
        self._flying[int(at_s)] = sum(self._in_flight.values())

    def users(self, at_s: float, active_users: int) -> None:
        """Notes how many users are active."""
        self._users[int(at_s)] = active_users

    @property
    def outcomes(self) -> Counter[str]:
        """Answers so far, by outcome."""
        counts: Counter[str] = Counter()
        for slot, merged in self._slots.items():
            counts[slot.outcome] += merged.count
        return counts

    @property
    def started(self) -> int:
        """Requests begun so far."""
        return self._started.total()

    @property
    def peak_users(self) -> int:
        """The most users that were ever active."""
        return max(self._users.values(), default=0)

    def rate_rps(self, second: int) -> tuple[int, int]:
        """(correct, failed) answers that completed in one second."""
        correct = failed = 0
        for slot, merged in self._slots.items():
            if slot.second == second:
                if slot.outcome == OUTCOME_OK:
                    correct += merged.count
                else:
                    failed += merged.count
        return correct, failed

    def write(self, folder: Path, ramp_s: float, duration_s: float) -> None:
        """Writes latencies.hlog, completions.csv and seconds.csv."""
        folder.mkdir(parents=True, exist_ok=True)
        slots = sorted(self._slots.items())
        with (folder / "latencies.hlog").open("w") as log:
            log.write("#[Histogram log format version 1.3]\n")
            log.write("#[Seconds since the load began; values in us, Interval_Max in ms]\n")
            log.write("#[BaseTime: 0.000 (seconds since epoch)]\n")
            log.write("#[StartTime: 0.000 (seconds since epoch), load began]\n")
            log.write(
                '"StartTimestamp","Interval_Length","Interval_Max",'
                '"Interval_Compressed_Histogram"\n'
            )
            log.writelines(_log_line(slot, merged) for slot, merged in slots)
        with (folder / "completions.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["second", "phase", "route", "outcome", "count", "first_s", "last_s"])
            for slot, merged in slots:
                out.writerow(
                    [
                        *(slot.second, slot.phase, slot.route, slot.outcome, merged.count),
                        *(f"{merged.first_s:.6f}", f"{merged.last_s:.6f}"),
                    ]
                )
        self._write_seconds(folder, ramp_s, duration_s)

    def _write_seconds(self, folder: Path, ramp_s: float, duration_s: float) -> None:
        keys = set(self._started)
        for second in (*self._users, *self._flying):
            if not any((second, phase) in keys for phase in (RAMP, STEADY, AFTER)):
                keys.add((second, phase_at(second, ramp_s, duration_s)))
        users = in_flight = 0
        with (folder / "seconds.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["second", "phase", "users", "started", "in_flight"])
            # in time: a second that the ramp ends in stands twice, its ramp first
            for second, phase in sorted(keys, key=lambda key: (key[0], _ORDER[key[1]])):
                users = self._users.get(second, users)
                in_flight = self._flying.get(second, in_flight)
                out.writerow([second, phase, users, self._started[second, phase], in_flight])


def _log_line(slot: Slot, merged: _Merged) -> str:
    histogram = HdrHistogram.decode(merged.payloads[0])
    for payload in merged.payloads[1:]:
        histogram.decode_and_add(payload)
    payload = histogram.encode().decode() if len(merged.payloads) > 1 else merged.payloads[0]
    max_ms = histogram.get_max_value() / 1000
    return f"Tag={slot.tag},{slot.second:.3f},1.000,{max_ms:.3f},{payload}\n"
