"""What only a kernel with netem can show, in a boot of it for each of two questions.

    $SECOND_KERNEL python -m tests.integration.second_kernel compared
    $SECOND_KERNEL python -m tests.integration.second_kernel trial

Runs as root inside that kernel. The first has both delay mechanisms side by side, and prints
{mechanism: result}: they are held against each other to 2 ms, so that nothing else may run. The
second is a whole trial of the rig, and prints {"trial": manifest, "said": what the rig said}.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from rig.backends.specs import PROJECT
from tests.integration.delay_lab import Case, observe

DELAY_MS = 200.0
CASES = {name: Case(name, DELAY_MS, replies=3) for name in ("netem", "nfqueue")}
YAML = Path(__file__).with_suffix(".yaml")
# The rig's scratch folder in memory: a guest's disk is slow. A seeded cluster may be kept already.
RUN = """
mount -t tmpfs tests /var/tmp
"$@" --no-calibrate --backend local --out /var/tmp/results --yes >&2 &
# its tables and its figure are of no interest, and take long here
until grep -qs '"verdict": "valid"' /var/tmp/results/*/*/journal.jsonl || ! kill -0 $!; do
    sleep 1
done
kill $! 2>/dev/null; wait
cat "$(ls -d /var/tmp/results/*/*/trials/*/attempt-* | tail -n 1)"/manifest.json
"""


def trial() -> dict[str, Any]:
    """Runs the experiment; its last attempt's manifest, empty where there is none."""
    rig = [sys.executable, str(PROJECT / "runner.py"), str(YAML)]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", RUN, "sh", *rig],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    manifest: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return {"trial": manifest, "said": done.stderr}


def compared() -> dict[str, Any]:
    """Both mechanisms between fresh hosts."""
    seen = zip(CASES, observe(list(CASES.values())), strict=True)
    return {name: dataclasses.asdict(result) for name, result in seen}


if __name__ == "__main__":
    print(json.dumps({"compared": compared, "trial": trial}[sys.argv[1]]()))
