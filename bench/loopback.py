"""Runs the real load master and load workers on 127.0.0.1 against a server of one's own.

What the benches of the recorder share. Not for trials: nothing is delayed, pinned or checked.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from rig.load.http.asked import RouteRequest
from rig.load.shape import Arrivals, Closed, Open, Users
from rig.load.spec import LoadSpec

ROOT = Path(__file__).resolve().parents[1]
HERE = "127.0.0.1"
DEADLINE_S, ENDS_WITHIN_S = 60.0, 3.0


def spec(port: int, control_port: int, model: Closed | Open, **changes: Any) -> LoadSpec:
    """A load on `GET /` of a server at this port."""
    plain: dict[str, Any] = {
        "target_url": f"http://{HERE}:{port}",
        "route": "root",
        "model": model,
        "steady_s": 10.0,
        "timeout_s": 60.0,
        "load_workers": 2,
        "master_address": HERE,
        "master_port": control_port,
    }
    asked = {"method": "GET", "path": "/"}
    for name in [field.name for field in fields(RouteRequest) if field.name in changes]:
        asked[name] = changes.pop(name)
    request = RouteRequest(**{"route": changes.get("route", "root"), **asked})
    return LoadSpec(**{**plain, "requests": (request,), **changes})


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this Python, ended when the block is left."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'bench'}"},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for(path: Path, deadline_s: float, alive: subprocess.Popen[bytes]) -> Any:
    """The JSON in a file, once it is there; RuntimeError if a process ends before."""
    give_up_s = time.monotonic() + deadline_s
    while not (path.exists() and path.stat().st_size):  # one that is there may not be written yet
        if alive.poll() is not None:
            raise RuntimeError(f"a process ended early; see the logs in {path.parents[1]}")
        if time.monotonic() > give_up_s:
            raise RuntimeError(f"no {path.name} within {deadline_s:g} s in {path.parent}")
        time.sleep(0.05)
    return json.loads(path.read_text())


def run(
    load: LoadSpec, folder: Path, worker: Sequence[str] = ("-m", "locust_worker")
) -> tuple[Mapping[str, Any], float]:
    """One load; its files are in `folder/master` afterwards.

    Gives load.json, and the CPU seconds that the load workers used from its start to its end.
    """
    folder.mkdir(parents=True)
    out, spec_file = folder / "master", folder / "spec.json"
    out.mkdir()
    spec_file.write_text(json.dumps(load.to_json()))
    master = ["-m", "locust_master", str(spec_file), str(out)]
    with ExitStack() as exits:
        leads = exits.enter_context(process(master, folder / "master.log"))
        workers = []
        for number in range(1, load.load_workers + 1):
            own = folder / f"worker-{number}"
            own.mkdir()
            command = [*worker, str(spec_file), str(own)]
            log = folder / f"worker-{number}.log"
            workers.append(exits.enter_context(process(command, log)))
        exits.callback(_terminate_all, [leads, *workers])  # none is waited for before
        wait_for(out / "ready.json", DEADLINE_S, leads)
        before_s = sum(cpu_s(worker.pid) for worker in workers)
        leads.send_signal(signal.SIGUSR1)
        if load.session is not None:
            wait_for(out / "gathered.json", load.gathering_deadline_s + DEADLINE_S, leads)
            leads.send_signal(signal.SIGUSR1)
        said = wait_for(out / "load.json", load.duration_s + DEADLINE_S, leads)
        used_s = sum(cpu_s(worker.pid) for worker in workers) - before_s
        leads.wait(DEADLINE_S)
    return dict(said), used_s


def _terminate_all(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for one in started:
        one.terminate()


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def off_the_target() -> None:
    """What a load worker has in a trial: no CPU of the target's, and priority where it may."""
    cpus = os.sched_getaffinity(0)
    _first(0, cpus - {max(cpus)} or cpus)


def _first(pid: int, cpus: Collection[int]) -> None:
    """It keeps to these CPUs, and goes before all ordinary processes where this user may."""
    from rig.backends.local.hosts import REAL_TIME  # and with it much that no load worker has

    os.sched_setaffinity(pid, cpus)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(REAL_TIME))


@contextmanager
def server(
    port: int, distribution: str, folder: Path, cpus: Collection[int] = ()
) -> Iterator[Path]:
    """A `slept_server`; gives the file that it writes its truth to when the block is left.

    `cpus`: where it runs, and before all others; empty for anywhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = folder / "truth.json"
    command = [str(ROOT / "bench" / "slept_server.py"), str(port), distribution, str(truth)]
    with process(command, folder / "server.log") as serves:
        wait_for(truth.with_suffix(".ready"), DEADLINE_S, serves)
        if cpus:
            _first(serves.pid, cpus)
        yield truth


__all__ = ["Arrivals", "Closed", "Open", "Users", "run", "server", "spec"]
