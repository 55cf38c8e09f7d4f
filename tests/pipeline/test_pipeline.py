"""The way from YAML to table and figure: the real command line on the fake backend."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from rig.factors import of_every_cell
from tests.runs import (
    ROOT,
    Done,
    Session,
    command,
    heading,
    only_session,
    read_csv,
    read_json,
    sessions,
)
from tests.shares import every
from tests.unit.analysis.summary_schema import fitting
from tests.warm import runner

FORMAT = (ROOT / "docs" / "results-format.md").read_text()

SMALL = """\
experiment: small
vary: {route: [cpu, io_create], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
# each trial takes the simulation a noticeable while
SLOW = SMALL.replace("to: 6}, steady: 3s", "to: 60}, steady: 45s").replace("cpu, ", "")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, Done]:
    """The experiment of this project, its default profile, on the fake backend."""
    out = tmp_path_factory.mktemp("quick")
    done = runner("--backend", "fake", "--out", out, "--yes", cwd=ROOT)
    return only_session(out), done


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def fake(folder: Path, *arguments: str) -> Done:
    return runner("small.yaml", "--backend", "fake", *arguments, cwd=folder)


# the quick profile, end to end


def test_the_quick_profile_ends_well(quick: tuple[Session, Done]) -> None:
    session, done = quick
    assert (done.code, done.err) == (0, "")
    verdicts = [row["verdict"] for row in session.rows("derived/trials.csv")]
    assert verdicts == ["valid"] * 16
    assert session.path.parent.name == "asynchronize-django"
    assert session.path.name.endswith("-quick")


