"""What `runner.py plan` prints: schedule, hours, what can be decided, one resolved plan. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rig.cli.power_text import power_lines
from rig.cli.watch import clock, overhead_guess_s
from rig.config import Matrix
from rig.design import Design
from rig.plan import Trial


@dataclass(frozen=True)
class Planned:
    """What would be run."""

    trials: Sequence[Trial]
    """All of them; of a design that adapts, those of its first block."""
    adapts: str
    """By what it goes on after that, in words; empty of a design that does not."""
    most_trials: int
    """To run, skipped ones left out."""
    takes_s: float
    """About; of a design that adapts, at most."""
    decides: Sequence[str]
    """What repeats can decide of the claim, a line each."""

    @property
    def running(self) -> Sequence[Trial]:
        """The trials that are not skipped."""
        return [trial for trial in self.trials if not trial.skip]


def planned(matrix: Matrix, design: Design) -> Planned:
    """The design of a matrix. Nothing is started for it."""
    trials: list[Trial] = []
    while block := design.next_block(trials, []):
        trials += block
        if design.adapts:
            break
    plans = [trial.plan for trial in trials if not trial.skip]
    each_s = [plan.load.duration_s + overhead_guess_s(plan) for plan in plans]
    most, takes_s = len(each_s), sum(each_s)
    if design.adapts:
        most = design.most_trials - (len(trials) - len(each_s))
        takes_s = most * max(each_s, default=0.0) + design.longer_s
    decides = power_lines(matrix, [trial for trial in trials if trial.block == 1])
    return Planned(trials, design.adapts, most, takes_s, decides)


def plan_text(matrix: Matrix, design: Design) -> str:
    """The whole design of a matrix as text; of one that adapts, its first block."""
    found = planned(matrix, design)
    lines = [*map(_line, found.trials), ""]
    if found.adapts:
        lines.append(f"the first block; the design {found.adapts}: at most {clock(found.takes_s)}")
    else:
        running = len(found.running)
        skipped = len(found.trials) - running
        lines.append(f"{running} trials to run, {skipped} skipped: about {clock(found.takes_s)}")
    lines += found.decides
    if found.running:
        first = found.running[0]
        plan = json.dumps(first.plan.to_json(), indent=1)
        lines += ["", f"the plan of {first.name}, resolved:", plan]
    return "\n".join(lines)


def plan_json(matrix: Matrix, design: Design) -> Mapping[str, Any]:
    """The same for programs."""
    found = planned(matrix, design)
    return {
        "experiment": matrix.experiment,
        "profile": matrix.profile,
        "seed": matrix.seed,
        "trials": [_trial(trial) for trial in found.trials],
        "adapts": found.adapts or None,
        "most_trials": found.most_trials,
        "takes_s": found.takes_s,
        "decides": [line.strip() for line in found.decides],
        "first_plan": found.running[0].plan.to_json() if found.running else None,
    }


def _trial(trial: Trial) -> Mapping[str, Any]:
    return {
        "trial": trial.name,
        "block": trial.block,
        "replicate": trial.replicate,
        "cell": trial.cell.id,
        "levels": dict(trial.cell.levels),
        "skip": trial.skip or None,
        "because": trial.cell.because or None,
    }


def _line(trial: Trial) -> str:
    skipped = f"  skipped: {trial.skip}" if trial.skip else ""
    reason = f"  ({trial.cell.because})" if trial.cell.because else ""
    return f"{trial.name}{skipped}{reason}"
