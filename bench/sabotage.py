"""Ten sabotages, three times each: how many are caught, by the check that is there for it?

    .venv/bin/python -m bench.sabotage [ROUNDS]      (default 3; about 5 minutes a round; as root)

Seven disturbances in the middle of a trial, on the local backend, and three targets that are
wrong from the start. The same trials undisturbed are counted, too: those that did not become valid.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.integration import sabotage
from tests.integration.worlds import running
from tests.runs import Attempt, Session, command, only_session

DEADLINE_S = 300.0


def failed(attempt: Attempt) -> list[str]:
    """The checks that an attempt failed."""
    return [check["name"] for check in attempt.manifest["checks"] if check["status"] == "fail"]


def disturbances(folder: Path) -> tuple[int, int, int]:
    """(caught, caused, trials not valid when undisturbed)."""
    wanted = sabotage.DISTURBANCES
    (folder / "x.yaml").write_text(sabotage.experiment(wanted, each_trial=1))
    with running("x.yaml", "--backend", "local", "--yes", "--no-calibrate", cwd=folder) as world:
        sabotage.disturb(world, wanted, each_trial=1)
        world.ends(DEADLINE_S)
    session = only_session(folder / "results")
    caught = false_alarms = 0
    for row, disturbance in zip(session.rows("schedule.csv"), wanted, strict=True):
        attempts = attempts_of(session, row["trial"])
        ok = disturbance.blamed in failed(attempts[0])
        undisturbed = attempts[1:] or attempts[:1]
        alarms = [failed(one) for one in undisturbed if one.manifest["verdict"] != "valid"]
        caught += ok
        false_alarms += len(alarms)
        print(f"{'caught' if ok else 'MISSED'}  {disturbance.name}: {failed(attempts[0])}; "
              f"undisturbed {alarms or 'valid'}")  # fmt: skip
    return caught, len(wanted), false_alarms


def targets(folder: Path) -> tuple[int, int, int]:
    """The same for the targets that are wrong from the start."""
    sabotage.make_targets(folder)
    (folder / "x.yaml").write_text(sabotage.TARGETS)
    run = command("x.yaml", "--backend", "local", "--yes", "--no-calibrate")
    subprocess.run(run, cwd=folder, timeout=DEADLINE_S, check=False, capture_output=True)
    session = only_session(folder / "results")
    caught = caused = false_alarms = 0
    for row in session.rows("schedule.csv"):
        first, blamed = attempts_of(session, row["trial"])[0], sabotage.BLAMED[row["target"]]
        if blamed:
            caused += 1
            caught += blamed in failed(first)
        else:
            false_alarms += bool(failed(first))
        print(f"target {row['target']}: {failed(first) or 'valid'}")
    (pair,) = session.rows("derived/comparisons.csv")
    named = "app.timeout_s" in pair["undeclared"]
    print(f"target short, compared: {pair['verdict']} ({pair['undeclared']})")
    return caught + named, caused + 1, false_alarms


def attempts_of(session: Session, trial: str) -> list[Attempt]:
    """A trial's attempts, the first one first."""
    return [attempt for attempt in session.attempts() if attempt.path.parent.name == trial]


def main() -> None:
    """A line for each sabotage, and the sums."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    sums = [0, 0, 0]
    for number in range(1, rounds + 1):
        print(f"round {number}", flush=True)
        for part in (disturbances, targets):
            with tempfile.TemporaryDirectory() as folder:
                sums = [a + b for a, b in zip(sums, part(Path(folder)), strict=True)]
    print(json.dumps({"caught": sums[0], "caused": sums[1], "false alarms": sums[2]}))


if __name__ == "__main__":
    main()
