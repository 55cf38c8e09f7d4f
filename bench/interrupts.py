"""Interrupts ten Compose sessions at ten different moments and counts what is left. Three minutes.

    .venv/bin/python bench/interrupts.py

Ctrl-C, SIGTERM, and SIGKILL followed by `clean`, in turn. Counted: containers, networks and volumes
that were not there before; the labelled cache of clusters was.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNS = 10
YAML = """\
experiment: interrupted
vary: {route: [io_create], target: [sync, async]}
load: {users: {from: 2, per_s: 2, to: 4}, steady: 20s}
data: {posts: 1_000, cpu_n: 1_000}
"""


def there() -> set[str]:
    """Every container, network and volume of the engine."""
    found = set()
    for listing in (["ps", "-aq"], ["network", "ls", "-q"], ["volume", "ls", "-q"]):
        said = subprocess.run(["docker", *listing], capture_output=True, text=True, check=True)
        found |= {f"{listing[0]} {name}" for name in said.stdout.split()}
    return found


def main() -> None:
    """A line a run, and the sum."""
    runner = [sys.executable, str(ROOT / "runner.py")]
    left_in_all = 0
    subprocess.run(
        ["docker", "volume", "create", "--label", "org.async-django-rig=cache",
         "async-django-rig-clusters"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    before = there()
    for run in range(RUNS):
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[run % 3]
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "x.yaml").write_text(YAML)
            command = [*runner, "x.yaml", "--backend", "compose", "--yes"]
            process = subprocess.Popen(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            after_s = 1.0 + 1.5 * run
            time.sleep(after_s)
            process.send_signal(number)
            code = process.wait(60)
        if number == signal.SIGKILL:
            subprocess.run([*runner, "clean"], check=True, stdout=subprocess.DEVNULL, timeout=120)
        left = there() - before
        left_in_all += len(left)
        print(f"{number.name} after {after_s:4.1f} s: exit {code}, left: {sorted(left) or 0}")
    print(f"{RUNS} interrupted runs left {left_in_all} containers, networks and volumes")


if __name__ == "__main__":
    main()
