"""The example of `docs/sessions-and-logins.md` against a real Django: logins, CSRF, a mix.

What the load wrote against what the Django saw.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bench.loopback import run, spec
from rig.backends import http
from rig.backends.requests import route_requests, session_of
from rig.backends.specs import of_mix
from rig.calibrate import unloaded
from rig.checks.visits import sessions
from rig.config import read_targets
from rig.disk.histograms import read_lines
from rig.evidence.load import derived
from rig.load import scout
from rig.load.http.asked import RouteRequest
from rig.load.scout import ScoutSpec
from rig.load.shape import Arrivals, Closed, Open, Steps, Users
from rig.load.spec import PLAIN
from rig.model import Status
from rig.plan import Plan, Target
from rig.record import load_from_json
from tests.pipeline.serving import free_port
from tests.runs import only_session, read_csv
from tests.unit.plans import PLAN, record
from tests.warm import runner

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
USERS = Users(2, 4, 7)
"""An odd number: load workers share them unevenly."""


def example() -> str:
    """The target of the docs."""
    text = (ROOT / "docs" / "sessions-and-logins.md").read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(name: members\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (one,) = found
    return str(one)


def target_of(folder: Path, text: str) -> Target:
    (folder / "members").mkdir(exist_ok=True)
    (folder / "members" / "target.yaml").write_text(text, encoding="utf-8")
    (folder / "routes.yaml").write_text("{}", encoding="utf-8")
    return read_targets([folder], folder / "routes.yaml")["members"]


def plan_of(target: Target, name: str, users: Users | Steps = USERS) -> Plan:
    load = dataclasses.replace(PLAN.load, model=Closed(users), client=PLAIN)
    return dataclasses.replace(PLAN, target=target, route_name=name, load=load)


def loaded(
    port: int, plan: Plan, folder: Path, steady_s: float = 2.0, load_workers: int = 1
) -> dict[str, Any]:
    """What load.json says of the plan's load on a server."""
    asked = dict(
        requests=route_requests(plan), session=session_of(plan), route=plan.route_name,
        client=PLAIN, steady_s=steady_s, load_workers=load_workers, **of_mix(plan.mix),
    )  # fmt: skip
    said, _ = run(spec(port, free_port(), plan.load.model, **asked), folder)
    return dict(said)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the Django."""
    port, folder = free_port(), tmp_path_factory.mktemp("site")
    env = {**os.environ, "MEMBERS_FOLDER": str(folder), "MEMBERS_USERS": "8"}
    command = [
        *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4"),
        *("--chdir", str(HERE / "members"), "--log-level", "error", "site_app:application"),
    ]
    with subprocess.Popen(command, env=env) as server:
        try:
            give_up_s = time.monotonic() + 60
            while not http.get(f"http://127.0.0.1:{port}/truth/").status:
                assert time.monotonic() < give_up_s
                assert server.poll() is None
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()
            server.wait(20)


def truth(port: int) -> list[tuple[str, str, str]]:
    with urlopen(f"http://127.0.0.1:{port}/truth/", timeout=10) as answer:
        return [tuple(one) for one in json.load(answer)["did"]]


@pytest.fixture(scope="module")
def mixed(
    served: int, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[tuple[str, str, str]], Plan]:
    """The files of the mix's load, its load.json, what the Django saw of it, the plan."""
    folder = tmp_path_factory.mktemp("mixed")
    plan = plan_of(target_of(folder, example()), "visits")
    before = len(truth(served))
    said = loaded(served, plan, folder / "run", load_workers=2)
    return folder / "run" / "master", said, truth(served)[before:], plan


def test_every_user_logged_in_once_and_asked_as_itself(mixed: Any) -> None:
    _, said, did, _ = mixed
    logins = Counter(who for who, what, _ in did if what == "login")
    assert logins == {f"user{number}": 1 for number in range(1, USERS.end_users + 1)}
    assert {who for who, what, _ in did if what != "login"} == set(logins)
    found = said["sessions"]
    assert (found["done"], found["failed"]) == (USERS.end_users, {})
    assert found["requests"] == 2 * USERS.end_users
    assert said["outcomes"].keys() == {"ok"}


