"""Somebody's own Locust file on the rig's load processes, beside Locust itself, and on bad days."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.loopback import ROOT, Closed, Users, run, spec
from rig.config import read_targets
from rig.disk.hdr import route_of
from rig.disk.histograms import read_lines
from rig.load.spec import LoadSpec
from rig.load.users_file import UsersFile
from rig.record import load_from_json
from tests.pipeline.serving import Serving, free_port
from tests.runs import only_session, read_csv
from tests.shares import every
from tests.warm import runner

HERE = Path(__file__).parent / "locustfiles"
PAGE = ROOT / "docs" / "from-a-locustfile.md"


class Server(Serving):
    """Answers JSON, and 500 below /fail/; counts what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if length := re.search(rb"content-length: *(\d+)", head.lower()):
                await reader.readexactly(int(length[1]))
            method, path, _ = head.decode().split(" ", 2)
            self.seen[f"{method} {path}"] += 1
            await asyncio.sleep(0.005)
            status = b"500 No" if path.startswith("/fail/") else b"200 OK"
            writer.write(
                b"HTTP/1.1 " + status + b"\r\nContent-Length: 13\r\n\r\n" + b'{"price": 12}'
            )


def load_of(port: int, file: Path, users: int, steady_s: float = 3.0, **more: Any) -> LoadSpec:
    """A load of that many users, of whom none comes later."""
    users_file = UsersFile(str(file), file.name, **more)
    return spec(
        port, free_port(), Closed(Users(users, 1, users)), steady_s=steady_s, load_workers=1,
        route="locustfile", requests=(), users_file=users_file,
    )  # fmt: skip


TAGS: dict[str, Any] = {"exclude_tags": ("never",)}
COUNTED = {
    "POST /login/": (2, 0),
    "GET /items/7/?full=1,2": (2, 2),
    "GET /fail/": (2, 2),
    "GET /forgiven/": (2, 0),
    "GET /items/[id]/": (3, 0),
    "own event": (1, 0),
    "GET /cheap/": (4, 0),
}
"""Requests and failures by name, of Locust and of the rig."""
BROKEN = {"GET /broken/": (2, 2)}
"""Locust does not count what a task breaks off in the middle of."""


def locust_alone(server: Server, folder: Path, all_of_it: int) -> None:
    """Locust itself, headless, until the server has seen all that the file's users send."""
    command = [
        *(sys.executable, "-m", "locust", "-f", str(HERE / "counted.py"), "--headless"),
        *("-u", "4", "-r", "4", "-t", "90s", "--host", f"http://127.0.0.1:{server.port}"),
        # its CSV files are written now and then, this one at its end
        *("--exclude-tags", "never", "--only-summary", "--json-file", str(folder / "alone")),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "locust.log").open("wb") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        give_up_s = time.monotonic() + 60
        while server.seen.total() < all_of_it and time.monotonic() < give_up_s:
            time.sleep(0.05)
        time.sleep(0.5)  # the last answers
        started.terminate()
        started.wait(30)


def counts_of(stats: Path) -> dict[str, tuple[int, int]]:
    """Requests and failures by method and name, as a table of Locust's has them."""
    return {
        f"{row['Type']} {row['Name']}": (int(row["Request Count"]), int(row["Failure Count"]))
        for row in read_csv(stats)
        if row["Name"] != "Aggregated"
    }


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], Counter[str]]:
    """The folder of a load of `counted.py`, its load.json, and what the server saw."""
    server, folder = Server(), tmp_path_factory.mktemp("counted") / "run"
    with server:
        said, _ = run(load_of(server.port, HERE / "counted.py", 4, 5.0, **TAGS), folder)
    return folder / "master", dict(said), server.seen


def test_it_counts_by_name_what_locust_counts(counted: Any, tmp_path: Path) -> None:
    folder, said, seen = counted
    names = {
        name: (counts["finished"], counts["failed"])
        for name, counts in said["locustfile"]["requests"].items()
    }
    assert names == COUNTED | BROKEN
    assert said["started"] == said["finished"] == sum(count for count, _ in names.values())
    alone = Server()
    with alone:
        locust_alone(alone, tmp_path, all_of_it=seen.total())
    counts = json.loads((tmp_path / "alone.json").read_text())
    assert {
        f"{one['method']} {one['name']}": (one["num_requests"], one["num_failures"])
        for one in counts
    } == COUNTED
    assert counts_of(folder / "locust_stats.csv") == COUNTED
    # every request was sent once, by either
    assert seen == alone.seen
    assert seen.total() == said["finished"] - 1  # an event of the file's own is no request


