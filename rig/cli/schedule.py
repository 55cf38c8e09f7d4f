"""What `runner.py plan` prints: the schedule, the hours, one resolved plan. Pure."""

from __future__ import annotations

import json

from rig.cli.watch import OVERHEAD_GUESS_S, clock
from rig.design import RandomBlocks
from rig.plan import Trial


def plan_text(design: RandomBlocks) -> str:
    """The whole design as text; nothing is started for it."""
    trials: list[Trial] = []
    while block := design.next_block(trials, []):
        trials += block
    lines = [_line(trial) for trial in trials]
    running = [trial for trial in trials if not trial.skip]
    takes_s = sum(trial.plan.load.duration_s + OVERHEAD_GUESS_S for trial in running)
    lines += [
        "",
        f"{len(running)} trials to run, {len(trials) - len(running)} skipped: "
        f"about {clock(takes_s)}",
    ]
    if running:
        plan = json.dumps(running[0].plan.to_json(), indent=1)
        lines += ["", f"the plan of {running[0].name}, resolved:", plan]
    return "\n".join(lines)


def _line(trial: Trial) -> str:
    said = f"  skipped: {trial.skip}" if trial.skip else ""
    why = f"  ({trial.cell.because})" if trial.cell.because else ""
    return f"{trial.name}{said}{why}"
