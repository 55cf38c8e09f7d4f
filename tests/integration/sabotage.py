"""Causes failures on a running local session, for real: what each is, how, and who must notice.

Disturbances are done from outside, in the middle of an attempt's steady window. Of the last trial
an attempt stays undisturbed. Sabotaged targets are wrong from the start.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rig.session import RETRIES
from tests.integration.worlds import Running, children, scratch_folders, wait_for
from tests.runs import ROOT, Attempt, Session

EACH_TRIAL = 1 + RETRIES
"""Attempts that the rig makes at a trial which stays invalid."""
RAMP_S, STEADY_S = 2, 7
EXPERIMENT = f"""\
experiment: sabotage
setup: {{target: async, route: io_create, delay_ms: 60, connections: pool}}
vary: {{app_workers: [1]}}
load: {{users: {{from: 10, per_s: 10, to: 30}}, steady: {STEADY_S}s, load_workers: 2}}
data: {{posts: 1000, cpu_n: 1000}}
"""
DEADLINE_S = 20
SEARCH_PATH = f"{ROOT / '.tools' / 'bin'}:/usr/sbin:/sbin:{os.environ.get('PATH', '')}"


@dataclass(frozen=True)
class Disturbance:
    """One failure: its name, the check that must fail, and how it is caused."""

    name: str
    blamed: str
    cause: Callable[[Running], None]


def _kill_a_load_worker(world: Running) -> None:
    os.kill(world.pids("locust_worker")[0], 9)


def _hog_the_generator(world: Running) -> None:
    """A busy loop that goes before every other process on the load workers' CPU, for 3 s.

    Of real-time priority, below the delay's own: a waking greenlet would be let in before others.
    """
    cpus = _cpus_of(world.pids("locust_worker")[0])
    loop = "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end: pass"
    words = ["chrt", "--fifo", "5", "taskset", "--cpu-list", cpus, sys.executable, "-c", loop]
    subprocess.run(words, check=True, timeout=DEADLINE_S)


def _remove_the_delay(world: Running) -> None:
    _in_the_app_s_network(
        world, "iptables-legacy -t mangle -F FORWARD; tc qdisc del dev front root; "
        "tc qdisc del dev data root; true",
    )  # fmt: skip


def _make_the_delay_drop(world: Running) -> None:
    """What comes to the delay in three tenths of a second; where netem delays, by netem itself."""
    _in_the_app_s_network(
        world, "if tc qdisc show dev data | grep -q netem; then "
        "tc qdisc change dev data root netem delay 60ms loss 100%; sleep 0.3; "
        "tc qdisc change dev data root netem delay 60ms; else "
        "iptables-legacy -t mangle -I FORWARD 1 -o data -j DROP; sleep 0.3; "
        "iptables-legacy -t mangle -D FORWARD 1; fi",
    )  # fmt: skip


def _restart_the_app_worker(world: Running) -> None:
    for pid in _app_workers(world):
        os.kill(pid, 9)


def _restart_postgres(world: Running) -> None:
    postmaster = _postmaster(world)
    program = Path(os.readlink(f"/proc/{postmaster}/exe"))
    words = Path(f"/proc/{postmaster}/cmdline").read_bytes().decode().split("\0")
    cluster = words[words.index("-D") + 1]
    owner = Path(cluster).stat()
    subprocess.run(
        ["nsenter", f"--target={postmaster}", "--net", "--mount", "--pid",
         f"--setgid={owner.st_gid}", f"--setuid={owner.st_uid}", "--",
         str(program.with_name("pg_ctl")), "restart", "-D", cluster, "-m", "fast", "-w"],
        check=True, timeout=DEADLINE_S, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _delete_rows(world: Running) -> None:
    """Three of the posts that were there before the load."""
    (scratch,) = scratch_folders() - world.before
    statement = (
        "import psycopg, sys; c = psycopg.connect(host='198.18.1.3', user='postgres', "
        "dbname='bench', password=open(sys.argv[1]).read().strip(), autocommit=True); "
        "c.execute(\"DELETE FROM posts_post WHERE title IN ('Post 1', 'Post 2', 'Post 3')\")"
    )
    subprocess.run(
        ["nsenter", f"--target={_runner(world)}", "--net", "--",
         sys.executable, "-c", statement, f"{scratch}/secrets/superuser"],
        check=True, timeout=DEADLINE_S, cwd="/",
    )  # fmt: skip


DISTURBANCES: Sequence[Disturbance] = (
    Disturbance("SIGKILL a load worker", "load_workers", _kill_a_load_worker),
    Disturbance("hog the generator's CPU", "generator", _hog_the_generator),
    Disturbance("remove the delay", "delay", _remove_the_delay),
    Disturbance("make the delay drop", "delay", _make_the_delay_drop),
    Disturbance("restart the app worker", "nothing_happened", _restart_the_app_worker),
    Disturbance("restart Postgres", "nothing_happened", _restart_postgres),
    Disturbance("delete rows", "ledger", _delete_rows),
)


def experiment(disturbances: Sized, each_trial: int) -> str:
    """One cell, as often as it takes where so many attempts of each trial are disturbed."""
    return f"{EXPERIMENT}design: {{repeats: {math.ceil(len(disturbances) / each_trial)}}}\n"


def disturb(world: Running, disturbances: Sequence[Disturbance], each_trial: int) -> None:
    """Causes one disturbance after the other, in so many attempts of each trial."""
    for number, disturbance in enumerate(disturbances):
        reaches_window(
            world, *divmod(number, each_trial),
            lambda: [Path(f) for f in scratch_folders() - world.before],
            "trial-*/load_master/progress.jsonl",
        )  # fmt: skip
        if not world.world:
            world.reaches_load()
        disturbance.cause(world)


@dataclass(frozen=True)
class Disturbed(Session):
    """A session that suffers a disturbance in each of its first attempts, and what it said."""

    out: str

    def suffering(self, number: int) -> Attempt:
        """The attempt that suffers the disturbance of this number."""
        trial, attempt = divmod(number, EACH_TRIAL)
        return self.attempt(self.rows("schedule.csv")[trial]["trial"], attempt + 1)


def statuses(attempt: Attempt) -> dict[str, str]:
    """What each check says of an attempt, by its name."""
    return {check["name"]: check["status"] for check in attempt.manifest["checks"]}


def assert_caught(disturbed: Disturbed, number: int, blamed: str) -> None:
    """The attempt is invalid, and the check that is there for it failed."""
    suffering = disturbed.suffering(number)
    assert suffering.manifest["verdict"] == "invalid"
    assert statuses(suffering)[blamed] == "fail", suffering.manifest["why"]


def assert_a_lost_load_worker_is_named(disturbed: Disturbed) -> None:
    """Of a session whose first disturbance is a load worker's end."""
    manifest = disturbed.suffering(0).manifest
    assert f"{manifest['trial']}: disturbed, so it is tried again" in disturbed.out
    assert disturbed.attempt(manifest["trial"], 2).manifest["load"]["finished"] > 0
    assert "load_workers: " in manifest["why"]
    assert "1 lost" in manifest["why"]
    assert manifest["why"] in disturbed.out
    assert manifest["load"]["load_workers_lost"] == 1
    assert len(manifest["load"]["load_worker_addresses"]) == 1
    checks = {check["name"]: check for check in manifest["checks"]}
    assert checks["load_workers"]["again"] is True


