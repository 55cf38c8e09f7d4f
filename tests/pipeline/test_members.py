"""The example of `docs/extending.md` against a real Django: logins, CSRF, data of each user, a mix.

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
from rig.calibrate import unloaded_request
from rig.checks.visits import sessions
from rig.config import read_targets
from rig.disk.histograms import read_lines
from rig.load import scout
from rig.load.asked import RouteRequest
from rig.load.scout import ScoutSpec
from rig.load.shape import Arrivals, Closed, Open, Users
from rig.load.spec import PLAIN
from rig.model import Status
from rig.plan import Plan, Target
from rig.record import load_from_json
from tests.pipeline.serving import free_port
from tests.runs import only_session, read_csv
from tests.unit.plans import PLAN, record
from tests.warm import runner

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
USERS = Users(2, 4, 6)


def example() -> str:
    """The target of the docs."""
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(name: members\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (one,) = found
    return str(one)


def target_of(folder: Path, text: str) -> Target:
    (folder / "members").mkdir(exist_ok=True)
    (folder / "members" / "target.yaml").write_text(text, encoding="utf-8")
    (folder / "routes.yaml").write_text("{}", encoding="utf-8")
    return read_targets([folder], folder / "routes.yaml")["members"]


def plan_of(target: Target, name: str, users: Users = USERS) -> Plan:
    load = dataclasses.replace(PLAN.load, model=Closed(users), client=PLAIN)
    return dataclasses.replace(PLAN, target=target, route_name=name, load=load)


def loaded(port: int, plan: Plan, folder: Path) -> dict[str, Any]:
    """What load.json says of the plan's load on a server."""
    asked = dict(
        requests=route_requests(plan), session=session_of(plan), route=plan.route_name,
        client=PLAIN, steady_s=2.0, **of_mix(plan.mix),
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
    said = loaded(served, plan, folder / "run")
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
    if plan.mix is None:
        scout.run(ScoutSpec(url, (unloaded_request(plan, 4),)), tmp_path)
        found = json.loads((tmp_path / "scout.json").read_text())[name]
        assert found["wrong"] == []
        assert len(found["response_ms"]) == 5


def test_a_session_that_fails_says_where_and_with_what(served: int, tmp_path: Path) -> None:
    target = target_of(tmp_path, example().replace("password: secret", "password: wrong"))
    plan = plan_of(target, "write", Users(2, 1, 2))
    says = "session member, step 2, POST /login/: status 401 instead of 302"
    assert http.verify(f"http://127.0.0.1:{served}", plan).wrong == says
    said = loaded(served, plan, tmp_path / "run")
    assert (said["started"], said["sessions"]["done"]) == (0, 0)
    assert set(said["sessions"]["failed"]) == {says}
    found = sessions(plan, record(load=load_from_json(said)))
    assert found.status is Status.FAIL
    assert says in found.says


def test_values_that_run_out_end_the_load_with_one_line(served: int, tmp_path: Path) -> None:
    text = example().replace("range: [1, 50], order: random", "list: [1, 2, 3], repeat: false")
    plan = plan_of(target_of(tmp_path, text), "page", Users(2, 1, 2))
    with pytest.raises(RuntimeError, match="a process ended early"):
        loaded(served, plan, tmp_path / "run")
    log = (tmp_path / "run" / "master.log").read_text()
    assert "route page: values `pk` ran out after 3: give more, or say `repeat: true`" in log
    assert "Traceback" not in log


def test_answers_are_looked_at_under_load(served: int, tmp_path: Path) -> None:
    even = example().replace(
        "answer: {pk", "session: member\n    never_text: '0,'\n    answer: {pk"
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


def test_arrivals_ask_for_a_mix_s_routes_by_their_weights(served: int, tmp_path: Path) -> None:
    requests = tuple(RouteRequest(name, "GET", "/truth/") for name in ("often", "seldom"))
    asked = {"requests": requests, "weights": (3, 1), "route": "mix"}
    model = Open(Arrivals(60.0, ramp_s=1.0, max_in_flight=20))
    load = spec(served, free_port(), model, client=PLAIN, steady_s=3.0, **asked)
    said, _ = run(load, tmp_path / "run")
    answers = Counter[str]()
    for row in read_csv(tmp_path / "run" / "master" / "completions.csv"):
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
    target_of(tmp_path, example())
    (tmp_path / "mixes.yaml").write_text(EXPERIMENT, encoding="utf-8")
    done = runner("mixes.yaml", "--backend", "fake", "--out", "out", "--yes", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    session = only_session(tmp_path / "out")
    trials = {row["route"]: row for row in session.rows("derived/trials.csv")}
    assert {row["verdict"] for row in trials.values()} == {"valid"}
    routes = session.rows("derived/routes.csv")
    assert [row["route"] for row in routes] == ["mine", "page", "write"]
    assert {row["trial"] for row in routes} == {trials["visits"]["trial"]}
    assert sum(int(row["successes"]) for row in routes) == int(trials["visits"]["successes"])
    assert "    page: " in done.out
    assert runner("verify", str(session.path), cwd=tmp_path).code == 0
