"""The time trials take beyond their load, from a session's manifests, and which phases take it.

.venv/bin/python bench/overhead.py [SESSION_FOLDER …]     (default: the newest in results/)
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOAD = "load"


def finished(sessions: Sequence[Path]) -> list[dict[str, Any]]:
    """The manifests of all attempts that came to the end of their load."""
    paths = [path for one in sessions for path in one.glob("trials/*/attempt-*/manifest.json")]
    records = [json.loads(path.read_text()) for path in sorted(paths)]
    return [record for record in records if record["verdict"] != "failed"]


def phases_s(record: dict[str, Any]) -> dict[str, float]:
    """Seconds of each phase of an attempt; of the load, what is beyond its own length."""
    found = {one["phase"]: one["end_s"] - one["start_s"] for one in record["spans"]}
    return {**found, LOAD: found[LOAD] - record["load"]["duration_s"]}


def beyond_s(record: dict[str, Any]) -> float:
    """Seconds of an attempt, without its load."""
    spans = record["spans"]
    return float(spans[-1]["end_s"] - spans[0]["start_s"] - record["load"]["duration_s"])


def main() -> None:
    """Prints the median and the range, then the median of each phase."""
    root = Path(__file__).resolve().parents[1]
    sessions = [Path(one) for one in sys.argv[1:]]
    if not sessions:
        every = (root / "results").glob("*/*/session.json")
        sessions = [max(every, key=lambda path: path.parent.name).parent]
    records = finished(sessions)
    found = [beyond_s(record) for record in records]
    print(
        f"{', '.join(one.name for one in sessions)}: {len(found)} attempts, beyond their load: "
        f"median {statistics.median(found):.2f} s, {min(found):.2f} to {max(found):.2f} s"
    )
    by_phase = [phases_s(record) for record in records]
    said = (
        f"{phase} {statistics.median(one[phase] for one in by_phase if phase in one):.2f} s"
        for phase in by_phase[0]
    )
    print(f"  medians: {', '.join(said)}")


if __name__ == "__main__":
    main()
