"""The master's count: the sum of all load workers', and the files it is written to.

May not know Locust. What the tables show comes from here, never from Locust's rounded figures.
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.load.hlog import Line, encode, tally, write_log
from rig.load.recorder import AFTER, RAMP, STEADY, UNANSWERED, phase_at
from rig.load.report import FinalCount, LoadReport, MeteredSecond, Request, Slot
from rig.model import OUTCOME_DROPPED, OUTCOME_OK, nearest_rank

_ORDER = {RAMP: 0, STEADY: 1, AFTER: 2}

COMPLETIONS = ("second", "phase", "route", "outcome", "count", "first_s", "last_s")
SECONDS = (
    *("second", "phase", "planned_users", "users", "started", "finished", "dropped"),
    "in_flight",
)
LOAD_WORKERS = ("second", "load_worker", "cpu_share", "lag_p50_ms", "lag_p99_ms", "lag_max_ms")
UNANSWERED_COLUMNS = ("load_worker", "sequence", "started_s", "age_s", "first")
SEQUENCES = ("load_worker", "outcome", "first", "last")
REQUESTS = ("load_worker", "sequence", "intended_s", "sent_s", "finished_s", "outcome")


@dataclass
class _Merged:
    count: int = 0
    first_s: float = math.inf
    last_s: float = 0.0
    responses: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)

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
            merged.responses.append(done.response)
            if done.service is not None:
                merged.services.append(done.service)
        said = self._load_workers[load_worker]
        said.requests += report.requests
        said.meter |= {one.second: one for one in report.meter}

    def close(self, load_worker: str, index: int, address: str, left: FinalCount) -> None:
        """A load worker's last word: its Locust index, its address, what `freeze` gave."""
        said = self._load_workers[load_worker]
        said.index, said.address, said.left = index, address, left

    @property
    def closed(self) -> int:
        """Load workers that have said their last word."""
        return len(self._closed())

    def _closed(self) -> list[tuple[_LoadWorker, FinalCount]]:
        found = [(said, said.left) for said in self._load_workers.values() if said.left is not None]
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

    def users(self, second: int) -> int:
        """Users that were active at the end of a second."""
        return sum(
            said.meter[second].users for said in self._load_workers.values() if second in said.meter
        )

    def totals(self) -> dict[str, Any]:
        """What load.json says beyond the load workers' comings and goings."""
        closed = self._closed()
        names = self._names()
        seconds = {second for said in self._load_workers.values() for second in said.meter}
        unanswered = [one for _, left in closed for one in left.unanswered]
        dropped = self.outcomes[OUTCOME_DROPPED]
        return {
            "load_worker_addresses": sorted(said.address for said, _ in closed),
            "finished_by_load_worker": {
                name: said.left.finished for name, said in names.items() if said.left is not None
            },
            "peak_users": max((self.users(second) for second in seconds), default=0),
            "started": self.started,
            "finished": self.outcomes.total() - dropped,
            "dropped": dropped,
            "outcomes": dict(self.outcomes),
            "in_flight_at_stop": len(unanswered),
            "in_flight_ages_s": sorted(round(one.age_s, 3) for one in unanswered),
            "never_answered_users": sum(1 for one in unanswered if one.first),
            "sequences": {str(said.index): left.highest for said, left in closed},
        }

    def _names(self) -> dict[str, _LoadWorker]:
        """The load workers by address; with their index where several share one."""
        addresses = Counter(said.address for said in self._load_workers.values())
        return {
            (
                f"{said.address}#{said.index}"
                if said.address and addresses[said.address] > 1
                else said.address or client
            ): said
            for client, said in self._load_workers.items()
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
        responses = (Line(slot.tag, slot.second, at.responses) for slot, at in slots)
        write_log(folder / "latencies.hlog", (line for line in responses if line.payloads))
        services = [Line(slot.tag, slot.second, at.services) for slot, at in slots if at.services]
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
        for name, said in sorted(self._names().items()):
            for second, (_, share, _, lags_us) in sorted(said.meter.items()):
                if second >= duration_s:
                    continue
                rows.append((second, name, f"{share:.4f}", *_lags_ms(lags_us)))
                tag = f"{phase_at(second, ramp_s, duration_s)}|{name}"
                lines += [Line(tag, second, [encode(tally(lags_us))])] if lags_us else []
        _write_csv(folder / "load_workers.csv", LOAD_WORKERS, sorted(rows))
        write_log(folder / "lags.hlog", sorted(lines, key=lambda line: (line.second, line.tag)))

    def _write_left(self, folder: Path) -> None:
        unanswered: list[tuple[object, ...]] = []
        sequences: list[tuple[object, ...]] = []
        requests: list[tuple[int, Request]] = []
        for said, left in self._closed():
            for number, intended_s, sent_s, age_s, first in left.unanswered:
                times = (f"{intended_s:.6f}", f"{age_s:.6f}")
                unanswered.append((said.index, number, *times, int(first)))
                request = Request(number, intended_s, sent_s, None, UNANSWERED)
                requests.append((said.index, request))
            for outcome, found in sorted(left.not_ok.items()):
                sequences += [(said.index, outcome, *range_) for range_ in found]
            requests += [(said.index, request) for request in said.requests]
        _write_csv(folder / "unanswered.csv", UNANSWERED_COLUMNS, unanswered)
        _write_csv(folder / "sequences.csv", SEQUENCES, sequences)
        if any(said.requests for said, _ in self._closed()):
            requests.sort(key=lambda sent: sent[1].intended_s)
            rows = (_request(index, request) for index, request in requests)
            _write_csv(folder / "requests.csv", REQUESTS, rows)


def _completion(item: tuple[Slot, _Merged]) -> tuple[object, ...]:
    slot, merged = item
    return (*slot, merged.count, f"{merged.first_s:.6f}", f"{merged.last_s:.6f}")


def _request(load_worker: int, of: Request) -> tuple[object, ...]:
    times = (of.intended_s, of.sent_s, of.finished_s)
    said = ("" if at_s is None else f"{at_s:.6f}" for at_s in times)
    return (load_worker, of.sequence, *said, of.outcome)


def _lags_ms(lags_us: Sequence[int]) -> tuple[object, ...]:
    """Median, 99th percentile (by nearest rank) and the most."""
    if not lags_us:
        return None, None, None
    ordered = sorted(lags_us)
    ranks = (nearest_rank(len(ordered), share) - 1 for share in (0.5, 0.99, 1.0))
    return tuple(f"{ordered[rank] / 1000:.3f}" for rank in ranks)


def _write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(heading)
        out.writerows(rows)
