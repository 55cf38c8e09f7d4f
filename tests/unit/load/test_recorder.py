"""The recorder: every request counted once, and nothing lost between load worker and master."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hdrh.log import HistogramLogReader

from rig.load.recorder import (
    AFTER,
    HIGHEST_US,
    RAMP,
    STEADY,
    Completions,
    Recorder,
    encode,
    new_histogram,
    phase_at,
)

RAMP_S, DURATION_S = 2.5, 8.0
PRECISION = 0.001


def decode(payload: str) -> Any:
    return type(new_histogram()).decode(payload)


def recorded(histogram: Any) -> list[tuple[int, int]]:
    """Every value a histogram holds, and how often."""
    found = histogram.get_recorded_iterator()
    return [(at.value_iterated_to, at.count_at_value_iterated_to) for at in found]


def carried(report: dict[str, Any]) -> dict[str, Any]:
    """The report as it arrives: Locust sends plain lists and maps."""
    received: dict[str, Any] = json.loads(json.dumps(report))
    return received


def read_log(folder: Path) -> list[Any]:
    """The histograms of a log, by hdrh's own reader, with their tags and second."""
    reader = HistogramLogReader(str(folder / "latencies.hlog"), new_histogram())
    found = []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        found.append(histogram)
    reader.close()
    return found


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("at_s", "phase"),
    [(0, RAMP), (2.499, RAMP), (2.5, STEADY), (7.999, STEADY), (8.0, AFTER), (90, AFTER)],
)
def test_phases(at_s: float, phase: str) -> None:
    assert phase_at(at_s, RAMP_S, DURATION_S) == phase


def test_percentiles_are_within_a_thousandth_of_the_raw_list() -> None:
    chance = random.Random(7)
    latencies_us = sorted(round(math.exp(chance.uniform(2, 17))) for _ in range(5000))
    histogram = decode(encode(latencies_us))
    for percentile in (1, 25, 50, 90, 95, 99, 99.9):
        raw_us = latencies_us[math.ceil(len(latencies_us) * percentile / 100) - 1]
        assert histogram.get_value_at_percentile(percentile) == pytest.approx(raw_us, rel=PRECISION)


def test_latencies_out_of_range_are_kept_at_its_ends() -> None:
    histogram = decode(encode([0, 10 * HIGHEST_US]))
    assert histogram.get_total_count() == 2
    assert histogram.get_value_at_percentile(100) == pytest.approx(HIGHEST_US, rel=PRECISION)


def test_load_workers_add_up_to_what_one_histogram_would_hold(tmp_path: Path) -> None:
    chance, all_at_once, completions = random.Random(1), new_histogram(), Completions()
    workers = {name: Recorder(RAMP_S, DURATION_S) for name in ("one", "two", "three")}
    for round_ in range(3):  # several reports each
        for name, recorder in workers.items():
            for _ in range(200):
                begins_s = 3.1 + chance.random() / 10
                takes_us = chance.randrange(100, 500_000)
                recorder.finish(recorder.start(begins_s), 3.9, "r", "ok")
                all_at_once.record_value(round((3.9 - begins_s) * 1e6))
                other = recorder.start(3.2)
                recorder.finish(other, 3.2 + takes_us / 1e6, "r", "timeout")
            completions.add(name, carried(recorder.drain()), 4.0 + round_)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    merged = {(line.get_tag(), line.get_start_time_stamp()): line for line in read_log(tmp_path)}
    ok = merged["steady|r|ok", 3000]
    assert recorded(ok) == recorded(all_at_once)
    assert ok.get_total_count() == 1800
    assert completions.outcomes == {"ok": 1800, "timeout": 1800}


def test_the_log_is_read_by_hdrh_with_its_tags_and_seconds(tmp_path: Path) -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions()
    answers = [
        (0.2, 0.9, "ok"),
        (0.3, 1.0, "ok"),
        (2.0, 2.4, "ok"),
        (2.0, 2.6, "ok"),
        (2.1, 2.7, "app_error"),
        (2.2, 8.5, "ok"),
    ]
    for begins_s, ends_s, outcome in answers:
        recorder.finish(recorder.start(begins_s), ends_s, "r", outcome)
    completions.add("one", carried(recorder.drain()), 9.0)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    seen = [
        (line.get_tag(), line.get_start_time_stamp() / 1000, line.get_total_count())
        for line in read_log(tmp_path)
    ]
    assert seen == [
        ("ramp|r|ok", 0, 1),
        ("ramp|r|ok", 1, 1),
        ("ramp|r|ok", 2, 1),
        ("steady|r|app_error", 2, 1),
        ("steady|r|ok", 2, 1),
        ("after|r|ok", 8, 1),
    ]
    assert read_log(tmp_path)[0].get_max_value() == pytest.approx(700_000, rel=PRECISION)