class Watched(Protocol):
    """A session under way, on whichever backend."""

    process: subprocess.Popen[str]

    @property
    def session(self) -> Session: ...


def reaches_window(
    watched: Watched, trial: int, attempt: int, scratch: Callable[[], Sequence[Path]], told: str
) -> None:
    """Waits for the steady window of an attempt at a trial; both count from 0.

    `told`: where the load master tells of its progress, below the session's scratch folders.
    """

    def steady() -> bool:
        assert watched.process.poll() is None, watched.process.communicate()
        with suppress(OSError, IndexError, ValueError, KeyError):
            began = watched.session.names("began")
            if len(set(began)) <= trial or began.count(began[-1]) <= attempt:
                return False
            for path in (found for folder in scratch() for found in folder.glob(told)):
                elapsed_s = json.loads(path.read_text().splitlines()[-1])["elapsed_s"]
                return bool(RAMP_S + 1 < elapsed_s < RAMP_S + STEADY_S - 2)
        return False

    wait_for(steady, f"the steady window of attempt {attempt} at trial {trial}", 240)


def _in_the_app_s_network(world: Running, script: str) -> None:
    subprocess.run(
        ["nsenter", f"--target={_app(world)}", "--net", "--", "sh", "-c", script],
        check=True, timeout=DEADLINE_S, cwd="/", stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": SEARCH_PATH, "XTABLES_LOCKFILE": "/tmp/xtables-sabotage.lock"},
    )  # fmt: skip


