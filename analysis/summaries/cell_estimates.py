"""What stands at a cell beside its measured goodput: an interval, and the predicted ceilings.

May not know how either is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.inference import geometric_mean_interval
from analysis.reading.session import Session
from analysis.summaries.ceilings import CellCeilings, CellPlan, Cpu, cell_ceilings
from analysis.summaries.cells import CellResult
from analysis.summaries.percentiles import median
from analysis.summaries.trials import TrialResult
from analysis.summaries.waiting import mean_s, target_of
from rig.calibration import Calibration


@dataclass(frozen=True)
class CellEstimate:
    """None where there are too few trials for an interval, or nothing to predict from."""

    low_rps: float | None = None
    high_rps: float | None = None
    predicted_rps: float | None = None


OWN_WAITS = "users, who wait as their Locust file says"


def estimate_cells(
    cells: Sequence[CellResult], ceilings: Mapping[str, CellCeilings]
) -> Mapping[str, CellEstimate]:
    """What stands beside each cell, by its id."""
    found = {}
    for cell in cells:
        low, high = geometric_mean_interval([result.measures.goodput_rps for result in cell.valid])
        binding = ceilings[cell.cell].binding
        found[cell.cell] = CellEstimate(low, high, binding.rps if binding else None)
    return found


def ceilings_of(
    session: Session, cells: Sequence[CellResult], calibration: Calibration | None
) -> Mapping[str, CellCeilings]:
    """The ceilings of each cell, by its id."""
    null_rps = calibration.null_rps if calibration else None
    found = {}
    for cell in cells:
        route = str(cell.levels.get("route"))
        stack = calibration.stack(cell.levels, route) if calibration else None
        measured_rps = cell.measures.goodput_rps
        if route in target_of(cell).get("locustfiles", {}):
            # how long its users wait nobody declared, so that no bound predicts
            found[cell.cell] = CellCeilings((), measured_rps, (OWN_WAITS,))
            continue
        found[cell.cell] = cell_ceilings(
            _plan(session, cell), measured_rps, stack, _cpu(cell.valid), null_rps
        )
    return found


def _plan(session: Session, cell: CellResult) -> CellPlan:
    target, route = target_of(cell), str(cell.levels.get("route"))
    mix = target.get("mixes", {}).get(route) or {}
    names = mix.get("routes", (route,))
    statements = [target.get("routes", {}).get(name, {}).get("statements") for name in names]
    return CellPlan(
        cell.levels,
        None if session.is_open else session.mean_users,
        mean_s(session, target, route),
        # of a mix only whether there are any is asked
        max(statements) if None not in statements else None,
        0 not in statements or not any(statements),
        cell.measures.offered_rps if session.is_open else None,
    )


def _cpu(valid: Sequence[TrialResult]) -> Mapping[str, Cpu]:
    """CPU per success over a cell's valid trials, by the roles that share CPUs, joined in words."""
    sharing: dict[tuple[int, ...], list[str]] = {}
    spent: dict[str, float] = {}
    for role in dict.fromkeys(r for one in valid for r in _roles(one)):
        cpu_s = median(cpu_s_per_success(result, role) for result in valid)
        first = valid[0].record
        cpus = first.cpus(role) if first else ()
        if cpu_s is not None and cpus:
            spent[role] = cpu_s
            sharing.setdefault(cpus, []).append(role)
    found = {}
    for cpus, roles in sharing.items():
        parallel = len(cpus)
        workers = valid[0].scheduled.levels.get("app_workers")
        if roles == ["app"] and isinstance(workers, int):
            # a Python process runs on one CPU at a time; Postgres has one for every connection
            parallel = min(parallel, workers)
        words = ", ".join(role.replace("_", " ") for role in roles)
        found[words] = Cpu(sum(spent[role] for role in roles), parallel)
    return found


def _roles(result: TrialResult) -> Sequence[str]:
    return tuple(result.record.probes.roles) if result.record else ()


def cpu_s_per_success(result: TrialResult, role: str) -> float | None:
    """CPU-seconds of a role per correct answer in the steady window; None where not probed."""
    use = result.record.probes.roles.get(role) if result.record else None
    if use is None or result.record is None or not result.measures.successes:
        return None
    window_s = result.record.load.duration_s - result.record.load.ramp_s
    return use.cpu_share_mean * window_s / result.measures.successes
