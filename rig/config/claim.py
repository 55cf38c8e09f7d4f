"""The `claim` of an experiment: a ratio, and what it is to be.

May not know PyYAML (`document` does).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, PlainValidator, ValidationError, ValidationInfo, WrapValidator

from rig.config import matrix
from rig.config.matrix import METRICS
from rig.config.sections import (
    Context,
    Section,
    at,
    context_of,
    details,
    either,
    expected,
    together,
    wrong,
)
from rig.config.values import AboveZero, Fits, Keywords, PerFactor, Sentence, Value, levels
from rig.factors import FACTORS, Choice
from rig.model import Level

_LEAST_RATIO, _MOST_RATIO = 1e-6, 1e6
_MARGIN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_WIDEST_MARGIN = 1.0

Pair = tuple[Level, Level]


def _two(pair: tuple[Level, ...]) -> tuple[Level, ...]:
    if len(pair) != 2:
        raise wrong(f"`{{name}}` expects two levels, not {len(pair)}")
    return pair


def _pair(factor: str) -> Any:
    two = Keywords({"minItems": 2, "maxItems": 2})
    return Annotated[levels(factor), AfterValidator(_two), two]


def _one_factor(
    data: Any, handler: Callable[[Any], Mapping[str, Any]]
) -> tuple[str, str, tuple[Level, ...]]:
    """The metric, the factor and its levels."""
    problems, values = [], {}
    try:
        values = dict(handler(data))
    except ValidationError as error:
        problems = list(details(error))
    keys = set(data) if isinstance(data, dict) else {"of", ""}
    count = len(keys & FACTORS.keys())
    if count > 1 or keys <= {"of"}:
        what = f"`ratio` expects exactly one factor with two levels, not {count}"
        problems.append(at((), wrong(what), data))
    if problems:
        raise together(problems)
    metric = values.pop("of")
    ((factor, pair),) = values.items()
    return metric, factor, pair


Ratio = Annotated[
    tuple[str, str, Pair],
    PerFactor(_pair, others=(("of", Annotated[str, Fits(Choice(METRICS))]),)),
    WrapValidator(_one_factor),
    Keywords({"minProperties": 2, "maxProperties": 2}),
]


_ONE_BOUND = (
    "`claim` has `at_least` and `equivalent_within`, expected one of them",
    "a ratio that is at least so much, or two sides that are equal",
)


class Margin(Value):
    """How far from equal still counts as equal."""

    def read(self, value: Any, context: Context) -> float:
        match = _MARGIN.fullmatch(value) if isinstance(value, str) else None
        within = float(match[1]) / 100 if match else 0.0
        if not 0 < within <= _WIDEST_MARGIN:
            raise expected("a margin such as `25 %`, above 0 % and up to 100 %")
        return within

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "pattern": f"^{_MARGIN.pattern}$"}


class _AnyClaim(Section):
    says: Sentence
    ratio: Ratio


class AtLeast(_AnyClaim):
    """A ratio of so much is to be shown."""

    misplaced: ClassVar = {"equivalent_within": _ONE_BOUND}

    at_least: Annotated[float, AboveZero(_LEAST_RATIO, _MOST_RATIO)]

    def planned(self) -> matrix.Claim:
        metric, factor, (numerator, denominator) = self.ratio
        return matrix.Claim(self.says, metric, factor, numerator, denominator, self.at_least)


class Equivalent(_AnyClaim):
    """That there is no difference worth a name is to be shown."""

    misplaced: ClassVar = {"at_least": _ONE_BOUND}

    equivalent_within: Annotated[float, Margin()]

    def planned(self) -> matrix.Claim:
        metric, factor, (numerator, denominator) = self.ratio
        return matrix.Claim(
            self.says,
            metric,
            factor,
            numerator,
            denominator,
            equivalent_within=self.equivalent_within,
        )


def _either_claim(data: Any, info: ValidationInfo) -> AtLeast | Equivalent:
    if isinstance(data, dict) and "equivalent_within" in data:
        return either(data, Equivalent, AtLeast, context_of(info))
    return either(data, AtLeast, Equivalent, context_of(info))


Claim = Annotated[
    AtLeast | Equivalent,
    PlainValidator(_either_claim, json_schema_input_type=AtLeast | Equivalent),
]
