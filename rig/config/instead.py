"""A Locust file of the command line, in the place of all routes of an experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from rig.config.locustfile import ONLY, THINKS, content_of, requirements_of
from rig.config.matrix import Instead, Matrix
from rig.model import DamagedFile, UsageError
from rig.plan import Open, Steps
from rig.route import File, LocustFile
from rig.target import Target

T = TypeVar("T")
ROUTE = "route"


def with_locustfile(matrix: Matrix, asked: Instead | None) -> Matrix:
    """The matrix whose every cell asks for this file; as it is without one. UsageError."""
    if asked is None:
        return matrix
    _refuse(matrix)
    content = _content(Path(asked.file))
    targets = {
        name: replace(
            target, locustfiles={**target.locustfiles, ONLY: _planned(asked, content, target)}
        )
        for name, target in matrix.targets.items()
    }
    return replace(
        matrix,
        targets=targets,
        setup={**matrix.setup, ROUTE: ONLY},
        vary=_without_route(matrix.vary),
        also=tuple(
            replace(one, only=_without_route(one.only), set=_without_route(one.set))
            for one in matrix.also
        ),
        requires=tuple(replace(one, cell=_without_route(one.cell)) for one in matrix.requires),
        instead=asked,
    )


def _refuse(matrix: Matrix) -> None:
    """UsageError for an experiment that a Locust file cannot load."""
    model = matrix.load.model
    if isinstance(model, Open):
        raise UsageError("--locustfile: `model: open` has no users", "say `model: closed`")
    if isinstance(model.users, Steps):
        what = "--locustfile: users who come and go in steps would leave without their answers"
        raise UsageError(what, "give `load.users` a `from`, `per_s` and `to`")
    if model.think_time_s:
        raise UsageError(f"--locustfile: {THINKS}", "leave `think_time` out of `load`")
    if matrix.claim and matrix.claim.factor == ROUTE:
        what = "--locustfile: the experiment's claim compares routes"
        raise UsageError(what, "claim a ratio of another factor, or leave `claim` out")


def _without_route(levels: Mapping[str, T]) -> dict[str, T]:
    return {name: level for name, level in levels.items() if name != ROUTE}


def _planned(asked: Instead, content: bytes, target: Target) -> LocustFile:
    python = str(Path(target.code_folder) / target.python) if target.python else ""
    path = Path(asked.file)
    file = File(str(path), sha256(content).hexdigest())
    requirements = requirements_of(path.parent, str(path), python)
    return LocustFile(file, asked.tags, asked.exclude_tags, (), requirements)


def _content(path: Path) -> bytes:
    try:
        return content_of(path)
    except OSError as error:
        why = (error.strerror or "").lower()
        raise UsageError(f"--locustfile {path}: {why}", "check the path") from error
    except DamagedFile as error:
        raise UsageError(f"--locustfile: {error.what}") from error
    except ValueError as error:
        raise UsageError(f"--locustfile: {path} is no Python: {error}") from None
