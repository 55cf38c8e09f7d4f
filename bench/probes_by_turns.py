"""`runner.py`, except that its probes work only every other turn of a trial.

`probe_cost.py` runs it. The turns of a pair come in random order, from a fixed seed. What each
of them was stands in the attempt's `probes/turns.json`: whether it had probes, and from when to
when in session time. Observers on other machines are there all the time, and stopped for the turns
without probes. What CPU time they used per second of a turn with them stands in `probes/cpu.json`,
by node: the Postgres process that answers them counts with them.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig import attempt  # noqa: E402
from rig.backends import observers  # noqa: E402
from rig.backends.base import ProcessHandle  # noqa: E402
from rig.backends.parallel import in_parallel  # noqa: E402
from rig.backends.roles import Roles  # noqa: E402
from rig.backends.specs import CLOCK_PORT  # noqa: E402
from rig.clock import ClockOffset  # noqa: E402
from rig.endpoints import Endpoints  # noqa: E402
from rig.model import Link, Role  # noqa: E402
from rig.probes import OnSample, sampling, to_nobody  # noqa: E402
from rig.probes.clock import SessionClock  # noqa: E402
from runner import ANALYSIS, make_cli  # noqa: E402

TURN_S = 6.0
MOST_TURNS = 400
TURNS, CPU = "turns.json", "cpu.json"
USED = """\
import os, pathlib, sys
pid, address = sys.argv[1:]
ticks = 0
for path in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        told = (path / "cmdline").read_text(errors="replace")
        if path.name == pid or told.startswith("postgres: postgres ") and address in told:
            ticks += sum(map(int, (path / "stat").read_text().rpartition(")")[2].split()[11:13]))
    except OSError:
        continue
print(ticks / os.sysconf("SC_CLK_TCK"))
"""
"""Run in an observer's container, which sees all processes of its machine."""

Turn = tuple[bool, float, float]


class Elsewhere:
    """The observers on other machines of the trial that runs."""

    def __init__(self) -> None:
        self._processes: Sequence[ProcessHandle] = ()
        self._lock = threading.Lock()
        self.clock = ClockOffset()
        """This machine's, as the load master sees it."""
        self.cpu_share: dict[str, float] = {}
        """Of a CPU, what they used while they worked, by node."""
        self._on, self._since_s, self._worked_s = True, 0.0, 0.0

    @contextmanager
    def beside(self, roles: Roles) -> Iterator[None]:
        """Stands in for `rig.backends.observers.beside`."""
        with BESIDE(roles):
            observing = [one.process for one in roles.of(Role.OBSERVER)]
            if observing:
                asking = SessionClock(self._master(roles), "")
                self.clock = asking.first
                asking.close()
            before_s = self._used_s(roles)
            with self._lock:
                self._processes = observing
                self._turn(self._on)
                self._worked_s = 0.0
            try:
                yield
            finally:
                with self._lock:
                    self._turn(True)
                    self._processes, worked_s = (), self._worked_s
                after_s = self._used_s(roles)
                self.cpu_share = {
                    node: (after_s[node] - before_s[node]) / worked_s for node in after_s
                }

    @staticmethod
    def _master(roles: Roles) -> tuple[str, int]:
        """Where the load master tells the time."""
        return roles._hosts.reach(Role.LOAD_MASTER, CLOCK_PORT)

    @staticmethod
    def _used_s(roles: Roles) -> dict[str, float]:
        found = {}
        for index, one in enumerate(roles.of(Role.OBSERVER)):
            hosts = roles._hosts
            node, name = hosts._node(Role.OBSERVER, index), hosts._name(Role.OBSERVER, index)
            asking = ("python", "-c", USED, str(one.process.pid), node.address(Link.DATA))
            found[node.name] = float(node.engine.docker("exec", name, *asking))
        return found

    def let_work(self, on: bool) -> None:
        """Lets them go on, or stops them."""
        with self._lock:
            self._turn(on)

    def _turn(self, on: bool) -> None:
        now_s = time.monotonic()
        self._worked_s += (now_s - self._since_s) * self._on
        self._on, self._since_s = on, now_s
        number = signal.SIGCONT if on else signal.SIGSTOP
        in_parallel(lambda process: process.signal(number), self._processes)


BESIDE = observers.beside
ELSEWHERE = Elsewhere()


def _take_turns(
    look: Callable[[], Endpoints], folder: Path, stop: threading.Event, turns: list[Turn]
) -> None:
    drawn = random.Random(1)
    pair: list[bool] = []
    while not stop.is_set() and len(turns) < MOST_TURNS:
        pair = pair or drawn.sample([True, False], 2)
        on = pair.pop()
        begun_s = time.monotonic()
        ELSEWHERE.let_work(on)
        if on:
            with sampling(look, folder / f"turn-{len(turns)}"):
                stop.wait(TURN_S)
        else:
            stop.wait(TURN_S)
        turns.append((on, begun_s, time.monotonic()))


@contextmanager
def by_turns(
    look: Callable[[], Endpoints], folder: Path, _on_sample: OnSample = to_nobody
) -> Iterator[None]:
    """Stands in for `rig.probes.sampling`."""
    folder.mkdir(parents=True)
    stop, turns = threading.Event(), list[Turn]()
    thread = threading.Thread(target=_take_turns, args=(look, folder, stop, turns), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        session_s = ELSEWHERE.clock.session_s
        told = [(on, session_s(begun_s), session_s(ended_s)) for on, begun_s, ended_s in turns]
        (folder / TURNS).write_text(json.dumps(told))
        (folder / CPU).write_text(json.dumps(ELSEWHERE.cpu_share))


if __name__ == "__main__":
    attempt.sampling = by_turns
    observers.beside = ELSEWHERE.beside
    sys.exit(make_cli(ANALYSIS)())
