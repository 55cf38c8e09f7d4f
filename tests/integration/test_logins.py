"""A mix of four routes with login, CSRF and data of each user, by 100 users, on a real stack.

The target is `clubhouse`: its passwords are hashed as Django hashes them, so that all the logins
together take far longer than the ramp.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.load_files import new_histogram
from rig.disk.histograms import percentile_us
from rig.model import nearest_rank
from tests.runs import Attempt, Session, read_json, valid_session

USERS, ROUTES = 100, {"article", "mine", "visit", "write"}
EXPERIMENT = f"""\
experiment: club
setup: {{target: clubhouse, route: club, app_threads: 4, data_access: orm}}
load: {{users: {{from: 20, per_s: 40, to: {USERS}}}, steady: 15s, raw: true}}
data: {{posts: 1000, cpu_n: 1}}
"""
HISTOGRAM_ERROR = 2e-3
"""Relative: three significant digits, each side rounded up to the edge of its bucket."""

FEWEST = 10
"""Answers of the rarest route; a busy machine gives few."""

pytestmark = [pytest.mark.campaign, pytest.mark.either_backend]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("local", marks=pytest.mark.integration),
        pytest.param("compose", marks=pytest.mark.compose),
    ],
)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The experiment, run once on each backend."""
    folder = tmp_path_factory.mktemp("club")
    shutil.copytree(Path(__file__).with_name("clubhouse"), folder / "clubhouse")
    (folder / "club.yaml").write_text(EXPERIMENT)
    session, _ = valid_session(
        "club.yaml", "--backend", request.param, "--yes", "--no-calibrate", cwd=folder
    )
    return session


@pytest.fixture
def attempt(session: Session) -> Attempt:
    (row,) = session.rows("schedule.csv")
    return session.last(row["trial"])


def test_every_user_logged_in_once_before_the_load(attempt: Attempt) -> None:
    load, book = attempt.manifest["load"], read_json(attempt.path / "ledger.json")
    assert load["sessions"]["done"] == USERS
    assert load["sessions"]["failed"] == {}
    assert load["sessions"]["requests"] == 2 * USERS
    # and the user that verified the mix
    assert book["before"]["tables"]["club_login"] == USERS + 1
    assert book["after"]["tables"]["club_login"] == USERS + 1
    checks = {check["name"]: check["status"] for check in attempt.manifest["checks"]}
    assert [checks[name] for name in ("ramp", "sessions", "ledger")] == ["pass"] * 3


def test_rows_are_those_of_the_routes_that_write(attempt: Attempt) -> None:
    load, ledger = attempt.manifest["load"], attempt.manifest["ledger"]
    assert set(ledger["answers"]) == ROUTES
    added = {name: of["after"] - of["before"] for name, of in ledger["tables"].items()}
    for table, route in (("club_note", "write"), ("club_visit", "visit")):
        more = added[table] - ledger["answers"][route]["ok"]
        assert 0 <= more <= load["in_flight_at_stop"]
    assert ledger["naming"] == ["write"]
    assert ledger["rows_of_successes"] == ledger["answers"]["write"]["ok"]


def test_each_route_s_percentiles_are_those_of_the_raw_list(
    session: Session, attempt: Attempt
) -> None:
    load = attempt.manifest["load"]
    times_ms: defaultdict[str, list[float]] = defaultdict(list)
    for row in attempt.rows("load/requests.csv"):
        if (
            row["outcome"] == "ok"
            and load["ramp_s"] <= float(row["finished_s"]) < load["duration_s"]
        ):
            took_s = float(row["finished_s"]) - float(row["intended_s"])
            times_ms[row["route"]].append(1000 * took_s)
    counted: defaultdict[str, Any] = defaultdict(new_histogram)
    for one in attempt.histograms():
        phase, route, outcome = one.get_tag().split("|")
        if (phase, outcome) == ("steady", "ok"):
            counted[route].add(one)
    rows = {row["route"]: row for row in session.rows("derived/routes.csv")}
    assert rows.keys() == times_ms.keys() == counted.keys() == ROUTES
    for route, row in rows.items():
        ordered = sorted(times_ms[route])
        assert int(row["successes"]) == len(ordered) > FEWEST
        for percent in (50, 95, 99):
            wanted = ordered[nearest_rank(len(ordered), percent / 100) - 1]
            found_ms = percentile_us(counted[route], percent) / 1000
            assert found_ms == pytest.approx(wanted, rel=HISTOGRAM_ERROR)
            if said := row[f"p{percent}_ms"]:  # there is none where it is a bound
                assert float(said) == pytest.approx(wanted, rel=HISTOGRAM_ERROR)
