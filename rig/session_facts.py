"""What `session.json` says of a session: all that reading it later needs. Pure, but for the clock.

May not know how a session runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.backends.base import Backend
from rig.config import (
    AnyDesign,
    Capacity,
    Matrix,
    Only,
    Repeats,
    Search,
    Until,
    cells,
    filter_cells,
)
from rig.design import varied
from rig.factors import FACTORS, label_of
from rig.factors.servers import OWN, SERVERS, interface_of
from rig.inference.capacity import SearchSpec
from rig.model import SCHEMA, SURGE, Interface, plain
from rig.plan import Cell
from rig.store.journal import now


def session_facts(
    matrix: Matrix, only: Only, backend: Backend, name: str, calibrate: bool = True
) -> dict[str, Any]:
    """The contents of `session.json`: all that analysing needs of the factors, and the host."""
    chosen = filter_cells(cells(matrix), only)
    claim = dataclasses.asdict(matrix.claim) if matrix.claim else None
    if claim:
        claim["of"] = claim.pop("metric")
    return {
        "schema": SCHEMA,
        "experiment": matrix.experiment,
        "session": name,
        "profile": matrix.profile,
        "backend": backend.name,
        "seed": matrix.seed,
        **design_facts(matrix.design),
        "load_workers": matrix.load.load_workers,
        "calibrate": calibrate,
        "locustfile": dataclasses.asdict(matrix.instead) if matrix.instead else None,
        "target_roots": sorted({str(Path(t.folder).parent) for t in matrix.targets.values()}),
        **_interfaces(matrix, chosen),
        "only": {name: list(levels) for name, levels in only.items()},
        "started_at": now(),
        "claim": claim,
        "requires": [dataclasses.asdict(one) for one in matrix.requires],
        "objective": _objective(matrix),
        "factors": _factor_facts(matrix.design, chosen),
        "extras": [{"name": extra.name, "because": extra.because} for extra in matrix.also],
        "host": dict(backend.facts()),
        "load": matrix.load.to_json(),
        "data": dataclasses.asdict(matrix.data),
    }


def _interfaces(matrix: Matrix, chosen: Sequence[Cell]) -> dict[str, dict[str, Interface]]:
    """Of the session's own targets, in the matrix's order: others may lie beside them.

    And of the servers that its cells name.
    """
    used = {cell.levels["target"] for cell in chosen}
    targets = [target for target in matrix.targets.values() if target.name in used]
    usual = {target.name: interface_of(target, OWN) for target in targets}
    named = dict.fromkeys(str(cell.levels["server"]) for cell in chosen)
    return {
        "interfaces": {name: interface for name, interface in usual.items() if interface},
        "server_interfaces": {name: SERVERS[name].interface for name in named if name != OWN},
    }


def _objective(matrix: Matrix) -> dict[str, Any] | None:
    """What a window is to keep, and at which rate, where one is asked for."""
    if matrix.objective is None:
        return None
    return {**dataclasses.asdict(matrix.objective), "rate_per_s": matrix.rate_per_s}


def design_facts(design: AnyDesign) -> dict[str, Any]:
    """What `session.json` says of a design: the same keys of each."""
    nothing = {"until": None, "search": None, "capacity": None}
    match design:
        case Repeats(times):
            return {"repeats": times, **nothing}
        case Until():
            until = {"within": design.within, "at_least": design.at_least}
            return {"repeats": design.at_most, **nothing, "until": until}
        case Search():
            search = {"factor": design.factor, "between": design.between}
            return {"repeats": 1, **nothing, "search": search}
        case Capacity(factor, spec):
            wanted = {"between": spec.between, "within": spec.within, "repeats": spec.repeats}
            return {"repeats": 1, **nothing, "capacity": {"factor": factor, **wanted}}


def _factor_facts(design: AnyDesign, chosen: Sequence[Cell]) -> list[dict[str, object]]:
    """Every factor of the cells with the levels that it has, or that a search may look between."""
    levels = {
        name: list(dict.fromkeys(cell.levels[name] for cell in chosen if name in cell.levels))
        for name in FACTORS
    }
    vary = {*varied(chosen)}
    match design:
        case Search(factor=factor, between=between) | Capacity(factor, SearchSpec(between=between)):
            levels[factor] = [plain(end) for end in between] if chosen else []
            vary.add(factor)
    if isinstance(design, Capacity) and chosen:
        levels[SURGE] = [0]
    return [
        {
            "name": name,
            "label": factor.label,
            "axis": label_of(name),
            "unit": factor.unit,
            "levels": levels[name],
            "varies": name in vary,
            "facts": list(factor.facts),
        }
        for name, factor in FACTORS.items()
        if levels[name] or not factor.absent
    ]