def test_a_crowd_comes_and_goes(served: int, tmp_path: Path) -> None:
    crowd = Steps(((0.0, 1), (2.0, 7), (4.0, 2)))
    plan = plan_of(target_of(tmp_path, example()), "visits", crowd)
    said = loaded(served, plan, tmp_path / "run", steady_s=6.0)
    found = derived(tmp_path / "run" / "master", 0.0, 6.0)
    assert found["planned_users"] == (1, 1, 7, 7, 2, 2)
    assert len(found["in_flight"]) == 6
    assert (said["peak_users"], said["sessions"]["done"]) == (7, 7)
    # who leaves has been answered
    assert said["in_flight_at_stop"] <= 2
    assert said["outcomes"].keys() == {"ok"}


def test_each_route_has_its_own_rows_and_sessions_have_none(mixed: Any) -> None:
    folder, said, did, plan = mixed
    answers = Counter[str]()
    for row in read_csv(folder / "completions.csv"):
        answers[row["route"]] += int(row["count"])
    assert set(answers) == set(plan.mix.routes)
    assert answers.total() == said["finished"] > 30
    times = Counter[str]()
    for tag, _, counts in read_lines(folder / "latencies.hlog", bool):
        times[tag.split("|")[1]] += sum(count for _, count in counts)
    assert times == answers
    seen = Counter(what for _, what, _ in did if what != "login")
    # what was in flight at the stop may have been served
    assert all(answers[name] <= seen[name] for name in answers)
    assert seen.total() - answers.total() <= said["in_flight_at_stop"]
    assert answers["page"] > answers["mine"]


def test_values_and_unique_texts_differ_from_request_to_request(mixed: Any) -> None:
    _, _, did, _ = mixed
    texts = [text for _, what, text in did if what == "write"]
    assert len(set(texts)) == len(texts)
    assert all(re.fullmatch(r"Note \d+-\d+", it) for it in texts)
    pages = {int(pk) for _, what, pk in did if what == "page"}
    assert len(pages) > 10
    assert pages <= set(range(1, 51))


def test_the_check_finds_all_sessions(mixed: Any) -> None:
    _, said, _, plan = mixed
    assert sessions(plan, record(load=load_from_json(said))).status in (Status.PASS, Status.WARN)


@pytest.mark.parametrize("name", ["page", "mine", "write", "visits"])
def test_verify_and_the_calibration_log_in_as_well(served: int, tmp_path: Path, name: str) -> None:
    text = example().replace("/mine/, ", "/mine/, session: member, ")
    text = text.replace("order: random}}", "order: random}}\n    session: member")
    plan, url = plan_of(target_of(tmp_path, text), name), f"http://127.0.0.1:{served}"
    assert http.verify(url, plan).wrong == ""
    scout.run(ScoutSpec(url, unloaded(plan, 4)), tmp_path)
    found = json.loads((tmp_path / "scout.json").read_text())
    assert found.keys() == ({"page", "mine", "write"} if plan.mix else {name})
    for said in found.values():
        assert said["wrong"] == []
        assert len(said["response_ms"]) == 5


def test_a_session_that_fails_says_where_and_with_what(served: int, tmp_path: Path) -> None:
    target = target_of(tmp_path, example().replace("password: secret", "password: wrong"))
    plan = plan_of(target, "write", Users(2, 1, 2))
    says = "session member, step 2, POST /login/: status 401 instead of 302"
    assert http.verify(f"http://127.0.0.1:{served}", plan).wrong == says
    ends_with(f"{says} \\(user [12]\\)", served, plan, tmp_path)


