"""Users that cannot go on, in whole sessions: one line, its exit code, and nothing left.

Values that run out, logins that are limited, and Locust files on their bad days.
"""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.model import ExitCode
from tests.integration.worlds import machine
from tests.runs import Done, only_session, read_json, runner

EXPERIMENT = """\
experiment: bad
setup: {target: clubhouse, route: ROUTE, app_threads: 4, data_access: orm}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 5s, load_workers: 1}
data: {posts: 1000, cpu_n: 1}
"""
QUERY = "{query: SELECT id FROM club_note ORDER BY id LIMIT 50, order: random}"
LOGIN = "      take: {csrf: {cookie: csrftoken}}\n"

pytestmark = [pytest.mark.campaign, pytest.mark.integration]


@dataclass(frozen=True)
class Day:
    """What is changed in clubhouse's target.yaml, and how the session ends."""

    old: str
    new: str
    code: ExitCode
    says: str
    route: str = "article"


SHORT = "{list: [1, 2, 3], repeat: false}"
RAN_OUT = "route article: values `pk` ran out after 3: give more, or say `repeat: true`"
NO_ROW = "route article, values `pk`: its query returns no row"
NO_COLUMN = "clubhouse/target.yaml:23: `pk`: people.csv has no column `pk`, only name"
LIMITED = "session member, step 3, GET /once/: status 429 instead of 200 (user "
DAYS = {
    "values run out": Day(QUERY, SHORT, ExitCode.SOME_FAILED, RAN_OUT),
    "no row": Day("ORDER BY id", "WHERE id < 0", ExitCode.NO_STACK, NO_ROW),
    "no column": Day(QUERY, "{csv: people.csv, column: pk}", ExitCode.BAD_YAML, NO_COLUMN),
    "limited": Day(
        LOGIN, f"{LOGIN}    - {{method: GET, path: /once/}}\n", ExitCode.SOME_FAILED, LIMITED,
        route="mine",
    ),
}  # fmt: skip

USERS = """\
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant(0.2)

    @task
    def ask(self):
        self.client.get("/articles/1/")
"""
ASKS, WAITS = '        self.client.get("/articles/1/")\n', "    wait_time = constant(0.2)\n"
FOREVER = """\
import threading, time

def forever():
    while True:
        time.sleep(0.2)

threading.Thread(target=forever).start()
"""
THREAD = "        threading.Thread(target=forever).start()\n"


@dataclass(frozen=True)
class File:
    """A Locust file, and how the session ends."""

    text: str
    code: ExitCode
    says: str


FILES = {
    "syntax": File(f"def (:\n{USERS}", ExitCode.BAD_YAML, "load.py is no Python: line 1"),
    "module": File(
        f"{USERS}import nowhere_at_all\n", ExitCode.NO_STACK,
        "load.py:9: there is no module nowhere_at_all: name its package in a requirements.txt",
    ),
    "exits": File(
        f"{USERS}raise SystemExit(3)\n", ExitCode.NO_STACK,
        "load.py:9: it ends the program as it is imported: sys.exit(3)",
    ),
    "task exits": File(
        USERS.replace(ASKS, f"{ASKS}        raise SystemExit(3)\n"), ExitCode.SOME_FAILED,
        "load.py:6: task ask of Visitor ends the program: sys.exit(3)",
    ),
    "at once": File(
        USERS.replace(ASKS, "        pass\n").replace(WAITS, ""), ExitCode.SOME_FAILED,
        "load.py:5: task ask of Visitor returns at once, sends nothing, and its user does not wait",
    ),
    "busy": File(
        USERS.replace(ASKS, "        while True: pass\n"), ExitCode.SOME_FAILED,
        "load.py:8: ask has let nobody else run for 3 s: it holds up its users",
    ),
}  # fmt: skip


