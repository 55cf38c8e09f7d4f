"""Does somebody's Locust file give the same on the rig as with Locust itself? Both in turns.

    .venv/bin/python -m bench.beside_locust [--locustfile FILE] [--turns 3] [--host URL]

The file runs unchanged, by Locust headless and by a real load master with one load worker, against
the same server: `any_site` on gunicorn, or another one (`--host`). `same_users` gives each user the
same chances and the same number of tasks in every turn, so that requests by name must be as many on
both sides, and as many as the server saw. Users come one by one: several at one instant wait for
each other, in either's load worker. The medians are held against each other as they were before
Locust rounded them: to whole ms below 100 ms, to two digits above. A name is judged from 20
requests on. The defaults take three minutes. Run it with nothing else beside it. Exit code 1: a
count differs, or a median by more than Locust rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from locust.stats import bucket_response_time

from bench.loopback import ROOT, Closed, Users, process, run, spec, wait_for
from rig.disk.hdr import route_of
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
from rig.load.users_file import UsersFile

PORT, CONTROL_PORT = 18_092, 15_592
SAME_USERS = ROOT / "bench" / "same_users.py"
SHOPPERS = ROOT / "bench" / "shoppers.py"
JUDGED_FROM, DEADLINE_S, SPARE_S = 20, 170.0, 3.0


@dataclass(frozen=True)
class Asked:
    """What is run on both sides."""

    file: Path
    host: str
    users: int
    per_s: float
    tasks: int

    def env(self, out: Path) -> dict[str, str]:
        """What `same_users` is told."""
        tasks = str(self.tasks)
        return {"SAME_FILE": str(self.file), "SAME_OUT": str(out), "SAME_TASKS": tasks}


@dataclass(frozen=True)
class Side:
    """What one turn came to."""

    counts: Mapping[str, tuple[int, int]]
    """Requests and failures by method and name."""
    seen: int | None
    """Requests that the server counted; None for another server."""
    notes: Sequence[str] = ()

    @property
    def requests(self) -> int:
        """All of them."""
        return sum(count for count, _ in self.counts.values())


def with_locust(asked: Asked, folder: Path) -> tuple[Side, Mapping[str, list[float]], float]:
    """A turn of Locust's own, its times in ms by name, and the seconds that it took."""
    folder.mkdir(parents=True)
    out = folder / "out.json"
    command = ["-m", "locust", "-f", str(SAME_USERS), "--headless", "--only-summary"]
    command += ["-u", str(asked.users), "-r", f"{asked.per_s:g}", "-t", f"{DEADLINE_S:g}s"]
    command += ["--host", asked.host, "--json-file", str(folder / "table")]
    began_s = time.monotonic()
    os.environ.update(asked.env(out))
    with process(command, folder / "locust.log") as loads:
        while (said := wait_for(out, DEADLINE_S, loads))["users"] < asked.users:
            if time.monotonic() > began_s + DEADLINE_S:
                raise SystemExit(f"only {said['users']} of {asked.users} users have ended")
            time.sleep(0.2)
        took_s = time.monotonic() - began_s
    table = json.loads((folder / "table.json").read_text())
    counts = {
        f"{one['method']} {one['name']}": (one["num_requests"], one["num_failures"])
        for one in table
    }
    return Side(counts, seen(asked)), said["times_ms"], took_s


def with_rig(
    asked: Asked, lasts_s: float, folder: Path
) -> tuple[Side, Mapping[str, Sequence[Counts]]]:
    """A turn of the rig's, and its times by name."""
    users = Users(max(1, round(asked.per_s)), asked.per_s, asked.users)
    steady_s = max(1.0, math.ceil(lasts_s - users.ramp_s))
    file = UsersFile(str(SAME_USERS), SAME_USERS.name, env=asked.env(folder / "out.json"))
    load = spec(
        PORT, CONTROL_PORT, Closed(users), steady_s=steady_s, load_workers=1, route="locustfile",
        requests=(), users_file=file, target_url=asked.host,
    )  # fmt: skip
    said, _ = run(load, folder)
    own = said["locustfile"]
    counts = {name: (one["started"], one["failed"]) for name, one in own["requests"].items()}
    notes = [
        *own["notes"],
        *(f"{count} times: {what}" for what, count in own["task_errors"].items()),
    ]
    if said["in_flight_at_stop"]:
        notes.append(f"{said['in_flight_at_stop']} requests had no answer when it ended")
    times: defaultdict[str, list[Counts]] = defaultdict(list)
    for tag, _, found in read_lines(folder / "master" / "latencies.hlog", lambda _: True):
        times[route_of(tag)].append(found)
    return Side(counts, seen(asked), notes), times


def seen(asked: Asked) -> int | None:
    """What the server has counted since it was last asked."""
    if asked.host != own_host():
        return None
    with urlopen(f"{asked.host}/truth/", timeout=10) as answer:
        return Counter(json.load(answer)).total()


def own_host() -> str:
    """Where this bench's server is."""
    return f"http://127.0.0.1:{PORT}"


