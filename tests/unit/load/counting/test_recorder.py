"""The recorder: every request counted once, and nothing lost between load worker and master."""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hdrh.log import HistogramLogReader

from rig.disk.hdr import HIGHEST_US, new_histogram
from rig.load.counting.completions import Completions
from rig.load.counting.hlog import encode, tally
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import AFTER, RAMP, STEADY, Recorder, phase_at, ranges
from rig.load.counting.report import FinalCount, LoadReport, MeteredSecond, Unanswered
from rig.load.shape import Users

RAMP_S, DURATION_S = 2.5, 8.0
PRECISION = 0.001


def decode(payload: str) -> Any:
    return type(new_histogram()).decode(payload)


def recorded(histogram: Any) -> list[tuple[int, int]]:
    """Every value a histogram holds, and how often."""
    found = histogram.get_recorded_iterator()
    return [(at.value_iterated_to, at.count_at_value_iterated_to) for at in found]


def carried(report: LoadReport, meter: Sequence[MeteredSecond] = ()) -> LoadReport:
    """The report as it arrives: Locust sends plain lists and maps."""
    sent = replace(report, meter=list(meter))
    received = LoadReport.from_wire(json.loads(json.dumps(sent.to_wire())))
    assert received == sent
    return received


def carried_at_last(left: FinalCount) -> FinalCount:
    """The same of a load worker's last word."""
    return FinalCount.from_wire(json.loads(json.dumps(left.to_wire())))


def read_log(folder: Path, name: str = "latencies.hlog") -> list[Any]:
    """The histograms of a log, by hdrh's own reader, with their tags and second."""
    reader = HistogramLogReader(str(folder / name), new_histogram())
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
    histogram = decode(encode(tally(latencies_us)))
    for percentile in (1, 25, 50, 90, 95, 99, 99.9):
        raw_us = latencies_us[math.ceil(len(latencies_us) * percentile / 100) - 1]
        assert histogram.get_value_at_percentile(percentile) == pytest.approx(raw_us, rel=PRECISION)


def test_a_tally_is_written_as_the_histogram_that_the_library_makes() -> None:
    chance, recorded = random.Random(3), new_histogram()
    latencies_us = [round(math.exp(chance.uniform(0, 22))) for _ in range(3000)]
    for latency_us in latencies_us:
        recorded.record_value(latency_us)
    assert encode(tally(latencies_us)) == recorded.encode().decode()
    assert encode({}) == new_histogram().encode().decode()


def test_latencies_out_of_range_are_kept_at_its_ends() -> None:
    histogram = decode(encode(tally([0, 10 * HIGHEST_US])))
    assert histogram.get_total_count() == 2
    assert histogram.get_value_at_percentile(100) == pytest.approx(HIGHEST_US, rel=PRECISION)


def test_load_workers_add_up_to_what_one_histogram_would_hold(tmp_path: Path) -> None:
    chance, all_at_once, completions = random.Random(1), new_histogram(), Completions("r")
    workers = {name: Recorder(RAMP_S, DURATION_S) for name in ("one", "two", "three")}
    for _ in range(3):  # several reports each
        for name, recorder in workers.items():
            for _ in range(200):
                begins_s = 3.1 + chance.random() / 10
                takes_us = chance.randrange(100, 500_000)
                recorder.finish(recorder.start(begins_s), 3.9, "r", "ok")
                all_at_once.record_value(round((3.9 - begins_s) * 1e6))
                other = recorder.start(3.2)
                recorder.finish(other, 3.2 + takes_us / 1e6, "r", "timeout")
            completions.add(name, carried(recorder.drain()))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    merged = {(line.get_tag(), line.get_start_time_stamp()): line for line in read_log(tmp_path)}
    ok = merged["steady|r|ok", 3000]
    assert recorded(ok) == recorded(all_at_once)
    assert ok.get_total_count() == 1800
    assert completions.outcomes == {"ok": 1800, "timeout": 1800}