def test_each_name_has_its_rows_and_its_times(counted: Any) -> None:
    folder, _, _ = counted
    rows: Counter[str] = Counter()
    for row in read_csv(folder / "completions.csv"):
        rows[row["route"]] += int(row["count"])
    timed: Counter[str] = Counter()
    for tag, _, counts in read_lines(folder / "latencies.hlog", lambda _: True):
        assert " " not in tag
        assert "," not in tag
        timed[route_of(tag)] += sum(count for _, count in counts)
    assert rows == timed == {name: count for name, (count, _) in (COUNTED | BROKEN).items()}


def test_it_says_what_of_the_file_is_not_used_and_what_its_tasks_raise(counted: Any) -> None:
    _, said, _ = counted
    found = load_from_json({**said, "load_workers_asked": 1}).locustfile
    assert found is not None
    assert sorted(found.user_classes) == ["Buyer", "Cheap", "Reader"]
    assert found.notes == ("counted.py: the host of Buyer is not used: the target is asked",)
    ((says, count),) = found.task_errors.items()
    assert (count, says.partition(".py:")[0]) == (2, "Buyer, counted")
    assert says.endswith("KeyError: 'nothing there'")


IDLE = """\
from locust import FastHttpUser, task

class Visitor(FastHttpUser):
    @task
    def busy(self):
        {task}
"""
AT_ONCE = """\
import sys
from locust import events
from locust.runners import MasterRunner

@events.init.add_listener
def stop(environment, **_):
    if isinstance(environment.runner, MasterRunner):
        sys.exit(3)

"""
SPOILING = {
    "idle": (IDLE.format(task="pass"), "bad.py:4: task busy of Visitor returns at once"),
    "master": (
        f"{AT_ONCE}{IDLE.format(task='self.client.get(str())')}",
        "bad.py:8: it ends its load master before the load is over (3)",
    ),
    "exit": (IDLE.format(task="raise SystemExit(3)"), "ends the program: sys.exit(3)"),
}


@pytest.mark.parametrize("day", every(2, SPOILING))
def test_a_file_that_spoils_the_load_ends_it_with_its_place(day: str, tmp_path: Path) -> None:
    text, says = SPOILING[day]
    assert says in ended(text, tmp_path, steady_s=20.0)


@pytest.mark.campaign
def test_a_task_that_holds_up_its_load_worker_ends_it(tmp_path: Path) -> None:
    says = ended(IDLE.format(task="while True: pass"), tmp_path, steady_s=20.0)
    assert says.startswith("bad.py:6: busy has let nobody else run for 3 s")


def ended(text: str, folder: Path, steady_s: float) -> str:
    """Why a load of this file came to no end of its own."""
    (folder / "bad.py").write_text(text)
    server = Server()
    # where a load worker left by itself, its master ends in order
    with server, contextlib.suppress(RuntimeError):
        run(load_of(server.port, folder / "bad.py", 2, steady_s), folder / "run")
    causes = [folder / "run" / who / "cause" for who in ("master", "worker-1")]
    return next(cause.read_text() for cause in causes if cause.exists())


TASK = "    @task\n    def ask(self): self.client.get('/')\n"
USER = f"from locust import HttpUser, tag, task\nclass Visitor(HttpUser):\n{TASK}"
THREAD = "threading.Thread(target=time.sleep, args=(99,)).start()\n"
OTHER = f"from locust import User, task\nclass Other(User):\n    weight = 0\n{TASK}"
SHAPE = "from locust import LoadTestShape\nclass Spike(LoadTestShape):\n    tick = None\n"
BAD_FILES = {
    "module": ("import nowhere_at_all\n", {}, "bad.py:1: there is no module nowhere_at_all"),
    "raises": ("\nx = 1 / 0\n", {}, "bad.py:2: ZeroDivisionError: division by zero"),
    "exits": ("import sys\nsys.exit(3)\n", {}, "bad.py:2: it ends the program as it is imported"),
    "syntax": ("def (:\n", {}, "bad.py:1: it is no Python: invalid syntax"),
    "nobody": ("x = 1\n", {}, "bad.py: there is no User class in it"),
    "no task": (USER.replace("@task", ""), {}, "bad.py: no user class in it has a task"),
    "tags": (
        USER.replace("    @task", "    @tag('a')\n    @task"),
        {"tags": ["b"]},
        "bad.py: tags b leave no task; it has the tags a",
    ),
    "weight": (
        USER.replace(TASK, f"    weight = 0\n{TASK}"), {},
        "bad.py: no user class in it has a weight above 0",
    ),
    "weights": (f"from visitors import Visitor\n{OTHER}", {}, ""),
    "class": (USER, {"user_classes": ["Buyer"]}, "bad.py: there is no user class Buyer, only"),
    "thread": (f"import threading, time\n{USER}{THREAD}", {}, ""),
    "shape": (f"from visitors import Visitor\n{SHAPE}", {}, ""),
}  # fmt: skip


