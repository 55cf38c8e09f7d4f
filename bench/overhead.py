"""The time trials take beyond their load, from a session's manifests.

.venv/bin/python bench/overhead.py [SESSION_FOLDER]     (default: the newest in results/)
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path


def overheads_s(session: Path) -> list[float]:
    """One figure for each finished attempt, in seconds."""
    found = []
    for manifest in sorted(session.glob("trials/*/attempt-*/manifest.json")):
        record = json.loads(manifest.read_text())
        took_s = record["spans"][-1]["end_s"] - record["spans"][0]["start_s"]
        found.append(took_s - record["load"]["duration_s"])
    return found


def main() -> None:
    """Prints the median and the range."""
    root = Path(__file__).resolve().parents[1]
    sessions = sorted(
        (root / "results").glob("*/*/session.json"), key=lambda path: path.parent.name
    )
    session = Path(sys.argv[1]) if sys.argv[1:] else sessions[-1].parent
    found = overheads_s(session)
    print(
        f"{session.name}: {len(found)} attempts, beyond their load: median "
        f"{statistics.median(found):.2f} s, {min(found):.2f} to {max(found):.2f} s"
    )


if __name__ == "__main__":
    main()
