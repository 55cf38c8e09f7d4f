"""How users wait between two requests: as their Locust file says, their mix, or else the load.

A target is its part of a trial's plan. May not know what waiting makes of the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.reading.attempts import plan_of
from analysis.reading.session import Session
from analysis.summaries.cells import CellResult
from rig.store.names import PLAN

OF_THEIR_FILE = "waits as the Locust file says"


def target_of(cell: CellResult) -> Mapping[str, Any]:
    """The target as a trial's plan has it; empty where no plan says."""
    for result in cell.results:
        if result.record is not None and result.folder is not None and PLAN not in result.damaged:
            return plan_of(result.folder.parent, result.record).get("target") or {}
    return {}


def mean_s(session: Session, target: Mapping[str, Any], route: str) -> float:
    """How long the rig's own users think on average."""
    think = _of_mix(target, route)
    if not think:
        return float(session.load["think_time_s"])
    least_s, most_s = float(think["least_s"]), float(think["most_s"])
    return (least_s + most_s) / 2 if think["distribution"] == "uniform" else least_s


def words(session: Session, cells: Sequence[CellResult]) -> str:
    """All the ways of these cells: `no think time or think time 1 to 5 s`."""
    asked = ((target_of(cell), str(cell.levels.get("route"))) for cell in cells)
    found = dict.fromkeys(words_of(session, target, route) for target, route in asked if target)
    return " or ".join(found) or words_of(session, {}, "")


def words_of(session: Session, target: Mapping[str, Any], route: str) -> str:
    """One way: `think time 3 s on average`."""
    if route in target.get("locustfiles", {}):
        return OF_THEIR_FILE
    think, mean = _of_mix(target, route), mean_s(session, target, route)
    if not mean:
        return "no think time"
    if think.get("distribution") == "uniform":
        return f"think time {think['least_s']:g} to {think['most_s']:g} s"
    on_average = " on average" * (think.get("distribution") == "exponential")
    return f"think time {mean:g} s{on_average}"


def _of_mix(target: Mapping[str, Any], route: str) -> Mapping[str, Any]:
    mix = target.get("mixes", {}).get(route) or {}
    return mix.get("think") or {}