def test_a_login_that_is_limited_ends_the_load_with_one_line(served: int, tmp_path: Path) -> None:
    once = "    - {method: GET, path: /once/}\nroutes:\n"
    plan = plan_of(target_of(tmp_path, example().replace("routes:\n", once, 1)), "write")
    says = r"session member, step 3, GET /once/: status 429 instead of 200 \(user \d\)"
    ends_with(says, served, plan, tmp_path)


def ends_with(says: str, port: int, plan: Plan, folder: Path) -> None:
    """The load, with this line and no traceback, before any request."""
    with pytest.raises(RuntimeError, match="a process ended early"):
        loaded(port, plan, folder / "run")
    log = (folder / "run" / "master.log").read_text()
    assert re.search(says, log)
    assert "Traceback" not in log
    assert not (folder / "run" / "master" / "load.json").exists()


def test_values_that_run_out_end_the_load_with_one_line(served: int, tmp_path: Path) -> None:
    text = example().replace("range: [1, 50], order: random", "list: [1, 2, 3], repeat: false")
    plan = plan_of(target_of(tmp_path, text), "page", Users(2, 1, 2))
    ends_with(
        "route page: values `pk` ran out after 3: give more, or say `repeat: true`",
        served, plan, tmp_path,
    )  # fmt: skip


def test_answers_are_looked_at_under_load(served: int, tmp_path: Path) -> None:
    even = example().replace(
        "answer: {pk", "session: member\n    always: {no_text: '0,'}\n    answer: {pk"
    )
    even = even.replace("order: random", "order: in_order")
    plan = plan_of(target_of(tmp_path, even), "page", Users(2, 1, 2))
    assert http.verify(f"http://127.0.0.1:{served}", plan).wrong == ""
    before = len(truth(served))
    said = loaded(served, plan, tmp_path / "run")
    pages = [int(pk) for _, what, pk in truth(served)[before:] if what == "page"]
    wrong = sum(1 for pk in pages if pk % 10 == 0)
    assert set(said["outcomes"]) == {"ok", "wrong_answer"}
    assert 0 <= wrong - said["outcomes"]["wrong_answer"] <= said["in_flight_at_stop"]


def test_under_load_words_stand_for_what_each_request_has(served: int, tmp_path: Path) -> None:
    looked_at = example()
    for old, new in (
        ('answer: {pk: "{pk}"}', 'always: {answer: {pk: "{pk}"}, pattern: "[0-9]"}'),
        ('answer_text: "Hello user{n}"', 'always: {text: "Hello user{n}"}'),
        ("answer: {data: {text", "always: {answer: {data: {text"),
        ("tags: [a, b]}}", "tags: [a, b]}}, headers: {Content-Type: application/json}}"),
    ):
        assert looked_at.count(old) == 1
        looked_at = looked_at.replace(old, new)
    plan = plan_of(target_of(tmp_path, looked_at), "visits", USERS)
    assert http.verify(f"http://127.0.0.1:{served}", plan).wrong == ""
    said = loaded(served, plan, tmp_path / "run")
    assert set(said["outcomes"]) == {"ok"}
    counted = {row["route"] for row in read_csv(tmp_path / "run" / "master" / "completions.csv")}
    assert counted == {"page", "mine", "write"}


def test_one_that_is_not_as_its_own_request_s_words_say_is_wrong(
    served: int, tmp_path: Path
) -> None:
    text = example().replace(
        'answer: {pk: "{pk}"}', "session: member\n    always: {answer: {pk: 1}}"
    )
    text = text.replace("order: random", "order: in_order")
    plan = plan_of(target_of(tmp_path, text), "page", Users(2, 1, 2))
    assert http.verify(f"http://127.0.0.1:{served}", plan).wrong == ""
    said = loaded(served, plan, tmp_path / "run")
    assert said["outcomes"]["wrong_answer"] > said["outcomes"]["ok"] > 0


