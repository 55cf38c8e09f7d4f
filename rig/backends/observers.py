"""Observers on other machines: up for the length of a load, and what they wrote made into one
attempt's `probes/`.

Each has told its times in session time, so that their lines are those of one observer. May not
know what any of them means.
"""

from __future__ import annotations

import contextlib
import csv
import json
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from rig.backends import said
from rig.backends.parallel import in_parallel
from rig.backends.roles import Roles
from rig.disk.files import read_text
from rig.endpoints import Endpoints
from rig.evidence.probes import COLUMNS, FAILED
from rig.model import Role

READY = "ready.json"
"""Of an observer's folder, once it has looked for the first time."""
END_DEADLINE_S = 15.0
MOST_BYTES = 64 << 20


def start(roles: Roles, seen: Sequence[Endpoints]) -> None:
    """Begins observers on other machines, one for what is to be seen on each. StackError."""
    for index, there in enumerate(seen):
        roles.start(Role.OBSERVER, there, index)


@contextlib.contextmanager
def beside(roles: Roles) -> Iterator[None]:
    """With those that were started: they have looked for the first time before, and look once more
    in the end, however that comes. StackError.
    """
    started = roles.of(Role.OBSERVER)
    for one in started:
        roles.wait_for_file(one, READY)
    processes = [one.process for one in started]
    try:
        yield
    finally:
        in_parallel(lambda process: process.signal(signal.SIGTERM), processes)
        for process in processes:
            if process.wait(END_DEADLINE_S) is None:
                process.kill()


def merge(outs: Sequence[Path], folder: Path) -> None:
    """Writes each probe's file, and why which of them failed; nothing without an observer.

    The lines of one probe stand in the order of their first column. DamagedFile, OSError.
    """
    if not outs:
        return
    folder.mkdir(parents=True, exist_ok=True)
    failed: dict[str, str] = {}
    for out in outs:
        why = (
            said.facts(out / FAILED, dict[str, str])
            if (out / FAILED).exists()
            else {out.name: "the observer did not come to its end"}
        )
        for name, reason in why.items():
            failed[name] = f"{failed[name]}; {reason}" if name in failed else reason
    for name, heading in COLUMNS.items():
        lines = [line for out in outs for line in _lines(out / f"{name}.csv", len(heading))]
        if lines:
            lines.sort(key=lambda line: float(line[0]))
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file, lineterminator="\n").writerows([heading, *lines])
    (folder / FAILED).write_text(json.dumps(failed), encoding="utf-8")


def _lines(path: Path, columns: int) -> list[list[str]]:
    """Without the heading, and without one that was cut off; none without the file."""
    if not path.exists():
        return []
    text = read_text(path, MOST_BYTES, follow=False)
    return [line for line in csv.reader(text.splitlines()) if len(line) == columns][1:]
