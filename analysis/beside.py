"""What stands at a cell beside its measured goodput: an interval, and the predicted ceilings.

May not know how either is shown.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.calibration import stack_of, statements_of
from analysis.ceilings import Asked, CellCeilings, Cpu, cell_ceilings
from analysis.session import Session
from analysis.stats import median
from analysis.summary import CellResult
from analysis.trials import Result
from rig.inference import CONFIDENCE, t_quantile
from rig.record import Calibration

SERVING = ("app", "database", "pooler")
"""Roles whose CPU a request needs."""


@dataclass(frozen=True)
class Beside:
    """None where there are too few trials for an interval, or nothing to predict from."""

    low_rps: float | None = None
    high_rps: float | None = None
    predicted_rps: float | None = None


def beside_cells(
    cells: Sequence[CellResult], ceilings: Mapping[str, CellCeilings]
) -> Mapping[str, Beside]:
    """What stands beside each cell, by its id."""
    found = {}
    for cell in cells:
        low, high = interval([result.measures.goodput_rps for result in cell.valid])
        binding = ceilings[cell.cell].binding
        found[cell.cell] = Beside(low, high, binding.rps if binding else None)
    return found


def interval(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """A 95 % interval of trials' geometric mean, by Student's t on their logs.

    None below two trials: one trial says nothing of how much trials differ.
    """
    logs = [math.log(value) for value in values if value]
    if len(logs) < 2:
        return None, None
    mean = statistics.fmean(logs)
    reach = t_quantile(CONFIDENCE, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    reach = min(reach, 50.0)
    return math.exp(mean - reach), math.exp(mean + reach)


def ceilings_of(
    session: Session, cells: Sequence[CellResult], calibration: Calibration | None
) -> Mapping[str, CellCeilings]:
    """The ceilings of each cell, by its id."""
    null_rps = calibration.null_rps if calibration else None
    found = {}
    for cell in cells:
        goodput = cell.row["goodput_rps"]
        measured = float(goodput) if isinstance(goodput, int | float) else None
        stack = stack_of(calibration, cell.levels)
        found[cell.cell] = cell_ceilings(
            _asked(session, cell), measured, stack, _cpu(cell.valid), null_rps
        )
    return found


def _asked(session: Session, cell: CellResult) -> Asked:
    load = session.load
    users = load.get("users")
    most = users.get("end_users") if isinstance(users, Mapping) else None
    closed = (load.get("model") or "closed") == "closed"
    trial = session.folder / "trials" / cell.results[0].scheduled.trial
    return Asked(
        cell.levels,
        int(most) if most and closed else None,
        float(load.get("think_time_s") or 0.0),
        statements_of(trial, str(cell.levels.get("route"))),
    )


def _cpu(valid: Sequence[Result]) -> Mapping[str, Cpu]:
    """CPU per success of the roles that serve, over a cell's valid trials."""
    found = {}
    for role in SERVING:
        spent = median(cpu_s_per_success(result, role) for result in valid)
        if spent is None:
            continue
        parallel = max(_cpus(result, role) for result in valid)
        workers = valid[0].scheduled.levels.get("app_workers")
        if role == "app" and isinstance(workers, int):
            # a Python process runs on one CPU at a time; Postgres has one for every connection
            parallel = min(parallel, workers)
        found[role] = Cpu(spent, parallel)
    return found


def cpu_s_per_success(result: Result, role: str) -> float | None:
    """CPU-seconds of a role per correct answer in the steady window; None where not probed."""
    use = result.record.probes.roles.get(role) if result.record else None
    if use is None or result.record is None or not result.measures.successes:
        return None
    window_s = result.record.load.duration_s - result.record.load.ramp_s
    return use.cpu_share_mean * window_s / result.measures.successes


def _cpus(result: Result, role: str) -> int:
    """How many CPUs a role may run on; 0 where nobody said."""
    facts: Mapping[str, Any] = result.record.facts if result.record else {}
    cpus = facts.get("cpus")
    own = cpus.get(role) if isinstance(cpus, Mapping) else None
    return len(own) if isinstance(own, list | tuple) else 0