def test_the_log_is_read_by_hdrh_with_its_tags_and_seconds(tmp_path: Path) -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions("r")
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
    completions.add("one", carried(recorder.drain()))
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
    completions = Completions("r")
    for name, instants_s in (("one", (3.9, 3.25)), ("two", (3.125, 3.5))):
        recorder = Recorder(RAMP_S, DURATION_S)
        for at_s in sorted(instants_s):
            recorder.finish(recorder.start(3.0), at_s, "r", "ok")
        completions.add(name, carried(recorder.drain()))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    assert read_csv(tmp_path / "completions.csv") == [
        {
            "second": "3", "phase": "steady", "route": "r", "outcome": "ok", "count": "4",
            "first_s": "3.125000", "last_s": "3.900000",
        }
    ]  # fmt: skip


def test_a_drain_gives_each_request_once() -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions("r")
    first, second = recorder.start(1.0), recorder.start(1.0)
    recorder.finish(first, 1.1, "r", "ok")
    completions.add("one", carried(recorder.drain()))
    recorder.finish(second, 1.6, "r", "ok")
    completions.add("one", carried(recorder.drain()))
    completions.add("one", carried(recorder.drain()))
    assert completions.started == 2
    assert completions.outcomes == {"ok": 2}


def test_requests_in_flight_are_those_begun_and_not_ended(tmp_path: Path) -> None:
    completions = Completions("r")
    one, two = Recorder(RAMP_S, DURATION_S), Recorder(RAMP_S, DURATION_S)
    numbers = [one.start(0.1), one.start(0.2)]
    two.start(0.3)
    one.finish(numbers[0], 1.5, "r", "ok")
    for name, recorder in (("one", one), ("two", two)):
        completions.add(name, carried(recorder.drain()))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    rows = read_csv(tmp_path / "seconds.csv")
    assert [row["in_flight"] for row in rows] == ["3", *["2"] * 7]
    assert [row["finished"] for row in rows] == ["0", "1", *["0"] * 6]


def test_freezing_ends_the_count() -> None:
    recorder = Recorder(RAMP_S, DURATION_S)
    numbers = [recorder.start(at_s) for at_s in (1.0, 5.0, 7.5)]
    recorder.finish(numbers[1], 6.0, "r", "ok")
    recorder.freeze(8.0)
    recorder.finish(numbers[0], 8.1, "r", "ok")
    recorder.drop(8.1)
    with pytest.raises(RuntimeError):
        recorder.start(8.2)
    report = recorder.drain()
    assert sum(started.requests for started in report.started) == 3
    assert [completed.answers for completed in report.completed] == [1]
    assert report.dropped == []


def test_freezing_tells_which_numbers_did_not_end_well() -> None:
    recorder = Recorder(RAMP_S, DURATION_S)
    ends = ["ok", "timeout", "timeout", "ok", "app_error", "timeout", None, "ok", None, None]
    for outcome in ends:
        number = recorder.start(1.0, first=number_is_even(recorder))
        if outcome:
            recorder.finish(number, 2.0, "r", outcome)
    left = recorder.freeze(8.0)
    assert (left.highest, left.finished) == (10, 7)
    assert left.not_ok == {
        "timeout": ((2, 3), (6, 6)), "app_error": ((5, 5),), "unanswered": ((7, 7), (9, 10)),
    }  # fmt: skip
    assert left.unanswered == [
        Unanswered(7, 1.0, 1.0, 7.0, True), Unanswered(9, 1.0, 1.0, 7.0, True),
        Unanswered(10, 1.0, 1.0, 7.0, False),
    ]  # fmt: skip


def number_is_even(recorder: Recorder) -> bool:
    return recorder._sequence % 2 == 0


@pytest.mark.parametrize(
    ("numbers", "found"),
    [([], ()), ([4], ((4, 4),)), ([3, 1, 2, 7, 9, 8], ((1, 3), (7, 9)))],
)
def test_ranges(numbers: list[int], found: tuple[tuple[int, int], ...]) -> None:
    assert ranges(numbers) == found