def test_arrivals_ask_for_a_mix_s_routes_by_their_weights(served: int, tmp_path: Path) -> None:
    requests = tuple(RouteRequest(name, "GET", "/login/") for name in ("often", "seldom"))
    asked = {"requests": requests, "weights": (3, 1), "route": "mix"}
    model = Open(Arrivals(60.0, ramp_s=1.0, max_in_flight=20))
    load = spec(
        served, free_port(), model, client=PLAIN, steady_s=3.0, load_workers=1, **asked
    )  # fmt: skip
    said, _ = run(load, tmp_path / "run")
    answers = Counter[str]()
    for row in read_csv(tmp_path / "run" / "master" / "completions.csv"):
        if row["outcome"] != "dropped":  # of a machine that is busy otherwise
            answers[row["route"]] += int(row["count"])
    assert answers.total() == said["finished"] > 100
    assert 0.6 < answers["often"] / answers.total() < 0.9


EXPERIMENT = """\
experiment: mixes
setup: {target: members}
vary: {route: [visits, write]}
load: {client: plain, users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""


def test_from_yaml_to_tables_a_mix_is_the_sum_of_its_routes(tmp_path: Path) -> None:
    target_of(tmp_path, example().replace("  page:\n", "  page:\n    statements: 1\n"))
    (tmp_path / "mixes.yaml").write_text(EXPERIMENT, encoding="utf-8")
    done = runner("mixes.yaml", "--backend", "fake", "--out", "out", "--yes", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    session = only_session(tmp_path / "out")
    trials = {row["route"]: row for row in session.rows("derived/trials.csv")}
    assert {row["verdict"] for row in trials.values()} == {"valid"}
    routes = session.rows("derived/routes.csv")
    said = [(row["route"], row["statements"]) for row in routes]
    assert said == [("mine", ""), ("page", "1"), ("write", "")]
    assert {row["trial"] for row in routes} == {trials["visits"]["trial"]}
    assert sum(int(row["successes"]) for row in routes) == int(trials["visits"]["successes"])
    assert "    page: " in done.out
    assert runner("verify", str(session.path), cwd=tmp_path).code == 0
    assert runner("report", str(session.path), cwd=tmp_path).code == 0
    page = (session.path / "derived" / "report.html").read_text(encoding="utf-8")
    assert page.count("Statements are those that a route declares") == 1


def test_each_step_of_a_crowd_has_its_line(tmp_path: Path) -> None:
    target_of(tmp_path, example())
    crowd = EXPERIMENT.replace("{from: 2, per_s: 4, to: 6}", "[[0s, 2], [1s, 6], [2s, 3]]")
    (tmp_path / "mixes.yaml").write_text(crowd, encoding="utf-8")
    done = runner("mixes.yaml", "--backend", "fake", "--out", "out", "--yes", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    session = only_session(tmp_path / "out")
    steps = session.rows("derived/steps.csv")
    for row in session.rows("derived/trials.csv"):
        mine = [step for step in steps if step["trial"] == row["trial"]]
        assert [(step["from_s"], step["until_s"], step["users"]) for step in mine] == [
            ("0", "1", "2"), ("1", "2", "6"), ("2", "3", "3"),
        ]  # fmt: skip
        assert sum(int(step["successes"]) for step in mine) == int(row["successes"]) > 0
        checks = {it["name"]: it for it in session.last(row["trial"]).manifest["checks"]}
        assert {checks[name]["status"] for name in ("ramp", "ledger")} <= {"pass", "unknown"}
        for name in ("steadiness", "stationarity"):
            assert checks[name]["needs"] == "a load of one number of users"
    assert runner("verify", str(session.path), cwd=tmp_path).code == 0
    assert runner("report", str(session.path), cwd=tmp_path).code == 0
    page = (session.path / "derived" / "report.html").read_text(encoding="utf-8")
    assert page.count("in whose seconds it came") == len(session.rows("derived/trials.csv"))
