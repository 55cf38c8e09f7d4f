"""The master's count: the sum of all load workers', and the files it is written to.

May not know Locust. What the tables show comes from here, never from Locust's rounded figures.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rig.clock import ClockOffset
from rig.load.counting.hlog import Line, encode, write_log
from rig.load.counting.recorder import AFTER, RAMP, STEADY, UNANSWERED, phase_at
from rig.load.counting.report import FinalCount, Lags, LoadReport, MeteredSecond, Request, Slot
from rig.model import OUTCOME_DROPPED, OUTCOME_OK

_ORDER = {RAMP: 0, STEADY: 1, AFTER: 2}

COMPLETIONS = ("second", "phase", "route", "outcome", "count", "first_s", "last_s")
SECONDS = (
    *("second", "phase", "planned_users", "users", "started", "finished", "dropped"),
    "in_flight",
)
LOAD_WORKERS = ("second", "load_worker", "cpu_share", "lag_p50_ms", "lag_p99_ms", "lag_max_ms")
UNANSWERED_COLUMNS = ("load_worker", "sequence", "started_s", "age_s", "first", "route")
SEQUENCES = ("load_worker", "outcome", "first", "last")
REQUESTS = ("load_worker", "sequence", "intended_s", "sent_s", "finished_s", "outcome", "route")


@dataclass
class _Merged:
    count: int = 0
    first_s: float = math.inf
    last_s: float = 0.0
    responses: Counter[int] = field(default_factory=Counter)
    services: Counter[int] = field(default_factory=Counter)

    def add(self, count: int, first_s: float, last_s: float) -> None:
        self.count += count
        self.first_s = min(self.first_s, first_s)
        self.last_s = max(self.last_s, last_s)


@dataclass
class _LoadWorker:
    """What one load worker said. `left`: what its recorder left when it was frozen."""

    meter: dict[int, MeteredSecond] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    index: int = -1
    address: str = ""
    left: FinalCount | None = None
    clock: ClockOffset | None = None


class Completions:
    """What all load workers reported, added up. `route`: what a dropped arrival asked for."""

    def __init__(self, route: str) -> None:
        self._route = route
        self._slots: defaultdict[Slot, _Merged] = defaultdict(_Merged)
        self._started: Counter[tuple[int, str]] = Counter()
        self._load_workers: defaultdict[str, _LoadWorker] = defaultdict(_LoadWorker)

    def add(self, load_worker: str, report: LoadReport) -> None:
        """Adds one report of one load worker."""
        for begun in report.started:
            self._started[begun.second, begun.phase] += begun.requests
        for gone in report.dropped:
            slot = Slot(gone.second, gone.phase, self._route, OUTCOME_DROPPED)
            self._slots[slot].add(gone.arrivals, gone.first_s, gone.last_s)
        for done in report.completed:
            merged = self._slots[done.slot]
            merged.add(done.answers, done.first_s, done.last_s)
            merged.responses.update(done.response)
            if done.service is not None:
                merged.services.update(done.service)
        worker = self._load_workers[load_worker]
        worker.requests += report.requests
        worker.meter |= {one.second: one for one in report.meter}

    def close(self, load_worker: str, index: int, address: str, left: FinalCount) -> None:
        """A load worker's last word: its Locust index, its address, what `freeze` gave."""
        worker = self._load_workers[load_worker]
        worker.index, worker.address, worker.left = index, address, left

    def add_clock(self, load_worker: str, measured: ClockOffset) -> None:
        """A load worker's clock as it was before the load, and told again, after it."""
        worker = self._load_workers[load_worker]
        before = worker.clock
        worker.clock = before.measured_again(measured) if before is not None else measured

    @property
    def closed(self) -> int:
        """Load workers that have said their last word."""
        return len(self._closed())

    @property
    def closed_ids(self) -> list[str]:
        """The same, by their ids at Locust."""
        return [name for name, worker in self._load_workers.items() if worker.left is not None]

    def _closed(self) -> list[tuple[_LoadWorker, FinalCount]]:
        found = [
            (worker, worker.left)
            for worker in self._load_workers.values()
            if worker.left is not None
        ]
        return sorted(found, key=lambda pair: pair[0].index)

    @property
    def outcomes(self) -> Counter[str]:
        """Requests so far that have ended, by outcome; dropped arrivals, too."""
        counts: Counter[str] = Counter()
        for slot, merged in self._slots.items():
            counts[slot.outcome] += merged.count
        return counts

    @property
    def started(self) -> int:
        """Requests begun so far."""
        return self._started.total()

    def by_name(self) -> dict[str, dict[str, int]]:
        """What became of the requests of each route: whose answers came, and who had none yet."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for slot, merged in self._slots.items():
            found[slot.route]["finished"] += merged.count
            found[slot.route]["failed"] += merged.count * (slot.outcome != OUTCOME_OK)
        for _, left in self._closed():
            for one in left.unanswered:
                found[one.route]["unfinished"] += 1
        return {
            route: {
                "started": counts["finished"] + counts["unfinished"],
                **{key: counts[key] for key in ("finished", "failed", "unfinished")},
            }
            for route, counts in sorted(found.items())
        }

    def rate_rps(self, second: int) -> tuple[int, int]:
        """(correct, failed) requests that ended in one second."""
        correct = failed = 0
        for slot, merged in self._slots.items():
            if slot.second == second:
                if slot.outcome == OUTCOME_OK:
                    correct += merged.count
                else:
                    failed += merged.count
        return correct, failed

    def responses(self, second: int) -> list[str]:
        """One second's correct answers as encoded histograms, one a route and phase."""
        return [
            encode(merged.responses)
            for slot, merged in self._slots.items()
            if slot.second == second and slot.outcome == OUTCOME_OK
        ]

    def users(self, second: int) -> int:
        """Users that were active at the end of a second."""
        return sum(
            worker.meter[second].users
            for worker in self._load_workers.values()
            if second in worker.meter
        )

    def totals(self) -> dict[str, Any]:
        """What load.json says beyond the load workers' comings and goings."""
        closed = self._closed()
        names = self._names()
        seconds = {second for worker in self._load_workers.values() for second in worker.meter}
        unanswered = [one for _, left in closed for one in left.unanswered]
        dropped = self.outcomes[OUTCOME_DROPPED]
        return {
            "load_worker_addresses": sorted(worker.address for worker, _ in closed),
            "finished_by_load_worker": {
                name: worker.left.finished
                for name, worker in names.items()
                if worker.left is not None
            },
            "peak_users": max((self.users(second) for second in seconds), default=0),
            "started": self.started,
            "finished": self.outcomes.total() - dropped,
            "dropped": dropped,
            "outcomes": dict(self.outcomes),
            "in_flight_at_stop": len(unanswered),
            "in_flight_ages_s": sorted(round(one.age_s, 3) for one in unanswered),
            "never_answered_users": sum(1 for one in unanswered if one.first),
            "clocks": {
                name: asdict(worker.clock)
                for name, worker in names.items()
                if worker.clock is not None
            },
            "sequences": {str(worker.index): left.highest for worker, left in closed},
        }

    def _names(self) -> dict[str, _LoadWorker]:
        """The load workers by address; with their index where several share one."""
        addresses = Counter(worker.address for worker in self._load_workers.values())
        return {
            (
                f"{worker.address}#{worker.index}"
                if worker.address and addresses[worker.address] > 1
                else worker.address or client
            ): worker
            for client, worker in self._load_workers.items()
        }

    def write(
        self,
        folder: Path,
        ramp_s: float,
        duration_s: float,
        planned_users: Callable[[float], int] | None = None,
    ) -> None:
        """Writes every file of the load but load.json. An open load plans no users."""
        folder.mkdir(parents=True, exist_ok=True)
        slots = sorted(self._slots.items())
        _write_csv(folder / "completions.csv", COMPLETIONS, map(_completion, slots))
        responses = (
            Line.of(slot.tag, slot.second, at.responses) for slot, at in slots if at.responses
        )
        write_log(folder / "latencies.hlog", responses)
        services = [
            Line.of(slot.tag, slot.second, at.services) for slot, at in slots if at.services
        ]
        if services:
            write_log(folder / "service.hlog", services)
        seconds = self._seconds(ramp_s, duration_s, planned_users)
        _write_csv(folder / "seconds.csv", SECONDS, seconds)
        self._write_meters(folder, ramp_s, duration_s)
        self._write_left(folder)

    def _seconds(
        self, ramp_s: float, duration_s: float, planned_users: Callable[[float], int] | None
    ) -> Iterable[tuple[object, ...]]:
        finished: Counter[tuple[int, str]] = Counter()
        dropped: Counter[tuple[int, str]] = Counter()
        for slot, merged in self._slots.items():
            counter = dropped if slot.outcome == OUTCOME_DROPPED else finished
            counter[slot.second, slot.phase] += merged.count
        keys = {*self._started, *finished, *dropped}
        for second in range(math.ceil(duration_s)):
            keys.add((second, phase_at(second, ramp_s, duration_s)))
        in_flight = 0
        # in time: a second that the ramp ends in stands twice, its ramp first
        for key in sorted(keys, key=lambda key: (key[0], _ORDER[key[1]])):
            in_flight += self._started[key] - finished[key]
            planned = users = None
            if planned_users is not None:
                planned, users = planned_users(key[0]), self.users(key[0])
            counts = (self._started[key], finished[key], dropped[key], in_flight)
            yield (*key, planned, users, *counts)

    def _write_meters(self, folder: Path, ramp_s: float, duration_s: float) -> None:
        rows: list[tuple[Any, ...]] = []
        lines: list[Line] = []
        for name, worker in sorted(self._names().items()):
            for second, (_, share, _, lags) in sorted(worker.meter.items()):
                if second >= duration_s:
                    continue
                rows.append((second, name, f"{share:.4f}", *_lags_ms(lags)))
                if lags is not None:
                    tag = f"{phase_at(second, ramp_s, duration_s)}|{name}"
                    lines.append(Line(tag, second, lags.max_us, lags.histogram))
        _write_csv(folder / "load_workers.csv", LOAD_WORKERS, sorted(rows))
        write_log(folder / "lags.hlog", sorted(lines, key=lambda line: (line.second, line.tag)))

    def _write_left(self, folder: Path) -> None:
        unanswered: list[tuple[object, ...]] = []
        sequences: list[tuple[object, ...]] = []
        requests: list[tuple[int, Request]] = []
        for worker, left in self._closed():
            for number, intended_s, sent_s, age_s, first, route in left.unanswered:
                times = (f"{intended_s:.6f}", f"{age_s:.6f}")
                unanswered.append((worker.index, number, *times, int(first), route))
                request = Request(number, intended_s, sent_s, None, UNANSWERED, route)
                requests.append((worker.index, request))
            for outcome, found in sorted(left.not_ok.items()):
                sequences += [(worker.index, outcome, *range_) for range_ in found]
            requests += [(worker.index, request) for request in worker.requests]
        _write_csv(folder / "unanswered.csv", UNANSWERED_COLUMNS, unanswered)
        _write_csv(folder / "sequences.csv", SEQUENCES, sequences)
        if any(worker.requests for worker, _ in self._closed()):
            requests.sort(key=lambda sent: sent[1].intended_s)
            rows = (_request(index, request) for index, request in requests)
            _write_csv(folder / "requests.csv", REQUESTS, rows)


def _completion(item: tuple[Slot, _Merged]) -> tuple[object, ...]:
    slot, merged = item
    return (*slot, merged.count, f"{merged.first_s:.6f}", f"{merged.last_s:.6f}")


def _request(load_worker: int, of: Request) -> tuple[object, ...]:
    times = (of.intended_s, of.sent_s, of.finished_s)
    cells = ("" if at_s is None else f"{at_s:.6f}" for at_s in times)
    return (load_worker, of.sequence, *cells, of.outcome, of.route)


def _lags_ms(lags: Lags | None) -> tuple[object, ...]:
    """Median, 99th percentile and the most."""
    if lags is None:
        return None, None, None
    return tuple(f"{us / 1000:.3f}" for us in (lags.p50_us, lags.p99_us, lags.max_us))


def _write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(heading)
        out.writerows(rows)