def test_what_the_load_workers_left_is_written_and_summed_up(tmp_path: Path) -> None:
    completions = Completions("r")
    for index, (starts, fails) in enumerate(((3, 1), (2, 2))):
        recorder = Recorder(RAMP_S, DURATION_S)
        numbers = [recorder.start(3.0 + index, first=True) for _ in range(starts + fails)]
        for number in numbers[:fails]:
            recorder.finish(number, 5.0, "r", "timeout")
        left = recorder.freeze(8.0)
        completions.add(f"client-{index}", carried(recorder.drain()))
        completions.close(f"client-{index}", index, f"10.0.0.{index}", carried_at_last(left))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    assert (tmp_path / "sequences.csv").read_text().split() == [
        "load_worker,outcome,first,last",
        "0,timeout,1,1", "0,unanswered,2,4", "1,timeout,1,2", "1,unanswered,3,4",
    ]  # fmt: skip
    rows = read_csv(tmp_path / "unanswered.csv")
    assert [(row["load_worker"], row["sequence"]) for row in rows] == [
        ("0", "2"), ("0", "3"), ("0", "4"), ("1", "3"), ("1", "4"),
    ]  # fmt: skip
    assert {row["age_s"] for row in rows} == {"5.000000", "4.000000"}
    totals = completions.totals()
    assert totals["sequences"] == {"0": 4, "1": 4}
    assert totals["in_flight_ages_s"] == [4, 4, 5, 5, 5]
    assert totals["never_answered_users"] == 5
    assert totals["finished_by_load_worker"] == {"10.0.0.0": 1, "10.0.0.1": 2}
    assert (totals["started"], totals["finished"], totals["in_flight_at_stop"]) == (8, 3, 5)


def test_load_workers_at_one_address_keep_their_counts_apart() -> None:
    completions = Completions("r")
    for index in range(2):
        left = Recorder(RAMP_S, DURATION_S).freeze(8.0)
        completions.close(f"client-{index}", index, "127.0.0.1", left)
    assert completions.totals()["finished_by_load_worker"] == {"127.0.0.1#0": 0, "127.0.0.1#1": 0}


def test_a_load_worker_without_a_last_word_leaves_its_counts(tmp_path: Path) -> None:
    completions, recorder = Completions("r"), Recorder(RAMP_S, DURATION_S)
    recorder.finish(recorder.start(3.0), 3.5, "r", "ok")
    completions.add(
        "client-0", carried(recorder.drain(), [MeteredSecond(3, 0.5, 7, lags_of([100]))])
    )
    completions.write(tmp_path, RAMP_S, DURATION_S)
    totals = completions.totals()
    assert (completions.closed, totals["finished"], totals["sequences"]) == (0, 1, {})
    assert read_csv(tmp_path / "load_workers.csv")[0]["load_worker"] == "client-0"


def test_arrivals_are_timed_from_their_intended_start_and_from_their_send(tmp_path: Path) -> None:
    completions = Completions("r")
    recorder = Recorder(RAMP_S, DURATION_S, is_open=True)
    recorder.finish(recorder.start(4.3, intended_s=3.9), 5.0, "r", "ok")
    recorder.drop(3.95)
    recorder.drop(3.99)
    completions.add("one", carried(recorder.drain()))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    times_us = [line.get_max_value() for line in read_log(tmp_path)]
    assert times_us == [pytest.approx(1_100_000, rel=PRECISION)]
    service_us = read_log(tmp_path, "service.hlog")[0].get_max_value()
    assert service_us == pytest.approx(700_000, rel=PRECISION)
    dropped = read_csv(tmp_path / "completions.csv")[0]
    assert (dropped["second"], dropped["outcome"], dropped["count"]) == ("3", "dropped", "2")
    assert (dropped["first_s"], dropped["last_s"]) == ("3.950000", "3.990000")
    second = next(row for row in read_csv(tmp_path / "seconds.csv") if row["second"] == "3")
    assert (second["started"], second["dropped"], second["in_flight"]) == ("1", "2", "1")
    assert (second["planned_users"], second["users"]) == ("", "")
    totals = completions.totals()
    assert (totals["started"], totals["finished"], totals["dropped"]) == (1, 1, 2)


