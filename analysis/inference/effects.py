"""Main effects and interactions on the log of goodput, each as a ratio with its interval.

Pure: observations in, effects out. May not know sessions or files.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rig.inference import (
    ADAPTIVE_CONFIDENCE,
    ADAPTIVE_P,
    CLAIMED,
    CONFIDENCE,
    Kind,
    Observation,
    holm,
    t_quantile,
    t_tail,
)
from rig.model import Level

Array = NDArray[np.float64]
Step = tuple[str, Level, Level]
"""A factor, the level gone to, and the level come from."""

HIGHEST_ORDER = 3
_SMALL = 1e-9


@dataclass(frozen=True)
class Effect:
    """What one step, or several together, do to the goodput.

    One step: a main effect, the ratio of goodput after ÷ before it, averaged (geometrically)
    over the other factors. Two: how many times larger the first step's ratio is after the second
    step than before it; 1 is no interaction. Three: how many times larger that is after the third.
    """

    steps: tuple[Step, ...]
    ratio: float | None
    low: float | None = None
    high: float | None = None
    kind: Kind = Kind.NONE
    p: float | None = None
    p_holm: float | None = None
    """Adjusted for the family: all effects returned together."""
    df: float | None = None
    used: int = 0
    """Combinations of the other factors' levels that it is averaged over …"""
    of: int = 0
    """… and how many there would be without missing cells."""

    @property
    def name(self) -> str:
        """For instance `target × delay_ms`."""
        return " × ".join(factor for factor, _, _ in self.steps)

    @property
    def order(self) -> int:
        """1 for a main effect, 2 or 3 for an interaction."""
        return len(self.steps)

    @property
    def claimed(self) -> bool:
        """Whether it is claimed to be there: Holm's p below `CLAIMED`."""
        return self.p_holm is not None and self.p_holm < CLAIMED


def effects(
    observations: Sequence[Observation],
    factors: Mapping[str, Sequence[Level]],
    *,
    adaptive: bool = False,
) -> tuple[Effect, ...]:
    """Main effects of `factors`, and every interaction up to three that has the first of them.

    `factors`: the levels of each, those to compare with first: the first factor is the one the
    claim is about. Factors at one level among the observations say nothing and are left out, and
    so are cells beside the cross product.

    Model: log goodput = cell + block + error, by ordinary least squares over the usable trials,
    so that cells and blocks may be incomplete; an effect is a contrast of the cells. Its standard
    error allows each cell a scatter of its own: HC2 (MacKinnon and White 1985, J. Econometrics 29)
    with Bell and McCaffrey's degrees of freedom (2002, Survey Methodology 28; Imbens and Kolesar
    2016, Rev. Econ. Stat. 98), or Welch's (1947, Biometrika 34) where these are fewer. For two
    cells in complete blocks this is the paired t interval of `pairs`. With one block there is no
    error to see: bounds are then within trials, and nothing is claimed.
    """
    usable = [one for one in observations if one.usable and not one.extra]
    seen = {
        name: [at for at in levels if _at(usable, name, at)] for name, levels in factors.items()
    }
    crossed = {name: levels for name, levels in seen.items() if len(levels) > 1}
    if not crossed or not all(seen.values()):
        return ()
    # of a factor that says nothing, other levels must not pass for repeats of this one
    fixed = {name: levels for name, levels in seen.items() if len(levels) == 1}
    usable = [o for o in usable if all(o.levels[name] == at for name, [at] in fixed.items())]
    model = _Model(usable, tuple(crossed))
    first = next(iter(factors))
    found = [_effect(model, steps, crossed, adaptive) for steps in _all_steps(crossed, first)]
    adjusted = iter(holm([effect.p for effect in found if effect.p is not None]))
    return tuple(
        effect if effect.p is None else replace(effect, p_holm=next(adjusted)) for effect in found
    )


def _at(observations: Sequence[Observation], name: str, level: Level) -> bool:
    return any(one.levels[name] == level for one in observations)


def _all_steps(crossed: Mapping[str, Sequence[Level]], first: str) -> Iterator[tuple[Step, ...]]:
    for order in range(1, HIGHEST_ORDER + 1):
        for names in itertools.combinations(crossed, order):
            if order > 1 and first not in names:
                continue
            choices = [[(n, to, crossed[n][0]) for to in crossed[n][1:]] for n in names]
            yield from itertools.product(*choices)