def test_completions_keep_the_exact_first_and_last_instant(tmp_path: Path) -> None:
    completions = Completions()
    for name, instants_s in (("one", (3.9, 3.25)), ("two", (3.125, 3.5))):
        recorder = Recorder(RAMP_S, DURATION_S)
        for at_s in sorted(instants_s):
            recorder.finish(recorder.start(3.0), at_s, "r", "ok")
        completions.add(name, carried(recorder.drain()), 4.0)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    assert read_csv(tmp_path / "completions.csv") == [
        {
            "second": "3", "phase": "steady", "route": "r", "outcome": "ok", "count": "4",
            "first_s": "3.125000", "last_s": "3.900000",
        }
    ]  # fmt: skip


def test_a_drain_gives_each_request_once() -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions()
    first, second = recorder.start(1.0), recorder.start(1.0)
    recorder.finish(first, 1.1, "r", "ok")
    completions.add("one", recorder.drain(), 1.5)
    recorder.finish(second, 1.6, "r", "ok")
    completions.add("one", recorder.drain(), 2.0)
    completions.add("one", recorder.drain(), 2.5)
    assert completions.started == 2
    assert completions.outcomes == {"ok": 2}


def test_requests_in_flight_are_followed_by_load_worker(tmp_path: Path) -> None:
    completions = Completions()
    one, two = Recorder(RAMP_S, DURATION_S), Recorder(RAMP_S, DURATION_S)
    numbers = [one.start(0.1), one.start(0.2)]
    two.start(0.3)
    completions.add("one", one.drain(), 0.9)
    completions.add("two", two.drain(), 0.95)
    one.finish(numbers[0], 1.5, "r", "ok")
    completions.add("one", one.drain(), 1.9)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    in_flight = {row["second"]: row["in_flight"] for row in read_csv(tmp_path / "seconds.csv")}
    assert in_flight == {"0": "3", "1": "2"}


def test_freezing_ends_the_count_and_tells_the_ages_in_flight() -> None:
    recorder = Recorder(RAMP_S, DURATION_S)
    numbers = [recorder.start(at_s) for at_s in (1.0, 5.0, 7.5)]
    recorder.finish(numbers[1], 6.0, "r", "ok")
    assert recorder.freeze(8.0) == [0.5, 7.0]
    recorder.finish(numbers[0], 8.1, "r", "ok")
    late = recorder.start(8.2)
    recorder.finish(late, 8.3, "r", "ok")
    report = recorder.drain()
    assert sum(count for *_, count in report["started"]) == 3
    assert [row[4] for row in report["completed"]] == [1]


def test_seconds_tell_users_starts_and_phases_in_order(tmp_path: Path) -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions()
    for at_s in (0.1, 0.2, 2.1, 2.6, 2.9):
        recorder.start(at_s)
    completions.add("one", recorder.drain(), 2.9)
    for at_s, users in ((0, 1), (2, 5), (4, 7)):
        completions.users(at_s, users)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    rows = read_csv(tmp_path / "seconds.csv")
    assert [(row["second"], row["phase"], row["users"], row["started"]) for row in rows] == [
        ("0", "ramp", "1", "2"),
        ("2", "ramp", "5", "1"),
        ("2", "steady", "5", "2"),
        ("4", "steady", "7", "0"),
    ]
    assert completions.peak_users == 7


def test_rates_tell_correct_from_failed_answers() -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions()
    for outcome in ("ok", "ok", "timeout", "app_error", "app_error"):
        recorder.finish(recorder.start(3.0), 3.5, "r", outcome)
    completions.add("one", recorder.drain(), 4.0)
    assert completions.rate_rps(3) == (2, 3)
    assert completions.rate_rps(4) == (0, 0)
