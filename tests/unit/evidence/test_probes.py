"""What the probes' files add up to, from made files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rig.clock import ClockOffset
from rig.evidence.probes import COLUMNS, CRASHED, TIMEOUT, probe_facts, read_series
from rig.record import LoadFacts, ProbeFacts
from tests.unit.plans import PLAN

LOAD = LoadFacts(began_at_s=100.0, ramp_s=2.0, duration_s=6.0)
"""The steady window is from 102 to 106."""


def write(folder: Path, name: str, *rows: str, node: bool = False) -> None:
    (folder / "probes").mkdir(parents=True, exist_ok=True)
    (folder / "probes" / "failed.json").write_text("{}")
    # as in files from before there were several machines, unless the rows name theirs
    named = [column for column in COLUMNS[name] if column != "node" or node]
    text = "\n".join((",".join(named), *rows)) + "\n"
    (folder / "probes" / f"{name}.csv").write_text(text)


def facts(folder: Path) -> ProbeFacts:
    return probe_facts(folder, PLAN, LOAD)


def test_nothing_was_probed(tmp_path: Path) -> None:
    assert facts(tmp_path) == ProbeFacts()


def test_every_probe_failed(tmp_path: Path) -> None:
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "failed.json").write_text(json.dumps({"host": "why"}))
    assert facts(tmp_path) == ProbeFacts(failed={"host": "why"})


def test_what_a_role_used_in_the_steady_window(tmp_path: Path) -> None:
    write(
        tmp_path, "processes",
        # the ramp, in which it worked hard
        "100,app,0,1,0,900,0,0,",
        "102,app,0,1,10,500,0,100,1.0",
        "103,app,0,1,10.2,700,0,110,1.0",
        "104,app,0,1,11,600,0,130,1.5",
        "106.5,app,0,1,99,999,0,999,9",
    )  # fmt: skip
    app = facts(tmp_path).roles["app"]
    assert (app.cpu_share_mean, app.cpu_share_max) == (0.5, 0.8)
    assert (app.rss_peak_bytes, app.waits_involuntary_per_s) == (700, 15.0)
    assert app.throttled_s == 0.5
    assert facts(tmp_path).samples == {"processes": 5}


def test_load_workers_are_one_role(tmp_path: Path) -> None:
    rows = [
        f"{at_s},load_worker,{i},1,{at_s * (i + 1)},10,0,0," for at_s in (102, 104) for i in (0, 1)
    ]
    write(tmp_path, "processes", *rows)
    workers = facts(tmp_path).roles["load_worker"]
    assert (workers.cpu_share_mean, workers.rss_peak_bytes) == (3.0, 20)
    assert workers.throttled_s is None


def test_a_role_seen_once_has_no_share(tmp_path: Path) -> None:
    write(tmp_path, "processes", "103,app,0,1,1,1,1,1,")
    assert facts(tmp_path).roles == {}


def test_the_app(tmp_path: Path) -> None:
    write(tmp_path, "app_sockets", "101,9,9,2048", "103,40,39,2048", "104,41,2,2048")
    write(tmp_path, "app_loop", "102,7,0,0,1.0,", "104,7,9,9,2.5,")
    seen = facts(tmp_path)
    assert (seen.app_open_max, seen.app_backlog_max, seen.app_backlog_limit) == (41, 39, 2048)
    assert (seen.app_busy_share, seen.app_loop_lag_max_ms) == (0.75, None)


def test_busy_share_is_of_all_threads(tmp_path: Path) -> None:
    write(tmp_path, "app_loop", "102,7,0,0,0,", "102,8,0,0,0,", "104,7,9,9,2,", "104,8,9,9,4,")
    threaded = replace(PLAN, app_workers=2, app_threads=4)
    assert probe_facts(tmp_path, threaded, LOAD).app_busy_share == pytest.approx(3 / 8)


def test_an_event_loop_has_a_lag_and_no_busy_share(tmp_path: Path) -> None:
    write(tmp_path, "app_loop", "101,7,0,0,0,900", "102,7,0,0,0,3.5", "104,7,9,9,80,12.5")
    seen = facts(tmp_path)
    assert (seen.app_busy_share, seen.app_loop_lag_max_ms) == (None, 12.5)


def test_the_databases(tmp_path: Path) -> None:
    write(
        tmp_path, "postgres",
        "102,30,5,20,5,28,3,1,0,1,100,1700000000.5,app/=28 postgres/=2",
        "104,20,5,20,5,20,4,1,0,1,100,1700000000.5,",
    )  # fmt: skip
    write(tmp_path, "pgbouncer", "102,1,2,0.5,1,1,1,9,0.1", "104,1,7,0.25,1,1,1,9,0.1")
    seen = facts(tmp_path)
    assert (seen.postgres_sessions_max, seen.postgres_app_sessions_max) == (30, 28)
    assert (seen.postgres_waiting_max, seen.postgres_max_connections) == (4, 100)
    assert (seen.pgbouncer_waiting_max, seen.pgbouncer_longest_wait_ms) == (7, 500.0)
    assert seen.postgres_restarts == 0


def test_a_restart_of_postgres_in_the_ramp_counts(tmp_path: Path) -> None:
    row = "1,1,1,1,1,1,1,1,1,100"
    write(tmp_path, "postgres", f"100,{row},5.5,", f"101,{row},9.5,", f"105,{row},9.5,")
    assert facts(tmp_path).postgres_restarts == 1


def test_a_crash_that_postgres_survives_is_a_restart(tmp_path: Path) -> None:
    row = "1,1,1,1,1,1,1,1,1,100"
    write(tmp_path, "postgres", f"100,{row},5.5,", f"105,{row},5.5,")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "database.log").write_text(f"began\nLOG:  {CRASHED}\nready\n")
    assert facts(tmp_path).postgres_restarts == 1


def test_the_host(tmp_path: Path) -> None:
    write(tmp_path, "host", "102,0,0,0,0,0,0,2", "106,6,0.4,2,1,0.1,0,2")
    write(tmp_path, "processes", "102,app,0,1,0,1,0,0,", "106,app,0,1,4,1,0,0,")
    seen = facts(tmp_path)
    assert (seen.cpu_steal_share, seen.cpu_others_share) == (0.05, 0.25)
    assert (seen.pressure_cpu_share, seen.pressure_io_share) == (0.5, 0.25)
    assert (seen.pressure_memory_share, seen.oom_kills) == (0.025, 0)


def test_a_kernel_that_counts_less(tmp_path: Path) -> None:
    write(tmp_path, "host", "102,0,,,,,,2", "106,6,,,,,,2")
    seen = facts(tmp_path)
    assert seen.cpu_steal_share is seen.pressure_cpu_share is seen.oom_kills is None
    # without the roles' own nobody knows what is left to others
    assert seen.cpu_others_share is None


def test_oom_kills_of_the_ramp_count(tmp_path: Path) -> None:
    write(tmp_path, "host", "100,0,0,0,0,0,3,2", "101,0,0,0,0,0,5,2")
    assert facts(tmp_path).oom_kills == 2


@pytest.mark.parametrize(
    ("rows", "begun", "ended"),
    [
        (["7,100,106"], 0, 0),
        (["7,100,106", "8,100,106"], 0, 0),
        (["7,100,103", "8,103.5,106"], 1, 1),
        (["7,100,103"], 0, 1),
        (["7,100,106", "8,104,106"], 1, 0),
    ],
)
def test_app_workers_that_come_and_go(
    rows: list[str], begun: int, ended: int, tmp_path: Path
) -> None:
    """Of an older session, whose probe did not tell when it looked last."""
    older_workers(tmp_path, *rows)
    write(tmp_path, "processes", "100,app,0,1,0,1,0,0,", "106,app,0,1,4,1,0,0,")
    seen = facts(tmp_path)
    assert (seen.app_workers_begun, seen.app_workers_ended) == (begun, ended)


def older_workers(folder: Path, *rows: str) -> None:
    write(folder, "app_workers")
    text = "\n".join(("pid,first_at_s,last_at_s", *rows)) + "\n"
    (folder / "probes" / "app_workers.csv").write_text(text)


@pytest.mark.parametrize(
    ("rows", "begun", "ended"),
    [
        (["7,100,106.4,106.4", "8,100,106.4,106.4"], 0, 0),
        # killed half a second before the last look, and last seen by the one before
        (["7,100,105.4,106.4", "8,100,106.4,106.4"], 0, 1),
        (["7,100,105.9,106.4", "8,106.4,106.4,106.4"], 1, 1),
        (["7,100,105.4,106.4"], 0, 1),
    ],
)
def test_app_workers_that_end_just_before_the_load_does(
    rows: list[str], begun: int, ended: int, tmp_path: Path
) -> None:
    # the other probe looked a little later
    write(tmp_path, "processes", "100,app,0,1,0,1,0,0,", "106.9,app,0,1,4,1,0,0,")
    write(tmp_path, "app_workers", *rows)
    seen = facts(tmp_path)
    assert (seen.app_workers_begun, seen.app_workers_ended) == (begun, ended)


def test_gunicorns_own_word_for_a_killed_worker(tmp_path: Path) -> None:
    write(tmp_path, "host", "102,0,0,0,0,0,0,2")
    (tmp_path / "logs").mkdir()
    line = f"[2024-01-01 00:00:00 +0000] [7] [CRITICAL] {TIMEOUT} (pid:9)\n"
    (tmp_path / "logs" / "app.log").write_text("began\n" + 2 * line)
    assert facts(tmp_path).app_worker_timeouts == 2


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "app_sockets", "102,1,1,1", "103,2")
    assert len(read_series(tmp_path / "probes" / "app_sockets.csv").rows) == 1


def test_of_several_machines_the_worst_of_each_kind_counts(tmp_path: Path) -> None:
    write(
        tmp_path, "processes",
        "102,app,0,1,0,1,0,0,,sut", "102,load_worker,0,1,0,1,0,0,,load",
        "104,app,0,1,2,1,0,0,,sut", "104,load_worker,0,1,1,1,0,0,,load",
        node=True,
    )  # fmt: skip
    write(
        tmp_path, "host",
        "102,0,0,0,0,0,5,4,sut", "102,0,0,0,0,0,0,2,load",
        "104,2,0.8,0,1,0,6,4,sut", "104,3,0.2,1,0,0,2,2,load",
        node=True,
    )  # fmt: skip
    seen = facts(tmp_path)
    assert (seen.cpu_steal_share, seen.pressure_cpu_share, seen.pressure_io_share) == (
        0.1,
        0.5,
        0.5,
    )
    # sut's roles took all of its CPU time, load's one of three seconds
    assert seen.cpu_others_share == 0.5
    assert seen.oom_kills == 3


def test_an_observers_clock_is_its_first_line_and_drifts_by_the_best_of_the_last(
    tmp_path: Path,
) -> None:
    later = [f"{n},load,1000.004,0.{n:04}" for n in range(9, 2, -1)]
    write(tmp_path, "clock", "99,,0.001,0.0002", "99,load,1000.0,0.0001", *later, node=True)
    clocks = facts(tmp_path).clocks
    assert clocks[""] == ClockOffset(0.001, 0.0002, None)
    assert (clocks["load"].offset_s, clocks["load"].uncertainty_s) == (1000.0, 0.0001)
    assert clocks["load"].drift_s == pytest.approx(0.004)
