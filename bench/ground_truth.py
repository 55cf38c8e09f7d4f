"""Everything that is published, against simulations of which the truth is known.

.venv/bin/python -m bench.ground_truth [SHARE]

On all CPUs, some minutes. SHARE, 0 to 1, of the simulations for a quick look. Exits with 1 if a
promise is missed farther than its stated limit.

Not `statistics.py`: a script's own folder comes first on its path, so that would hide the
standard library's module from every bench here.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    # a process for each CPU: threads of numpy's would only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from bench.truth.conditions import Part
from bench.truth.running import Kept, Outcome, outcomes


def table(part: Part, found: Sequence[Outcome]) -> list[str]:
    """A line for each condition, and one above for what they are."""
    lines = [f"{part.name}: {part.shown}"]
    names, shown = (
        max(map(len, column))
        for column in zip(*((one.condition.name, one.figure.shown) for one in found), strict=True)
    )
    for one in found:
        condition, kept = one.condition, one.kept
        promised = condition.promise.words if condition.promise else ""
        why = f": {condition.limit.words}" if condition.limit and kept is Kept.LIMIT else ""
        line = (
            f"  {condition.name:<{names}}  {one.figure.shown:<{shown}}  {promised:<14}  {kept}{why}"
        )
        lines += [line.rstrip(), *(f"      {more}" for more in one.figure.more)]
    return lines


def main() -> int:
    """Prints every table; the exit code."""
    share = float(sys.argv[1]) if sys.argv[1:] else 1.0
    began_s = time.monotonic()
    counts: Counter[Kept] = Counter()
    for part, found in outcomes(share):
        print(*table(part, found), sep="\n", flush=True)
        counts.update(one.kept for one in found)
    said = ", ".join(f"{counts[kept]} {kept}" for kept in Kept if kept)
    print(f"promises: {said}; took {time.monotonic() - began_s:.0f} s on {os.cpu_count()} CPUs")
    return 1 if counts[Kept.NO] else 0


if __name__ == "__main__":
    sys.exit(main())