@contextmanager
def served(folder: Path) -> Iterator[None]:
    """`any_site`, until the block is left."""
    folder.mkdir(parents=True)
    command = ["-m", "gunicorn", "--threads", "32", "--bind", f"127.0.0.1:{PORT}"]
    with process([*command, "bench.any_site:application"], folder / "server.log") as serves:
        give_up_s = time.monotonic() + 20
        while True:
            try:
                urlopen(f"{own_host()}/truth/", timeout=2).close()
                break
            except OSError:
                if serves.poll() is not None or time.monotonic() > give_up_s:
                    raise SystemExit((folder / "server.log").read_text()) from None
                time.sleep(0.1)
        yield


def rounding_ms(time_ms: float) -> float:
    """How far at most Locust's own number is from a time."""
    digits = 0 if time_ms < 100 else len(str(int(time_ms))) - 2
    return 0.5 * float(10**digits)


def median_line(
    name: str, turns_ms: Sequence[Sequence[float]], rig: Sequence[Counts]
) -> tuple[str, bool]:
    """Both medians of a name, and whether they are within Locust's rounding."""
    of_turns_ms = [statistics.median(times_ms) for times_ms in turns_ms]
    locust_ms = [time_ms for times_ms in turns_ms for time_ms in times_ms]
    exact_ms, rig_ms = statistics.median(locust_ms), percentile_us(histogram_of(rig), 50) / 1000
    most_ms, apart_ms = rounding_ms(exact_ms), abs(rig_ms - exact_ms)
    shown_ms, fine = bucket_response_time(exact_ms), apart_ms <= most_ms
    says = f"{name:36} {len(locust_ms):4} requests: Locust {exact_ms:6.1f} ms (shows {shown_ms}; "
    says += f"turns {min(of_turns_ms):.1f} to {max(of_turns_ms):.1f}), rig {rig_ms:6.1f}: "
    return f"{says}{apart_ms:.2f} apart of {most_ms:g}: {'yes' if fine else 'NO'}", fine


def count_lines(turn: int, locust: Side, rig: Side) -> Iterator[str]:
    """What differs between both sides of a turn; nothing where all is equal."""
    for name in sorted({*locust.counts, *rig.counts}):
        ours, theirs = rig.counts.get(name, (0, 0)), locust.counts.get(name, (0, 0))
        if ours != theirs:
            yield f"turn {turn}: {name}: Locust {theirs}, rig {ours} (requests, failures)  DIFFERS"
    for who, side in (("Locust", locust), ("the rig", rig)):
        if side.seen not in (None, side.requests):
            yield f"turn {turn}: {who} counts {side.requests}, the server saw {side.seen}  DIFFERS"


def compare(asked: Asked, turns: int, at: Path) -> bool:
    """Prints what the turns came to; whether all is equal."""
    locust_ms: defaultdict[str, list[list[float]]] = defaultdict(list)
    rig_times: defaultdict[str, list[Counts]] = defaultdict(list)
    fine, lasts_s = True, 0.0
    for turn in range(1, turns + 1):
        sides: dict[str, Side] = {}
        for who in ("locust", "rig") if turn % 2 else ("rig", "locust"):
            if who == "rig":
                sides[who], found = with_rig(asked, lasts_s + SPARE_S, at / f"rig-{turn}")
                for name, counts in found.items():
                    rig_times[name] += counts
            else:
                sides[who], times_ms, took_s = with_locust(asked, at / f"locust-{turn}")
                lasts_s = max(lasts_s, took_s)
                for name, some in times_ms.items():
                    locust_ms[name].append(some)
        wrong = list(count_lines(turn, sides["locust"], sides["rig"]))
        fine = fine and not wrong
        says = f"turn {turn}: {sides['locust'].requests} requests by Locust, "
        says += f"{sides['rig'].requests} by the rig, {len(sides['rig'].counts)} names"
        print(
            "\n".join([says, *wrong, *(f"  rig: {one}" for one in sides["rig"].notes)]), flush=True
        )
    for name in sorted(locust_ms):
        asked_for = sum(map(len, locust_ms[name]))
        if asked_for >= JUDGED_FROM and name in rig_times:
            says, close = median_line(name, locust_ms[name], rig_times[name])
            print(says)
            fine = fine and close
    return fine


def main() -> None:
    """Runs both in turns; exits with 1 where they differ."""
    asks = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asks.add_argument("--locustfile", type=Path, default=SHOPPERS)
    asks.add_argument("--host", default=own_host())
    asks.add_argument("--turns", type=int, default=3)
    asks.add_argument("--users", type=int, default=8)
    asks.add_argument("--per-s", type=float, default=1.0, help="users that come in a second")
    asks.add_argument("--tasks", type=int, default=16, help="tasks that each user does")
    said = asks.parse_args()
    asked = Asked(said.locustfile.resolve(), said.host, said.users, said.per_s, said.tasks)
    at = Path(tempfile.mkdtemp(prefix="beside-locust-"))
    if asked.host == own_host():
        with served(at / "server"):
            fine = compare(asked, said.turns, at)
    else:
        fine = compare(asked, said.turns, at)
    shutil.rmtree(at)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