LOOK = """
import dataclasses, json, sys
from rig.load.looking import look
from rig.load.users_file import UsersFile
print(json.dumps([dataclasses.asdict(look(UsersFile(**told))) for told in json.load(sys.stdin)]))
import os; sys.stdout.flush(); os._exit(0)
"""


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What is seen of each bad file; all in one process, for Locust takes its time to import."""
    files = []
    for text, more, _ in BAD_FILES.values():
        path = tmp_path_factory.mktemp("bad") / "bad.py"
        path.write_text(text)
        path.with_name("visitors.py").write_text(USER)
        files.append({"path": str(path), "name": "bad.py", **more})
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOOK], input=json.dumps(files), env=environment,
        timeout=60, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return dict(zip(BAD_FILES, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("day", BAD_FILES)
def test_a_file_that_cannot_run_is_one_line_with_its_place(day: str, looked_at: Any) -> None:
    says, seen = BAD_FILES[day][2], looked_at[day]
    assert seen["wrong"].startswith(says) if says else seen["wrong"] == ""
    assert "\n" not in seen["wrong"]
    assert seen["user_classes"] == ([] if says else ["Visitor"])


def test_a_load_shape_is_said_not_to_be_used(looked_at: Any) -> None:
    why = "how many users there are, the experiment's `load` says"
    assert looked_at["shape"]["notes"] == [f"bad.py: the load shape Spike is not used: {why}"]
    assert looked_at["thread"]["notes"] == []


def test_who_has_no_users_is_said(looked_at: Any) -> None:
    assert looked_at["weights"]["notes"] == ["bad.py: Other has a weight of 0, and no users"]


# the page


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_targets_of_the_page_have_their_files_as_routes(tmp_path: Path) -> None:
    targets = [text for text in blocks("yaml") if text.startswith("name: shop")]
    served = []
    for number, text in enumerate(targets):
        folder = tmp_path / str(number)
        (folder / "shop" / "load").mkdir(parents=True)
        (folder / "shop" / "load" / "locustfile.py").write_text(blocks("python")[0])
        (folder / "shop" / "target.yaml").write_text(text)
        (folder / "routes.yaml").write_text("{}")
        target = read_targets([folder], folder / "routes.yaml")["shop"]
        served.append(
            {name: one.tags or one.exclude_tags for name, one in target.locustfiles.items()}
        )
        assert all(target.routes_of(name) == () for name in target.locustfiles)
    assert served == [{"locustfile": ()}, {"readers": ("browse",), "buyers": ("browse",)}]


def test_the_file_of_the_page_runs(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(blocks("python")[0])
    server = Server()
    with server:
        load = load_of(server.port, tmp_path / "locustfile.py", 4)
        said, _ = run(load, tmp_path / "run")
    requests = said["locustfile"]["requests"]
    names = {"GET /items/[id]/", "GET /items/1/", "POST /orders/", "POST /login/"}
    assert requests.keys() == names
    assert requests["POST /login/"] == {"started": 1, "finished": 1, "failed": 0, "unfinished": 0}
    assert sum(one["started"] for one in requests.values()) == said["started"]
    assert sum(one["unfinished"] for one in requests.values()) == said["in_flight_at_stop"]
    # what nobody would count is not sent
    assert said["finished"] <= server.seen.total() <= said["started"]


# the command line

EXPERIMENT = """\
experiment: shoppers
setup: {target: shop}
vary: {route: [front, back]}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
SHOP = """\
name: shop
start: [serve]
routes: {front: {method: GET, path: /}, back: {method: GET, path: /back/}}
"""


def test_a_session_remembers_the_file_of_its_command_line(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "target.yaml").write_text(SHOP)
    (tmp_path / "x.yaml").write_text(EXPERIMENT)
    (tmp_path / "mine.py").write_text(USER)
    options = ("--locustfile", "mine.py", "--tags", "a,b", "--exclude-tags", "c d")
    begun = runner("x.yaml", "--backend", "fake", "--out", "out", *options, cwd=tmp_path)
    resumed = runner("resume", "--out", "out", cwd=tmp_path)
    assert (begun.code, resumed.code) == (0, 0), begun.err + resumed.err
    session = only_session(tmp_path / "out")
    told = json.loads((session.path / "session.json").read_text())["locustfile"]
    file = {"file": str(tmp_path / "mine.py"), "tags": ["a", "b"], "exclude_tags": ["c", "d"]}
    assert told == file
    (trial,) = read_csv(session.path / "schedule.csv")
    assert (trial["route"], trial["skip"]) == ("locustfile", "the fake backend runs no Locust file")
    alone = runner("x.yaml", "--backend", "fake", "--out", "out", "--tags", "a", cwd=tmp_path)
    assert (alone.code, "--locustfile" in alone.err) == (2, True)