def test_every_request_is_written_down_where_that_is_asked(tmp_path: Path) -> None:
    chance, completions = random.Random(3), Completions("r")
    for index in range(2):
        recorder = Recorder(RAMP_S, DURATION_S, raw=True)
        for _ in range(2000):
            begins_s = chance.uniform(RAMP_S, 5.0)
            ends_s = begins_s + chance.lognormvariate(-3, 0.6)
            recorder.finish(recorder.start(begins_s), ends_s, "r", "ok")
        recorder.start(6.0)
        left = recorder.freeze(DURATION_S)
        completions.add(f"client-{index}", carried(recorder.drain()))
        completions.close(f"client-{index}", index, f"10.0.0.{index}", left)
    completions.write(tmp_path, RAMP_S, DURATION_S)
    rows = read_csv(tmp_path / "requests.csv")
    assert [row["outcome"] for row in rows[-2:]] == ["unanswered"] * 2
    assert {row["finished_s"] for row in rows[-2:]} == {""}
    raw_us = sorted(
        round((float(row["finished_s"]) - float(row["intended_s"])) * 1e6)
        for row in rows
        if row["outcome"] == "ok" and float(row["finished_s"]) < DURATION_S
    )
    merged = new_histogram()
    for line in read_log(tmp_path):
        merged.add(line)
    assert len(raw_us) == merged.get_total_count() == 4000
    for percentile in (50, 95, 99, 99.9):
        exact_us = raw_us[math.ceil(len(raw_us) * percentile / 100) - 1]
        assert merged.get_value_at_percentile(percentile) == pytest.approx(exact_us, rel=PRECISION)


def test_seconds_tell_users_starts_and_phases_in_order(tmp_path: Path) -> None:
    completions, users = Completions("r"), Users(1, 4, 9)
    for name, active in (("one", 1), ("two", 4)):
        recorder = Recorder(RAMP_S, 3.5)
        for at_s in (0.1, 0.2, 2.1, 2.6, 2.9):
            recorder.start(at_s)
        meter = [
            MeteredSecond(second, 0.5, active + second, lags_of([100, 900])) for second in range(4)
        ]
        completions.add(name, carried(recorder.drain(), meter))
    completions.write(tmp_path, RAMP_S, 3.5, users.at)
    columns = ("second", "phase", "planned_users", "users", "started")
    assert [tuple(row[name] for name in columns) for row in read_csv(tmp_path / "seconds.csv")] == [
        ("0", "ramp", "1", "5", "4"),
        ("1", "ramp", "5", "7", "0"),
        ("2", "ramp", "9", "9", "2"),
        ("2", "steady", "9", "9", "4"),
        ("3", "steady", "9", "11", "0"),
    ]
    assert completions.totals()["peak_users"] == 11
    assert completions.users(9) == 0


def test_how_busy_the_load_workers_were_is_written(tmp_path: Path) -> None:
    completions = Completions("r")
    report = Recorder(RAMP_S, DURATION_S).drain()
    lags_us = [1000 * lag for lag in range(1, 101)]
    meter = [
        MeteredSecond(second, share, 1, lags_of(some_us))
        for second, share, some_us in ((2, 0.25, []), (3, 0.5, lags_us), (8, 0.9, [1]))
    ]
    completions.add("one", carried(report, meter))
    completions.write(tmp_path, RAMP_S, DURATION_S)
    assert (tmp_path / "load_workers.csv").read_text().split() == [
        "second,load_worker,cpu_share,lag_p50_ms,lag_p99_ms,lag_max_ms",
        "2,one,0.2500,,,", "3,one,0.5000,50.000,99.000,100.000",
    ]  # fmt: skip
    reader = HistogramLogReader(str(tmp_path / "lags.hlog"), new_histogram())
    line = reader.get_next_interval_histogram()
    assert (line.get_tag(), line.get_total_count()) == ("steady|one", 100)
    reader.close()


def test_rates_tell_correct_from_failed_answers() -> None:
    recorder, completions = Recorder(RAMP_S, DURATION_S), Completions("r")
    for outcome in ("ok", "ok", "timeout", "app_error", "app_error"):
        recorder.finish(recorder.start(3.0), 3.5, "r", outcome)
    completions.add("one", carried(recorder.drain()))
    assert completions.rate_rps(3) == (2, 3)
    assert completions.rate_rps(4) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_few_times_or_many_are_the_librarys_bytes(seed: int) -> None:
    chance = random.Random(seed)
    spread = 10 ** chance.uniform(0, 9.6)
    counts = tally(int(chance.random() * spread) for _ in range(chance.choice([1, 2, 30, 900])))
    counts = {value_us: count * 10 ** chance.randrange(7) for value_us, count in counts.items()}
    recorded = new_histogram()
    for value_us, count in counts.items():
        recorded.record_value(value_us, count)
    assert encode(counts) == recorded.encode().decode()