def _app(world: Running) -> int:
    """The app's first process: gunicorn's arbiter."""
    return world.pids("-m\0gunicorn\0")[0]


def _app_workers(world: Running) -> list[int]:
    return children(_app(world))


def _postmaster(world: Running) -> int:
    return next(pid for pid in world.pids("postgres") if _is_postmaster(pid))


def _is_postmaster(pid: int) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[0].endswith("/postgres") and "-D" in words


def _runner(world: Running) -> int:
    (unshare,) = children(world.process.pid)
    (inside,) = children(unshare)
    return inside


def _cpus_of(pid: int) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("Cpus_allowed_list:"):
            return line.split()[1]
    raise ValueError(pid)


# targets that are wrong from the start


_HIDDEN = """\
from django_async.settings import *
ROOT_URLCONF = "hidden_urls"
"""
_HIDDEN_URLS = """\
from django.urls import path
from django_async import access, views
from django_async.urls import urlpatterns as all_of_them

create = access.create

async def create_and_look(title, content):
    await access.read()
    return await create(title, content)

views.access.create = create_and_look
urlpatterns = all_of_them
"""
_SWALLOW = """\
from django_async.settings import *
ROOT_URLCONF = "swallow_urls"
"""
_SWALLOW_URLS = """\
import itertools
from django.http import StreamingHttpResponse
from django.urls import path
from django_async import views
from django_async.urls import urlpatterns as all_of_them

count = itertools.count(1)

async def nothing():
    raise ConnectionAbortedError
    yield b""

async def io_create(request):
    answer = await views.io_create(request)
    if next(count) % 10:
        return answer
    # the row is written; uvicorn closes the connection after the head
    length = {"Content-Length": str(len(answer.content))}
    return StreamingHttpResponse(nothing(), status=201, headers=length)

urlpatterns = [path("io_create", io_create), *all_of_them]
"""


TARGETS = """\
experiment: sabotaged-targets
setup: {route: io_create, delay_ms: 100, connections: pool}
vary: {target: [async, hidden, short, swallow]}
claim:
  says: The same thing is compared.
  ratio: {of: goodput_rps, target: [async, short]}
  at_least: 1
load: {users: {from: 10, per_s: 10, to: 20}, steady: 5s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""
BLAMED = {"async": "", "hidden": "ledger", "short": "", "swallow": "ledger"}
"""The check that must fail for each target; of `short` the comparison must complain."""


def make_targets(folder: Path) -> None:
    """Writes the sabotaged targets below a folder, each made from async: hidden, short, swallow."""
    _target(folder, "hidden", "", _HIDDEN, _HIDDEN_URLS)
    _target(folder, "short", "--timeout 30", "", "")
    _target(folder, "swallow", "", _SWALLOW, _SWALLOW_URLS)


def _target(folder: Path, name: str, options: str, settings: str, urls: str) -> None:
    own = folder / name
    own.mkdir()
    text = (ROOT / "django_async" / "target.yaml").read_text()
    text = text.replace("env:\n", f'env:\n  GUNICORN_CMD_ARGS: "{options}"\n')
    text = text.replace('"{stack}/..:', '"{folder}:{stack}/..:')
    text = text.replace("name: async\n", f"name: {name}\n")
    text = text.replace("../stack/posts", str(ROOT / "stack" / "posts"))
    if settings:
        text = text.replace("django_async.settings", f"{name}_settings")
        (own / f"{name}_settings.py").write_text(settings)
        (own / f"{name}_urls.py").write_text(urls)
    (own / "target.yaml").write_text(text)