class _Model:
    """Cells and blocks, fitted once."""

    def __init__(self, usable: Sequence[Observation], names: Sequence[str]) -> None:
        self.names = names
        keys = [tuple(one.levels[name] for name in names) for one in usable]
        self.cells = {key: index for index, key in enumerate(dict.fromkeys(keys))}
        blocks = {
            block: index for index, block in enumerate(dict.fromkeys(o.block for o in usable))
        }
        self.cell_of = np.array([self.cells[key] for key in keys])
        design = np.zeros((len(usable), len(self.cells) + len(blocks)))
        for row, (key, one) in enumerate(zip(keys, usable, strict=True)):
            design[row, self.cells[key]] = 1.0
            design[row, len(self.cells) + blocks[one.block]] = 1.0
        self.log = np.array([one.log for one in usable])
        self.width = design.shape[1]
        self.pseudo = np.asarray(np.linalg.pinv(design), dtype=np.float64)
        self.row_space = self.pseudo @ design
        self.off = np.eye(len(usable)) - design @ self.pseudo
        self.off_squared = self.off**2
        self.leverage_left = np.clip(np.diag(self.off), 0.0, 1.0)
        self.residual_df = round(float(np.trace(self.off)))
        self.within = [one.within for one in usable]

    def weights(self, contrast: Array) -> Array | None:
        """What each trial weighs in a contrast of the cells; None where the data cannot say."""
        full = np.zeros(self.width)
        full[: len(self.cells)] = contrast
        if np.abs(full @ self.row_space - full).max() > 1e-6:
            return None
        return np.asarray(full @ self.pseudo, dtype=np.float64)

    def between(self, weights: Array) -> tuple[float, float] | None:
        """The standard error of a weighted sum, and its degrees of freedom.

        None where it takes a trial that is fitted exactly, as a cell's only one: how much such
        trials scatter nobody knows, and others' scatter is not theirs.
        """
        left = self.leverage_left
        if bool((left[np.abs(weights) > _SMALL] <= _SMALL).any()):
            return None
        spread = np.where(left > _SMALL, weights / np.sqrt(np.where(left > _SMALL, left, 1.0)), 0.0)
        residuals = self.off @ self.log
        parts = (spread * residuals) ** 2
        df = min(self._even_df(spread), self._uneven_df(parts))
        return math.sqrt(float(parts.sum())), df

    def _even_df(self, spread: Array) -> float:
        """Bell and McCaffrey's, as if all cells scattered alike.

        The variance is then a sum of chi-squares weighted by the eigenvalues of M D M, with M the
        projection on the residuals and D the squared spread: their sum is the trace, D · diag M;
        the sum of their squares is D' (M * M) D, as M is its own square.
        """
        squared = spread**2
        trace = float(squared @ np.diag(self.off))
        square = float(squared @ self.off_squared @ squared)
        return trace**2 / square if square > 0 else 0.0

    def _uneven_df(self, parts: Array) -> float:
        """Welch's, from what each cell adds to the variance and how often it was measured."""
        of_cell = np.bincount(self.cell_of, parts, len(self.cells))
        left = np.bincount(self.cell_of, self.leverage_left, len(self.cells))
        some = left > _SMALL
        square = float((of_cell[some] ** 2 / left[some]).sum())
        return float(parts.sum()) ** 2 / square if square > 0 else 0.0

    def inside(self, weights: Array) -> tuple[float, float] | None:
        """The same from within the trials; None where one of them does not say."""
        parts = [
            ((weight * within.log_se) ** 2, within.df)
            for weight, within in zip(weights, self.within, strict=True)
            if within is not None and abs(weight) > _SMALL
        ]
        if len(parts) < int((np.abs(weights) > _SMALL).sum()):
            return None
        variance = float(sum(part for part, _ in parts))
        if variance <= 0:
            return None
        return math.sqrt(variance), variance**2 / float(sum(part**2 / df for part, df in parts))


def _effect(
    model: _Model,
    steps: tuple[Step, ...],
    crossed: Mapping[str, Sequence[Level]],
    adaptive: bool,
) -> Effect:
    confidence = ADAPTIVE_CONFIDENCE if adaptive else CONFIDENCE
    contrast, used, of = _contrast(model, steps, crossed)
    empty = Effect(steps, None, used=used, of=of)
    weights = model.weights(contrast) if used else None
    if weights is None:
        return empty
    log_ratio = float(weights @ model.log)
    plain = replace(empty, ratio=math.exp(log_ratio))
    repeated = model.between(weights) if model.residual_df >= 1 else None
    if repeated is not None:
        log_se, df = repeated
        if df > 0 and log_se > 0:
            kind, p = Kind.BETWEEN_TRIALS, t_tail(log_ratio / log_se, df)
            p = min(1.0, p * ADAPTIVE_P) if adaptive else p
            return _bounded(replace(plain, kind=kind, p=p, df=df), log_se, df, confidence)
        return plain
    inside = model.inside(weights)
    if inside is None:
        return plain
    log_se, df = inside
    return _bounded(replace(plain, kind=Kind.WITHIN_TRIAL, df=df), log_se, df, confidence)


def _contrast(
    model: _Model, steps: tuple[Step, ...], crossed: Mapping[str, Sequence[Level]]
) -> tuple[Array, int, int]:
    """Weights of the cells, averaged over those combinations of the rest that miss none.

    Also how many those are, and of how many.
    """
    moved = {name: (to, came_from) for name, to, came_from in steps}
    rest = [name for name in model.names if name not in moved]
    contrast, used, of = np.zeros(len(model.cells)), 0, 0
    for combination in itertools.product(*(crossed[name] for name in rest)):
        fixed = dict(zip(rest, combination, strict=True))
        signs: dict[tuple[Level, ...], int] = {}
        for ends in itertools.product((0, 1), repeat=len(steps)):
            at = {name: moved[name][end] for name, end in zip(moved, ends, strict=True)}
            key = tuple({**fixed, **at}[name] for name in model.names)
            signs[key] = -1 if sum(ends) % 2 else 1
        of += 1
        if all(key in model.cells for key in signs):
            used += 1
            for key, sign in signs.items():
                contrast[model.cells[key]] += sign
    return contrast / max(1, used), used, of


def _bounded(effect: Effect, log_se: float, df: float, confidence: float) -> Effect:
    assert effect.ratio is not None
    factor = math.exp(min(700.0, t_quantile(confidence, df) * log_se))
    return replace(effect, low=effect.ratio / factor, high=effect.ratio * factor)
