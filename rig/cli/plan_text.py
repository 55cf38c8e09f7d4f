"""What `runner.py plan` prints: schedule, hours, what can be decided, one resolved plan. Pure."""

from __future__ import annotations

import json

from rig.cli.power_text import power_lines
from rig.cli.watch import OVERHEAD_GUESS_S, clock
from rig.config import Matrix
from rig.design import Design
from rig.plan import Trial


def plan_text(matrix: Matrix, design: Design) -> str:
    """The whole design of a matrix as text; of one that adapts, its first block.

    Nothing is started for it.
    """
    trials: list[Trial] = []
    while block := design.next_block(trials, []):
        trials += block
        if design.adapts:
            break
    lines = [_line(trial) for trial in trials]
    running = [trial for trial in trials if not trial.skip]
    each_s = [trial.plan.load.duration_s + OVERHEAD_GUESS_S for trial in running]
    lines.append("")
    if design.adapts:
        most = design.most_trials - (len(trials) - len(running))
        most_s = most * max(each_s, default=0.0)
        lines.append(f"the first block; the design {design.adapts}: at most {clock(most_s)}")
    else:
        skipped = len(trials) - len(running)
        lines.append(f"{len(running)} trials to run, {skipped} skipped: about {clock(sum(each_s))}")
    lines += power_lines(matrix, [trial for trial in trials if trial.block == 1])
    if running:
        plan = json.dumps(running[0].plan.to_json(), indent=1)
        lines += ["", f"the plan of {running[0].name}, resolved:", plan]
    return "\n".join(lines)


def _line(trial: Trial) -> str:
    skipped = f"  skipped: {trial.skip}" if trial.skip else ""
    reason = f"  ({trial.cell.because})" if trial.cell.because else ""
    return f"{trial.name}{skipped}{reason}"
