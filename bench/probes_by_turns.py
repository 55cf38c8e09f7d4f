"""`runner.py`, except that its probes work only every other turn of a trial.

`probe_cost.py` runs it. The turns of a pair come in random order, from a fixed seed. What each
of them was stands in the attempt's `probes/turns.json`: whether it had probes, and from when to
when on CLOCK_MONOTONIC.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from rig import attempt  # noqa: E402
from rig.endpoints import Endpoints  # noqa: E402
from rig.probes import sampling  # noqa: E402
from runner import ANALYSIS, make_cli  # noqa: E402

TURN_S = 4.0
MOST_TURNS = 400
TURNS = "turns.json"

Turn = tuple[bool, float, float]


def _take_turns(
    look: Callable[[], Endpoints], folder: Path, stop: threading.Event, turns: list[Turn]
) -> None:
    drawn = random.Random(1)
    pair: list[bool] = []
    while not stop.is_set() and len(turns) < MOST_TURNS:
        pair = pair or drawn.sample([True, False], 2)
        on = pair.pop()
        begun_s = time.monotonic()
        if on:
            with sampling(look, folder / f"turn-{len(turns)}"):
                stop.wait(TURN_S)
        else:
            stop.wait(TURN_S)
        turns.append((on, begun_s, time.monotonic()))


@contextmanager
def by_turns(look: Callable[[], Endpoints], folder: Path) -> Iterator[None]:
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
        (folder / TURNS).write_text(json.dumps(turns))


if __name__ == "__main__":
    attempt.sampling = by_turns
    sys.exit(make_cli(ANALYSIS)())
