"""What the load's raw files say beyond load.json: pure reading, the same for ever.

May not know records; gives plain values under the names that `LoadFacts` has for them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.disk.contents import rows
from rig.disk.histograms import percentile_us, read_log
from rig.disk.rows import Completion, LoadWorkerRow, SecondRow
from rig.disk.sent import read_sent
from rig.inference.objective import Objective, objective_facts
from rig.inference.stationarity import state_of, window_of
from rig.load.counting.recorder import STEADY
from rig.model import OUTCOME_OK

_OF_WINDOW = ("seconds.csv", "completions.csv", "latencies.hlog", "unanswered.csv")
FEWEST = 10
"""A median of fewer answers is one user's luck."""


def derived(
    folder: Path, ramp_s: float, duration_s: float, objective: Objective | None = None
) -> dict[str, Any]:
    """Facts from the load's folder; what a missing file would tell is left out.

    DamagedFile or StorageError, which name the file, where one cannot be read.
    """
    found: dict[str, Any] = {}
    if (seconds := rows(folder / "seconds.csv", SecondRow)) is not None:
        found |= _users(seconds)
    if (load_workers := rows(folder / "load_workers.csv", LoadWorkerRow)) is not None:
        found["load_worker_cpu_share"] = _cpu_share(load_workers, ramp_s, duration_s)
    if (completions := rows(folder / "completions.csv", Completion)) is not None:
        found |= _thirds(completions, ramp_s, duration_s)
    if (folder / "lags.hlog").exists():
        lags = read_log(folder / "lags.hlog", lambda tag: tag.startswith(f"{STEADY}|"))
        found["greenlet_lag_p99_ms"] = _percentile_ms(lags, 99, 1)
    if (folder / "latencies.hlog").exists():
        answers = read_log(folder / "latencies.hlog", _is_correct)
        found["p50_ms"] = _percentile_ms(answers, 50, FEWEST)
    if all((folder / name).exists() for name in _OF_WINDOW):
        sent = read_sent(folder, ramp_s)
        window = window_of(seconds or (), sent.ended, sent.waiting_us, ramp_s, duration_s)
        found["window"] = dataclasses.asdict(window)
        if objective is not None:
            gone = sum(count for _, count in (*sent.failed, *sent.given_up))
            kept = objective_facts(
                *(objective, sent.answered, gone, sent.waiting_us, state_of(window), sent.dropped)
            )
            found["objective"] = dataclasses.asdict(kept)
    return found


def _users(found: Sequence[SecondRow]) -> dict[str, Any]:
    """Users planned and active, by second; () for an open load.

    Where some leave before the end, what is under way as well.
    """
    by_second = {
        row.second: (row.planned_users, row.users or 0, max(0, row.in_flight))
        for row in found
        if row.phase != "after" and row.planned_users is not None
    }
    seen = [by_second[second] for second in sorted(by_second)]
    planned = tuple(planned for planned, _, _ in seen)
    users = {"planned_users": planned, "active_users": tuple(active for _, active, _ in seen)}
    if any(now < before for before, now in itertools.pairwise(planned)):
        users["in_flight"] = tuple(in_flight for _, _, in_flight in seen)
    return users


def _cpu_share(
    found: Sequence[LoadWorkerRow], ramp_s: float, duration_s: float
) -> dict[str, float]:
    """The mean over the seconds that begin in the steady window, by load worker."""
    shares: defaultdict[str, list[float]] = defaultdict(list)
    for row in found:
        if ramp_s <= row.second < duration_s:
            shares[row.load_worker].append(row.cpu_share)
    return {name: round(sum(of) / len(of), 4) for name, of in sorted(shares.items())}


def _thirds(found: Sequence[Completion], ramp_s: float, duration_s: float) -> dict[str, Any]:
    """Correct answers in the first and the last ⌊n ÷ 3⌋ whole seconds of the steady window."""
    begins, ends = math.ceil(ramp_s), math.floor(duration_s)
    third = (ends - begins) // 3
    if third < 1:
        return {}
    counts = {"successes_first_third": 0, "successes_last_third": 0}
    for row in found:
        if row.phase != STEADY or not row.ok:
            continue
        if begins <= row.second < begins + third:
            counts["successes_first_third"] += row.count
        if ends - third <= row.second < ends:
            counts["successes_last_third"] += row.count
    return counts


def _is_correct(tag: str) -> bool:
    phase, _, rest = tag.partition("|")
    return phase == STEADY and rest.rpartition("|")[2] == OUTCOME_OK


def _percentile_ms(histogram: Any, percent: int, fewest: int) -> float | None:
    if histogram.get_total_count() < fewest:
        return None
    return percentile_us(histogram, percent) / 1000
