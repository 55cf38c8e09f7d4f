"""What single sections say of sessions made for them."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.figures import latency, waterfall
from analysis.figures.style import Stroke
from analysis.inference import Kind, PairRatio
from analysis.report import report
from analysis.summaries.response_times import response_times
from rig.disk.sent import Sent
from rig.inference.stationarity import State
from rig.model import Level
from rig.record import ProbeFacts, RoleUse, record_from_json
from tests.unit.analysis import sessions
from tests.unit.analysis.report.test_report import Page
from tests.unit.analysis.sessions import Answer, Made, steady

pytestmark = pytest.mark.usefixtures("undrawn")

WIDER = (
    *sessions.FACTORS,
    {"name": "data_access", "label": "data access", "unit": "", "levels": ["orm", "sql"]},
    {"name": "app_threads", "label": "app threads", "unit": "", "levels": [1, 20]},
    {"name": "pool_size", "label": "pool size", "unit": "", "levels": [20]},
)
ORM: dict[str, Level] = {"data_access": "orm", "app_threads": 1, "pool_size": 20}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "derived" / "figures" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def change(folder: Path, **facts: Any) -> None:
    """Gives every record of a session more facts."""
    for path in folder.glob("trials/*/attempt-1/manifest.json"):
        record = replace(record_from_json(json.loads(path.read_text())), **facts)
        path.write_text(json.dumps(record.to_json()))


# the waterfall


def ratio(of: float) -> PairRatio:
    return PairRatio({}, of, of / 1.1, of * 1.1, Kind.BETWEEN_TRIALS, 4)


def test_shares_of_the_gap_add_up() -> None:
    steps = waterfall.data(
        "g",
        [("a", 2.0, None), ("b", 10.0, ratio(5)), ("c", None, None), ("d", 5.0, ratio(0.5)),
         ("e", 40.0, ratio(8))],
    )  # fmt: skip
    assert [step.ratio for step in steps] == [None, 5.0, None, 0.5, 8.0]
    assert sum(step.share or 0 for step in steps) == pytest.approx(1)
    assert steps[3].share is not None
    assert steps[3].share < 0
    assert [step.interval for step in steps[:2]] == [Kind.NONE, Kind.BETWEEN_TRIALS]


def test_a_ladder_is_found_by_its_levels(tmp_path: Path) -> None:
    kept = {**ORM, "connections": "persistent"}
    pool = {**ORM, "target": "async", "connections": "pool"}
    folder = sessions.make(
        tmp_path / "s",
        [
            Made(ORM, steady(5)),
            Made(kept, steady(20)),
            Made({**kept, "app_threads": 20}, steady(80), because="threads?"),
            Made({**kept, "app_threads": 20, "data_access": "sql"}, steady(120), because="sql?"),
            Made(pool, steady(90), because="async?"),
            Made({**pool, "data_access": "sql"}, steady(100), because="asyncpg?"),
        ],
        WIDER,
    )
    page = Page(report(folder).html)
    found = rows(folder, "waterfall")
    rates = [float(row["goodput_rps"]) for row in found]
    assert rates == pytest.approx([5, 20, 80, 90, 100], rel=0.05)
    assert sum(float(row["share"] or 0) for row in found) == pytest.approx(1, abs=1e-4)
    assert re.search(r"Plain SQL instead of the ORM, with .*, gives 1\.5× \(95 %: 1\.\d", page.text)
    assert "kept connections and 20 threads serves 80 /s" in page.text
    assert re.search(r"as many connections serves 100 /s: 1\.25× \(95 %: [^)]+\)\.", page.text)
    assert {row["interval"] for row in found[1:]} == {"within trial"}
    assert "Unknown for 7 of 7 steps: whether they change anything" in page.text


def test_targets_of_any_name_on_any_server_have_a_ladder(tmp_path: Path) -> None:
    server = {"name": "server", "label": "server", "unit": "",
              "levels": ["own", "granian-wsgi"], "facts": []}  # fmt: skip
    first = {**ORM, "target": "web", "server": "own"}
    threaded = {**first, "connections": "persistent", "server": "granian-wsgi"}
    live = {**ORM, "target": "live", "server": "own", "connections": "pool"}
    made = [
        Made(first, steady(10)),
        Made(threaded, steady(40)),
        Made({**threaded, "app_threads": 20}, steady(160)),
        Made({**live, "data_access": "sql"}, steady(80)),
    ]
    interfaces = {"web": "wsgi", "live": "asgi"}
    served = {"granian-wsgi": "wsgi"}
    folder = sessions.make(
        tmp_path / "s",
        made,
        (*WIDER, server),
        claim=None,
        interfaces=interfaces,
        server_interfaces=served,
    )
    change(folder, facts={"app": {"driver": "asyncpg"}})
    text = Page(report(folder).html).text
    assert [(row["step"], row["ratio"][:1]) for row in rows(folder, "waterfall")] == [
        ("sync, connection per request", ""),
        ("… and granian-wsgi, one thread", "4"),
        ("… and 20 threads", "4"),
        ("async, asyncpg, 20 connections", "0"),
    ]
    assert "Async with asyncpg and as many connections serves 80 /s: 0.5×" in text
    assert "“granian-wsgi, one thread” also includes connection kept" in text


def test_a_rung_of_its_own_for_what_gthread_changes(tmp_path: Path) -> None:
    worker = {"name": "wsgi_worker", "label": "WSGI worker", "unit": "",
              "levels": ["auto", "gthread"], "facts": ["answer.connection"]}  # fmt: skip
    kept = {**ORM, "connections": "persistent", "wsgi_worker": "auto"}
    threaded = {**kept, "wsgi_worker": "gthread"}
    made = [
        Made({**ORM, "wsgi_worker": "auto"}, steady(10)),
        Made(threaded, steady(40)),
        Made(kept, steady(20)),
        Made({**threaded, "app_threads": 20}, steady(160)),
    ]
    folder = sessions.make(tmp_path / "s", made, (*WIDER, worker))
    report(folder)
    found = [row for row in rows(folder, "waterfall") if row["ratio"]]
    assert [row["step"] for row in found] == [
        "… connection kept", "… and gthread, one thread", "… and 20 threads",
    ]  # fmt: skip
    assert [float(row["ratio"]) for row in found] == pytest.approx([2, 2, 4], rel=0.05)


def test_steps_have_intervals_between_trials_and_name_what_else_they_change(tmp_path: Path) -> None:
    kept = {**ORM, "connections": "persistent"}
    made = [
        Made(levels, steady(rate * by), replicate=replicate)
        for replicate, by in ((1, 1.0), (2, 1.05), (3, 0.97))
        for levels, rate in ((ORM, 20), (kept, 80 / by), ({**kept, "app_threads": 20}, 82))
    ]
    folder = sessions.make(tmp_path / "s", made, WIDER)
    for path in folder.glob("trials/*/attempt-1/manifest.json"):
        manifest = json.loads(path.read_text())
        levels = manifest["facts"].setdefault("app", {})
        number = int(path.parents[1].name[:4])
        levels["timeout_s"] = 30 if number % 3 == 0 else 180  # the rung with threads
        path.write_text(json.dumps(manifest))
    page = Page(report(folder).html)
    found = rows(folder, "waterfall")
    assert [row["interval"] for row in found[:3]] == ["none", *["between trials"] * 2]
    assert float(found[1]["low"]) < 4 < float(found[1]["high"])
    assert "NOT the same thing compared" in page.text
    assert "app_threads 20 vs 1): app.timeout_s 30 vs 180" in page.text
    with (folder / "derived" / "comparisons.csv").open(newline="") as file:
        asked = {row["factor"]: row for row in csv.DictReader(file)}
    assert asked["app_threads"]["asked_by"] == "ladder"
    assert asked["app_threads"]["verdict"] == "different"
    assert asked["connections"]["verdict"] == "unknown"


def test_largest_steps_that_nothing_tells_apart_are_both_named(tmp_path: Path) -> None:
    kept = {**ORM, "connections": "persistent"}
    made = [
        Made(levels, steady(rate * by), replicate=replicate)
        for replicate, by in ((1, 1.0), (2, 1.3), (3, 0.8))
        for levels, rate in ((ORM, 20), (kept, 80 * by), ({**kept, "app_threads": 20}, 310))
    ]
    page = Page(report(sessions.make(tmp_path / "s", made, WIDER)).html)
    step = r"The largest step: connection kept, [\d.]+×, not distinguishable from 20 threads"
    assert re.search(step, page.text)


def test_a_step_that_leaps_over_another_owns_nothing_alone(tmp_path: Path) -> None:
    kept = {**ORM, "connections": "persistent"}
    pool = {**ORM, "target": "async", "connections": "pool"}
    made = [Made(ORM, steady(5)), Made(kept, steady(20)), Made(pool, steady(200))]
    text = Page(report(sessions.make(tmp_path / "s", made, WIDER)).html).text
    assert "from “sync, connection per request” to “async, the ORM, 20 connections”" in text
    assert (
        "The ratio of “async, the ORM, 20 connections” also includes gthread, one thread and 20 "
        "threads, without a valid trial. The largest step is unknown."
    ) in text
    assert "The largest step:" not in text


# the connection cap


def capped(refused_from: int, top_rps: int = 40) -> list[Answer]:
    """Answers that rise and then stay, refusals from a second on."""
    answers = []
    for second in range(10):
        for index in range(min(5 * (second + 1), top_rps)):
            answers.append(Answer(second + index / 100))
        if second >= refused_from:
            answers.append(Answer(second + 0.5, outcome="db_too_many_connections"))
    return answers


def test_the_first_refusal_and_the_probes_stand_on_one_axis(tmp_path: Path) -> None:
    folder = sessions.make(
        tmp_path / "s",
        [
            Made({"target": "async"}, capped(6)),
            Made({"target": "async"}, capped(6), replicate=2),
            Made({"target": "async", "max_connections": 1000}, steady(40), because="lifted"),
            Made({"target": "sync"}, steady(4)),
        ],
    )
    attempt = folder / "trials" / "0001-made-r1" / "attempt-1"
    (attempt / "probes").mkdir()
    lines = ["at_s,total", *(f"{second},{90 + second}" for second in range(10))]
    (attempt / "probes" / "postgres.csv").write_text("\n".join(lines) + "\n")
    (seconds,) = folder.glob("trials/0002-made-r2/attempt-1/load/seconds.csv")
    seconds.write_text(seconds.read_text().replace(",150,150,", ",150,140,"))
    page = Page(report(folder).html)
    found = [row for row in rows(folder, "connection-cap") if row["trial"] == "0001-made-r1"]
    assert [row["refused_rps"] for row in found[:8]] == ["0"] * 6 + ["1"] * 2
    assert found[7]["postgres_sessions"] == "97"
    assert "first refusal, 150 users" in page.text
    assert "refusals begin at 140 to 150 users. " in page.text
    assert "Goodput without refusals, as a multiple of this cell's:" in page.text
    trials = {row["trial"] for row in rows(folder, "connection-cap")}
    assert trials == {"0001-made-r1", "0003-made-r1"}


# latency


def test_percentiles_of_repeated_trials_have_an_interval_between_them(tmp_path: Path) -> None:
    trials = [Made(answers=steady(20, 50 + n), replicate=n) for n in (1, 2, 3)]
    text = Page(report(sessions.make(tmp_path / "s", trials, claim=None)).html).text
    assert "where an interval is known" in text
    assert "between trials" in text
    assert "some are too narrow" not in text


def test_the_interval_of_one_trial_says_its_limit(tmp_path: Path) -> None:
    made = Made(answers=steady(20), dropped=1)
    folder = sessions.make(tmp_path / "s", [made], claim=None, load=sessions.OPEN.to_json())
    text = Page(report(folder).html).text
    assert "within trial" in text
    assert "some are too narrow: about 5 in 100 windows" in text


def curve(sent: Sent) -> latency.Curve:
    return latency.Curve("g", "s", Stroke(0), response_times(sent, State.STEADY))


EVERY_MS = [(1000 * ms, 1) for ms in range(1, 1001)]


def test_curves_end_where_five_lie_beyond() -> None:
    points = latency.data([curve(Sent(EVERY_MS, EVERY_MS))]).points
    assert max(point.one_in for point in points) <= 200
    median = next(point for point in points if point.one_in >= 2)
    assert median.response_ms == pytest.approx(1000 * (1 - 1 / median.one_in), abs=1.5)


def test_what_was_never_answered_raises_the_bound() -> None:
    sent = Sent([(10_000, 50)], [(10_000, 50)], waiting_us=[5_000_000] * 50)
    points = latency.data([curve(sent)]).points
    assert {point.response_ms for point in points if point.what == latency.MEASURED} == {10}
    (bound,) = {point.response_ms for point in points if point.what == latency.BOUND}
    assert bound == pytest.approx(5000, rel=0.001)


def test_what_was_dropped_ends_a_curve_in_a_bound() -> None:
    points = latency.data([curve(Sent(EVERY_MS, EVERY_MS, dropped=1000))]).points
    assert [point for point in points if point.what == latency.MEASURED] == []
    assert min(point.one_in for point in points) > 2


def test_few_answers_make_no_curve() -> None:
    assert latency.data([curve(Sent([(10_000, 9)], [(10_000, 9)]))]).points == ()


def test_an_open_load_has_service_times_beside(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", [Made({}, steady(30))], load=sessions.OPEN.to_json())
    load = folder / "trials" / "0001-made-r1" / "attempt-1" / "load"
    (load / "service.hlog").write_text((load / "latencies.hlog").read_text())
    page = Page(report(folder).html)
    assert {row["what"] for row in rows(folder, "latency")} == {"measured", "service"}
    assert "Open model" in page.text
    assert "Closed loop" not in page.text


# cost


def test_cpu_is_paid_by_successes(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", [Made({}, steady(10))])
    use = RoleUse(0.5, 0.9, 300_000_000, 1.0)
    change(folder, probes=ProbeFacts(roles={"app": use}), facts={"cpus": {"app": [1]}})
    page = Page(report(folder).html)
    assert "app CPU-ms" in page.text
    # half a CPU over 8 s, for 80 answers
    assert "1 ÷ 50 CPU-ms" in page.text
    assert "300" in page.text


# the original


def test_theirs_stand_beside_ours(tmp_path: Path) -> None:
    def rate(target: str, delay: int) -> float:
        return 30.0 if target == "async" else 25.0 / (1 + delay / 10)

    trials = [
        Made({**ORM, "target": t, "route": r, "delay_ms": d}, steady(rate(t, d)))
        for r in ("cpu", "io_create", "io_read")
        for t in ("sync", "async")
        for d in (0, 100, 200)
    ]
    text = Page(report(sessions.make(tmp_path / "s", trials, WIDER)).html).text
    assert "The original's own inconsistencies" in text
    assert "not reproduced" in text
    assert "io_read · 200 ms · async, max_connections 1000" in text


def test_other_data_access_is_no_replication(tmp_path: Path) -> None:
    trials = [
        Made({**ORM, "data_access": "sql", "route": r, "delay_ms": d}, steady(5))
        for r in ("cpu", "io_create", "io_read")
        for d in (0, 100, 200)
    ]
    text = Page(report(sessions.make(tmp_path / "s", trials, WIDER)).html).text
    assert "experiments/replication.yaml has its 27 cells" in text


# the crossover


def test_a_crossover_is_drawn_with_its_interval(tmp_path: Path) -> None:
    trials = [
        Made({"target": target, "delay_ms": delay, "route": "io_read"}, steady(rate), replicate=r)
        for r, delay in enumerate((0, 20, 8, 10, 9, 11), start=1)
        for target, rate in (("sync", 400 / (10 + delay)), ("async", 20.0))
    ]
    folder = sessions.make(
        tmp_path / "s", trials, search={"factor": "delay_ms", "between": [0, 20]}
    )
    page = Page(report(folder).html)
    (crossing,) = [row for row in rows(folder, "crossover") if row["what"] == "crossover"]
    assert float(crossing["at"]) == pytest.approx(10, abs=1)
    assert len(rows(folder, "crossover")) == 7
    assert "Crossover: where" in page.text


def test_a_crossover_without_pairs_is_not_measured(tmp_path: Path) -> None:
    trials = [
        Made({"target": target, "route": route, "delay_ms": delay}, answers, replicate=r)
        for route in ("cpu", "io_read")
        for r, delay in enumerate((0, 20), start=1)
        for target, rate in (("sync", 10), ("async", 40))
        for answers in [steady(rate) if route == "cpu" else ()]
    ]
    folder = sessions.make(
        tmp_path / "s", trials, search={"factor": "delay_ms", "between": [0, 20]}
    )
    text, markdown = Page(report(folder).html).text, report(folder).markdown.read_text()
    assert "io_read: not measured at two levels." in text
    assert "| io\\_read | not measured | — | 0 |" in markdown
    assert "| cpu | cannot be told | — | 2 |" in markdown
    assert "nothing was measured in between" in markdown
