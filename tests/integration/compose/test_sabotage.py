"""The sabotage that applies to containers, once each: the same checks catch it there.

Not here: a restarted Postgres, as its container would begin with a new copy of the posts, and a hog
beside containers, which is the same process on the same CPU as beside the local backend; nor what
is said of a load worker that died, and that such a session verifies.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.integration import sabotage
from tests.integration.compose.containers import UnderWay, docker, running_services, under_way
from tests.integration.sabotage import EACH_TRIAL, Disturbed, assert_caught
from tests.integration.worlds import children
from tests.runs import Session, only_session, runner
from tests.shares import by_chance

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.either_backend,
    pytest.mark.compose,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may disturb what is not its own"),
]


def container(service: str) -> str:
    """The first container of a service that runs now."""
    return next(name for name, found in running_services().items() if found == service)


def in_the_app(script: str) -> None:
    """Runs a script in the app's container, with the rights of its entry point."""
    # where the container may write: all else is read-only
    lock = "XTABLES_LOCKFILE=/tmp/sabotage.lock"
    words = ("--user", "0", "--env", lock, container("django_async"), "sh", "-c", script)
    docker("exec", *words)


def _kill_a_load_worker(_: UnderWay) -> None:
    docker("kill", "--signal", "KILL", container("locust_worker"))


def _remove_the_delay(_: UnderWay) -> None:
    script = (
        "iptables-legacy -t mangle -F FORWARD; tc qdisc del dev eth0 root; "
        "tc qdisc del dev eth1 root; true"
    )
    in_the_app(f"({script}) 2>/dev/null")


def _make_the_delay_drop(_: UnderWay) -> None:
    script = (
        "if tc qdisc show | grep -q netem; then "
        "for d in eth0 eth1; do tc qdisc change dev $d root netem delay 60ms loss 100%; done; "
        "sleep 0.3; for d in eth0 eth1; do tc qdisc change dev $d root netem delay 60ms; done; "
        "else iptables-legacy -t mangle -I FORWARD 1 -j DROP; sleep 0.3; "
        "iptables-legacy -t mangle -D FORWARD 1; fi"
    )
    in_the_app(script)


def _restart_the_app_worker(_: UnderWay) -> None:
    form = "{{.State.Pid}}"
    entry = int(docker("inspect", "--format", form, container("django_async")))
    (arbiter,) = (pid for pid in children(entry) if _runs(pid, "gunicorn"))
    for pid in children(arbiter):
        os.kill(pid, 9)


def _runs(pid: int, word: str) -> bool:
    return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def _delete_rows(world: UnderWay) -> None:
    scratch = world.scratch()
    assert scratch is not None
    address, _, port = docker("port", container("postgres"), "5432/tcp").split()[0].rpartition(":")
    password = (scratch / "secrets" / "superuser").read_text().strip()
    with psycopg.connect(
        host=address, port=int(port), user="postgres", password=password, dbname="bench"
    ) as connection:
        connection.execute("DELETE FROM posts_post WHERE title IN ('Post 1', 'Post 2')")


@dataclass(frozen=True)
class Disturbance:
    name: str
    blamed: str
    cause: Callable[[UnderWay], None]


DISTURBANCES: Sequence[Disturbance] = by_chance((
    Disturbance("SIGKILL a load worker", "load_workers", _kill_a_load_worker),
    Disturbance("remove the delay", "delay", _remove_the_delay),
    Disturbance("make the delay drop", "delay", _make_the_delay_drop),
    Disturbance("restart the app worker", "nothing_happened", _restart_the_app_worker),
    Disturbance("delete rows", "ledger", _delete_rows),
), always=1)  # fmt: skip
NAMES = [disturbance.name for disturbance in DISTURBANCES]


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    """A session that suffers a disturbance in each of its first attempts."""
    folder = tmp_path_factory.mktemp("disturbed")
    # and one that stays undisturbed: a busy machine has all its attempts to pass
    trials = range(len(DISTURBANCES) + EACH_TRIAL)
    (folder / "x.yaml").write_text(sabotage.experiment(trials, EACH_TRIAL))
    with under_way(
        "x.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=folder
    ) as world:
        for number, disturbance in enumerate(DISTURBANCES):
            sabotage.reaches_window(
                world, *divmod(number, EACH_TRIAL),
                lambda: [found] if (found := world.scratch()) else [],
                "trial-*/load_master/out/progress.jsonl",
            )  # fmt: skip
            disturbance.cause(world)
        done = world.ends(240)
    # the first trial has no other attempts than these, unless fewer are tried
    codes = (4,) if len(DISTURBANCES) >= EACH_TRIAL else (0, 4)
    assert done.code in codes, done.out + done.err
    return Disturbed(only_session(folder / "results").path, done.out)


@pytest.mark.parametrize("number", range(len(DISTURBANCES)), ids=NAMES)
def test_a_disturbance_is_caught_by_the_right_check(disturbed: Disturbed, number: int) -> None:
    assert_caught(disturbed, number, DISTURBANCES[number].blamed)


def test_the_same_undisturbed_passes(disturbed: Session) -> None:
    last = disturbed.attempts()[-1].manifest
    assert last["verdict"] == "valid", last["why"]


HERE = ("async", "short", *by_chance(("hidden", "swallow")))


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session of targets that are wrong from the start, and of those they were made from."""
    folder = tmp_path_factory.mktemp("targets")
    sabotage.make_targets(folder)
    yaml = sabotage.TARGETS.replace("[async, hidden, short, swallow]", f"[{', '.join(HERE)}]")
    (folder / "x.yaml").write_text(yaml)
    done = runner("x.yaml", "--backend", "compose", "--yes", "--no-calibrate", cwd=folder)
    assert done.code == 4, done.out + done.err
    return only_session(folder / "results")


@pytest.mark.parametrize("target", HERE)
def test_a_sabotaged_target_is_caught_by_the_right_check(targets: Session, target: str) -> None:
    (trial,) = (row["trial"] for row in targets.rows("schedule.csv") if row["target"] == target)
    (*_, last) = (a for a in targets.attempts() if a.path.parent.name == trial)
    failed = [check["name"] for check in last.manifest["checks"] if check["status"] == "fail"]
    blamed = sabotage.BLAMED[target]
    assert blamed in failed if blamed else not failed, last.manifest["why"]


def test_a_timeout_of_one_side_costs_the_comparison_its_label(targets: Session) -> None:
    (row,) = targets.rows("derived/comparisons.csv")
    assert row["verdict"] == "different"
    assert "app.timeout_s" in row["undeclared"]