def test_what_programs_read_fits_its_schema(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    said = fitting(session.path / "derived")
    assert said["session"]["simulated"] is True
    assert [cell["cell"] for cell in said["cells"]] == [
        row["cell"] for row in session.rows("derived/summary.csv")
    ]


def test_every_line_of_the_schedule_has_its_row(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    scheduled = session.rows("schedule.csv")
    derived = session.rows("derived/trials.csv")
    same = ["trial", "position", "block", "replicate", "cell", *of_every_cell()]
    assert [[row[name] for name in same] for row in derived] == [
        [row[name] for name in same] for row in scheduled
    ]
    assert len(session.rows("derived/summary.csv")) == len({row["cell"] for row in scheduled})


def test_the_table_compares_what_the_claim_claims(quick: tuple[Session, Done]) -> None:
    _, done = quick
    assert "goodput_rps: async ÷ sync" in done.out
    ratios = re.findall(r"^  (\w+) · added delay \d+ ms +([\d.]+)  ", done.out, re.MULTILINE)
    assert {route for route, _ in ratios} == {"cpu", "io_create", "io_read"}
    assert len(ratios) == 6
    assert "figure: " in done.out


SESSION_FILES = {
    "session.json", "calibration.json", "experiments.yaml", "schedule.csv", "journal.jsonl",
    "lock",
    "derived/made.json", "derived/summary.json",
    "derived/trials.csv", "derived/summary.csv", "derived/comparisons.csv",
    "derived/failures.csv",
    "derived/figures/goodput.svg", "derived/figures/goodput.png", "derived/figures/goodput.csv",
}  # fmt: skip
ATTEMPT_FILES = {
    "load/latencies.hlog", "load/completions.csv", "load/seconds.csv", "load/load.json",
    "load/unanswered.csv", "load/sequences.csv", "load/load_workers.csv", "load/lags.hlog",
    "probes/delay.json", "facts.json", "ledger.json", "checks.json",
    "manifest.json",
}  # fmt: skip


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_files_are_those_that_are_documented(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    below = files_below(session.path)
    assert {name for name in below if "/" not in name or "derived" in name} == SESSION_FILES
    for row in session.rows("schedule.csv"):
        trial = session.path / "trials" / row["trial"]
        expected = {"plan.json", *(f"attempt-1/{name}" for name in ATTEMPT_FILES)}
        assert files_below(trial) == expected
    for name in SESSION_FILES | ATTEMPT_FILES | {"plan.json"}:
        assert Path(name).name in FORMAT


def documented(section: str) -> set[str]:
    """The columns that a section of results-format.md lists, `one per factor` filled in."""
    text = FORMAT.split(f"## {section}\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    columns = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    return columns | (
        set(of_every_cell()) if any("one per factor" in cell for cell in cells) else set()
    )


@pytest.mark.parametrize("name", ["derived/trials.csv", "derived/figures/goodput.csv"])
def test_the_columns_are_those_that_are_documented(name: str, quick: tuple[Session, Done]) -> None:
    session, _ = quick
    assert set(heading(session.path / name)) == documented(name)


def test_the_summary_has_what_it_documents(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    columns = set(heading(session.path / "derived/summary.csv"))
    assert columns >= documented("derived/summary.csv")
    assert columns >= {
        *("offered_rps", "goodput_rps", "max_goodput_rps", "failure_share", "successes"),
        *("failures", "peak_users", "measured_delay_ms"),
    }


def test_every_manifest_vouches_for_its_files(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    for attempt in session.attempts():
        manifest = attempt.manifest
        assert set(manifest["files"]) == ATTEMPT_FILES - {"manifest.json"}
        for name, digest in manifest["files"].items():
            assert hashlib.sha256((attempt.path / name).read_bytes()).hexdigest() == digest
        plan = read_json(attempt.path.parent / "plan.json")
        assert manifest["plan_digest"] == plan["digest"]


def test_counts_agree_from_the_recorder_to_the_table(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    derived = {row["trial"]: row for row in session.rows("derived/trials.csv")}
    for attempt in session.attempts():
        load = attempt.manifest["load"]
        counted = sum(int(row["count"]) for row in attempt.rows("load/completions.csv"))
        begun = sum(int(row["started"]) for row in attempt.rows("load/seconds.csv"))
        in_log = sum(line.get_total_count() for line in attempt.histograms())
        assert counted == in_log == load["finished"] == sum(load["outcomes"].values())
        assert begun == load["started"] == load["finished"] + load["in_flight_at_stop"]
        row = derived[attempt.path.parent.name]
        assert int(row["total_successes"]) == load["outcomes"].get("ok", 0)
        assert int(row["total_successes"]) + int(row["total_failures"]) == counted


def test_the_cap_shows_in_the_quick_profile(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    wanted = ("io_create", "async", "100")
    rows = session.rows("derived/trials.csv")
    far = [row for row in rows if (row["route"], row["target"], row["delay_ms"]) == wanted]
    seen = {(row["pooler"], row["max_connections"]): row["top_failure"] for row in far}
    assert seen == {
        ("direct", "100"): "db_too_many_connections",
        ("pgbouncer", "100"): "",
        ("direct", "1000"): "",
    }


# looking again


def test_show_prints_the_same_table(quick: tuple[Session, Done]) -> None:
    session, done = quick
    shown = runner("show", session.path, cwd=ROOT)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out in done.out
    newest = runner("show", "--out", session.path.parents[1], cwd=ROOT)
    assert newest.out == shown.out


def test_analyse_makes_the_same_again(quick: tuple[Session, Done], tmp_path: Path) -> None:
    session, _ = quick
    derived = session.path / "derived"
    before = {path.name: path.read_text() for path in derived.glob("*.csv")}
    away = tmp_path / "away"
    derived.rename(away)
    done = runner("analyse", session.path.name, "--out", session.path.parents[1], cwd=ROOT)
    assert done.code == 0
    assert {path.name: path.read_text() for path in derived.glob("*.csv")} == before
    assert files_below(derived) == files_below(away)


# the options


@pytest.mark.campaign
def test_the_same_seed_gives_the_same_schedule_and_load(small: Path) -> None:
    for seed in ("1", "1", "2"):
        done = fake(small, "--seed", seed, "--only", "delay_ms=60")
        assert done.code == 0, done.err
    one, again, other = sessions(small / "results")
    orders = [[row["trial"] for row in s.rows("schedule.csv")] for s in (one, again, other)]
    assert orders[0] == orders[1] != orders[2]
    logs = [
        [(s.attempt(name).path / "load" / "latencies.hlog").read_text() for name in orders[0]]
        for s in (one, again)
    ]
    assert logs[0] == logs[1]
    assert len({session.path.name for session in (one, again, other)}) == 3


def test_only_repeats_and_workers(small: Path) -> None:
    chosen = "target=async,route=cpu|io_create,delay_ms=0"
    done = fake(small, "--only", chosen, "--repeats", "2", "--workers", "3")
    assert done.code == 0, done.err
    session = only_session(small / "results")
    rows = session.rows("schedule.csv")
    assert [row["block"] for row in rows] == ["1", "1", "2", "2"]
    assert {(row["target"], row["delay_ms"]) for row in rows} == {("async", "0")}
    assert all(a.manifest["load"]["load_workers_connected"] == 3 for a in session.attempts())
    assert {row["trials"] for row in session.rows("derived/summary.csv")} == {"2"}


def test_an_open_load_goes_the_whole_way(small: Path) -> None:
    closed = "load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}"
    arrivals = "{per_s: 60, max_in_flight: 8, ramp: 1s}"
    text = SMALL.replace(closed, f"load: {{model: open, arrivals: {arrivals}, steady: 5s}}")
    (small / "small.yaml").write_text(text)
    done = fake(small, "--only", "route=io_create")
    assert done.code == 0, done.err
    session = only_session(small / "results")
    rows = session.rows("derived/trials.csv")
    dropped = {(row["target"], row["delay_ms"]): int(row["dropped"]) for row in rows}
    # one server that holds a request for 7 delays of 60 ms answers 2.4 a second
    assert dropped["sync", "60"] > 250
    assert dropped["async", "0"] == dropped["sync", "0"] == 0
    for row in rows:
        withheld = int(row["dropped"]) > 0
        assert (row["p50_ms"] == "") == withheld
        assert row["never_answered_users"] == ""
        offered = float(row["offered_rps"]) * 5
        assert offered == pytest.approx(300, rel=0.2)
    for attempt in session.attempts():
        load = attempt.manifest["load"]
        assert load["started"] == load["finished"] + load["in_flight_at_stop"]
        assert sum(load["outcomes"].values()) == load["finished"] + load["dropped"]


def test_a_profile_names_its_session(small: Path) -> None:
    (small / "small.yaml").write_text(
        SMALL + "profiles:\n  near:\n    vary: {delay_ms: [0]}\n  all: {}\n"
    )
    assert fake(small, "--profile", "near").code == 0
    session = only_session(small / "results")
    assert session.path.name.endswith("-near")
    assert len(session.rows("schedule.csv")) == 4
    assert (session.path / "experiments.yaml").read_text() == (small / "small.yaml").read_text()


def test_skipped_trials_are_told_and_do_not_change_the_code(small: Path) -> None:
    text = SMALL.replace("[sync, async]", "[sync, articles]").replace("[cpu, io_create]", "[cpu]")
    (small / "small.yaml").write_text(text)
    done = fake(small)
    assert done.code == 0, done.err
    assert "does not serve route cpu" in done.out
    session = only_session(small / "results")
    verdicts = [row["verdict"] for row in session.rows("derived/trials.csv")]
    assert sorted(verdicts) == ["skipped", "skipped", "valid", "valid"]


# bad days


def test_bad_yaml_starts_nothing(small: Path) -> None:
    (small / "small.yaml").write_text(SMALL.replace("delay_ms", "dealy_ms"))
    done = fake(small)
    assert done.code == 3
    assert "small.yaml:2" in done.err
    assert "delay_ms" in done.err
    assert not (small / "results").exists()


def test_bad_usage_starts_nothing(small: Path) -> None:
    done = fake(small, "--only", "delay_ms=7")
    assert done.code == 2
    assert not (small / "results").exists()


@pytest.fixture(scope="module")
def ended_by_sigint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a session that SIGINT ended after its second trial and before its last."""
    small = tmp_path_factory.mktemp("interrupted")
    (small / "small.yaml").write_text(SLOW)
    process = subprocess.Popen(
        command("small.yaml", "--backend", "fake", "--repeats", "2"),
        cwd=small, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    give_up_s = time.monotonic() + 60
    while not any(len(session.names("ended")) >= 2 for session in sessions(small / "results")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip() == "interrupted; python runner.py resume goes on"
    session = only_session(small / "results")
    assert 2 <= len(session.names("ended")) < 8
    return small


@pytest.fixture
def interrupted(ended_by_sigint: Path, tmp_path: Path) -> Session:
    """The same, in a folder of its own."""
    shutil.copytree(ended_by_sigint, tmp_path, dirs_exist_ok=True)
    return only_session(tmp_path / "results")


def test_an_interrupted_session_is_resumed_without_running_anything_twice(
    interrupted: Session, tmp_path: Path
) -> None:
    before = interrupted.names("ended")
    manifests = {
        name: (interrupted.attempt(name).path / "manifest.json").read_bytes() for name in before
    }
    begun = interrupted.names("began")
    for trial in set(begun) - set(before):
        assert not (interrupted.attempt(trial).path / "manifest.json").exists()

    done = runner("resume", cwd=tmp_path)

    assert (done.code, done.err) == (0, "")
    after = interrupted.names("ended")
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 8
    for name, manifest in manifests.items():
        assert (interrupted.attempt(name).path / "manifest.json").read_bytes() == manifest
    rows = interrupted.rows("derived/trials.csv")
    assert [row["verdict"] for row in rows] == ["valid"] * 8
    assert [row["trial"] for row in rows] == [
        row["trial"] for row in interrupted.rows("schedule.csv")
    ]


@pytest.mark.parametrize("change", [("to: 60}", "to: 61}"), ("[0, 60]", "[0, 61]")])
def test_a_session_whose_design_has_changed_is_not_resumed(
    interrupted: Session, tmp_path: Path, change: tuple[str, str]
) -> None:
    copy = interrupted.path / "experiments.yaml"
    copy.write_text(copy.read_text().replace(*change))
    before = interrupted.events()
    done = runner("resume", interrupted.path.name, cwd=tmp_path)
    assert done.code == 2
    assert f"{interrupted.path.name} cannot be resumed" in done.err
    assert interrupted.events() == before


def test_a_session_that_is_done_has_nothing_to_resume(
    quick: tuple[Session, Done],
) -> None:
    session, _ = quick
    before = session.events()
    done = runner("resume", session.path, cwd=ROOT)
    assert done.code == 0, done.err
    assert session.events() == before
    assert json.loads((session.path / "session.json").read_text())["backend"] == "fake"
    assert read_csv(session.path / "derived/trials.csv")


# the report


@pytest.fixture(scope="module")
def reported(quick: tuple[Session, Done]) -> Session:
    """The same session with its report."""
    session, _ = quick
    done = runner("report", "--check", session.path, cwd=ROOT)
    assert (done.code, done.err) == (9, "")  # single runs decide nothing
    return session


def test_a_report_and_its_check(reported: Session) -> None:
    page = (reported.path / "derived" / "report.html").read_text()
    assert "SIMULATED" in page
    assert reported.path.name in (reported.path / "derived" / "report.md").read_text()


def test_a_session_compared_with_itself(quick: tuple[Session, Done]) -> None:
    session, _ = quick
    done = runner("compare", "--check", session.path, session.path, cwd=ROOT)
    assert (done.code, done.err) == (9, "")  # a session each decides nothing
    assert "cannot tell" in done.out
    several = runner("compare", "--check", session.path, f"{session.path},{session.path}", cwd=ROOT)
    assert several.code == 9  # the same session twice is one


BOTH_CALLABLES = """\
name: shop
django: {settings: shop.settings, wsgi: "shop.wsgi:application", asgi: "shop.asgi:application"}
routes: {buy: {method: POST, path: /buy, form: {item: "{unique}"}, status: 201, statements: 1}}
"""
STEPS = """\
experiment: steps
setup: {target: shop, route: buy, delay_ms: 20}
vary: {connections: [per_request, persistent]}
also:
  one:
    because: what is it worth to keep the clients' connections?
    only: {connections: [persistent]}
    set: {server: gunicorn-gthread}
  threads:
    because: do threads do it?
    only: {connections: [persistent]}
    set: {server: gunicorn-gthread, app_threads: 20}
  granian: {because: another server, set: {server: granian-wsgi, app_threads: 20}}
  asgi:
    because: does async do it, without a change to the code?
    only: {connections: [persistent]}
    set: {server: uvicorn, connections: pool}
load: {users: {from: 5, per_s: 20, to: 40}, steady: 4s, load_workers: 1}
data: {posts: 1000, cpu_n: 1000}
"""


def test_one_target_with_both_callables_has_a_waterfall_over_servers(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "target.yaml").write_text(BOTH_CALLABLES)
    (tmp_path / "steps.yaml").write_text(STEPS)
    arguments = ("steps.yaml", "--backend", "fake", "--yes", "--no-calibrate")
    done = runner(*arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    session = only_session(tmp_path / "results")
    told = read_json(session.path / "session.json")
    assert told["interfaces"] == {"shop": "wsgi"}
    servers = {"gunicorn-gthread": "wsgi", "granian-wsgi": "wsgi", "uvicorn": "asgi"}
    assert told["server_interfaces"] == servers
    assert runner("report", session.path, cwd=tmp_path).code == 0
    found = session.rows("derived/figures/waterfall.csv")
    steps: dict[str, list[str]] = {}
    for row in found:
        steps.setdefault(row["group"], []).append(row["step"])
    first = ["sync, connection per request", "… connection kept"]
    assert steps == {
        "gunicorn-gthread · buy": [
            *(*first, "… and gthread, one thread", "… and 20 threads", "async, 20 connections")
        ],
        "granian-wsgi · buy": [*first, "… and 20 threads", "async, 20 connections"],
    }
    rates = {row["step"]: float(row["goodput_rps"]) for row in found}
    assert rates["async, 20 connections"] > 3 * rates["… connection kept"]
    markdown = (session.path / "derived" / "report.md").read_text()
    assert "Async with as many connections serves" in markdown


@pytest.mark.parametrize(
    "name", every(4, ["connection-cap", "ablation", "crossover", "replication"])
)
def test_the_experiments_give_a_report(name: str, tmp_path: Path) -> None:
    yaml = ROOT / "experiments" / f"{name}.yaml"
    profile = [] if name == "crossover" else ["--profile", "quick"]
    done = runner(yaml, *profile, "--backend", "fake", "--yes", cwd=tmp_path)
    assert done.code == 0, done.err
    session = only_session(tmp_path / "results")
    done = runner("report", session.path, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    figures = {path.stem for path in (session.path / "derived" / "figures").glob("*.csv")}
    own = {"ablation": "waterfall", "connection-cap": "connection-cap", "crossover": "crossover"}
    assert own.get(name, "goodput") in figures
    markdown = (session.path / "derived" / "report.md").read_text()
    compared = "## Comparison with the original study" in markdown.split("## Not in")[0]
    assert compared == (name == "replication")