def ended(folder: Path, route: str, old: str, new: str) -> Done:
    """A session of a changed clubhouse, which leaves nothing behind."""
    target = folder / "clubhouse" / "target.yaml"
    text = target.read_text()
    assert text.count(old) == 1
    target.write_text(text.replace(old, new))
    (folder / "bad.yaml").write_text(EXPERIMENT.replace("ROUTE", route))
    before = machine()
    done = runner("bad.yaml", "--yes", "--no-calibrate", cwd=folder)
    assert machine().left_since(before) == {}
    assert "Traceback" not in done.out + done.err
    return done


def with_file(folder: Path, text: str) -> Done:
    """A session of clubhouse with this Locust file."""
    (folder / "clubhouse" / "load" / "load.py").write_text(text)
    return ended(folder, "locustfile", "sessions:", "locustfile: load/load.py\nsessions:")


@pytest.fixture
def club(tmp_path: Path) -> Path:
    """A folder with a clubhouse in it."""
    shutil.copytree(Path(__file__).with_name("clubhouse"), tmp_path / "clubhouse")
    (tmp_path / "clubhouse" / "load").mkdir()
    (tmp_path / "clubhouse" / "people.csv").write_text("name\nann\n")
    return tmp_path


def assert_one_line(done: Done, code: ExitCode, says: str) -> None:
    """What ends a command stands in standard error, what ends a trial where it is told."""
    told = done.err.splitlines()
    if code is ExitCode.SOME_FAILED:
        told = [line for line in done.out.splitlines() if line.startswith("[1/1] ")]
    assert (done.code, sum(says in line for line in told)) == (code, 1), done.out + done.err


@pytest.mark.parametrize("day", DAYS)
def test_what_users_lack_is_one_line(day: str, club: Path) -> None:
    asked = DAYS[day]
    done = ended(club, asked.route, asked.old, asked.new)
    assert_one_line(done, asked.code, asked.says)


@pytest.mark.parametrize("day", FILES)
def test_a_locust_file_that_cannot_go_on_is_one_line(day: str, club: Path) -> None:
    asked = FILES[day]
    done = with_file(club, asked.text)
    assert_one_line(done, asked.code, asked.says)


def test_threads_of_a_locust_file_end_with_its_load(club: Path) -> None:
    text = f"{FOREVER}{USERS.replace(ASKS, ASKS + THREAD)}"
    done = with_file(club, text)
    assert done.code in (ExitCode.OK, ExitCode.SOME_INVALID), done.out + done.err
    (attempt,) = only_session(club / "results").attempts()[-1:]
    load = attempt.manifest["load"]
    assert load["complete"]
    assert load["outcomes"].keys() == {"ok"}


LIBRARY = """\
Metadata-Version: 2.1
Name: club-paths
Version: 2.0
"""
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def test_a_locust_file_has_the_packages_of_its_requirements(club: Path) -> None:
    info = "club_paths-2.0.dist-info"
    (club / "lib").mkdir()
    with zipfile.ZipFile(club / "lib" / "club_paths-2.0-py3-none-any.whl", "w") as file:
        file.writestr("club_paths.py", "FIRST = '/articles/1/'\n")
        for name, content in (("METADATA", LIBRARY), ("WHEEL", WHEEL), ("RECORD", "")):
            file.writestr(f"{info}/{name}", content)
    (club / "clubhouse" / "load" / "requirements.txt").write_text(
        f"{club}/lib/club_paths-2.0-py3-none-any.whl\n"
    )
    text = f"import club_paths\n{USERS}".replace('"/articles/1/"', "club_paths.FIRST")
    done = with_file(club, text)
    assert done.code in (ExitCode.OK, ExitCode.SOME_INVALID), done.out + done.err
    assert "installing what the Locust file needs (requirements.txt)" in done.err
    (attempt,) = only_session(club / "results").attempts()[-1:]
    requests = read_json(attempt.path / "load" / "load.json")["locustfile"]["requests"]
    assert requests.keys() == {"GET /articles/1/"}
    assert requests["GET /articles/1/"]["finished"] > 0
