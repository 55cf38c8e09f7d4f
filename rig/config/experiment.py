"""An experiment's YAML to a Matrix: base, profiles, and all that is wrong with any of them.

May not know PyYAML (`document` does) nor what becomes of a Matrix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rig.config.combinations import combined
from rig.config.design import DesignAsked, read_design, unfit
from rig.config.document import Document, Map, Node, merge, read
from rig.config.findings import Finding, Findings, ReadError, did_you_mean, one_of, shortened
from rig.config.load import read_load
from rig.config.matrix import (
    METRICS,
    Claim,
    Extra,
    Matrix,
)
from rig.config.readers import (
    Keys,
    Reader,
    above_zero,
    expected,
    level,
    levels_of,
    list_of,
    map_of,
    matching,
    sentence,
    whole,
    word,
)
from rig.factors import FACTORS
from rig.model import Level, UsageError
from rig.plan import Data, Target

T = TypeVar("T")
Names = Mapping[str, Sequence[str]]

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PROFILE_KEYS = ("default_profile", "profiles")
_BASE_KEYS = ("experiment", "claim", "setup", "vary", "also", "load", "data", "design")
_KEYS = (*_BASE_KEYS, *_PROFILE_KEYS)
_MOST = 10**12
_LEAST_RATIO, _MOST_RATIO = 1e-6, 1e6
MOST_PROFILES = 20


def read_matrix(path: Path, *, profile: str | None, targets: Mapping[str, Target]) -> Matrix:
    """The experiment in a file, with a profile; None: the file's `default_profile`, if any.

    BadYaml with every problem of the base and of all profiles; UsageError for a profile
    that there is not.
    """
    try:
        document = read(path)
    except ReadError as wrong:
        Findings(wrong.findings).raise_any()
        raise
    return matrix_of(document, profile=profile, targets=targets)


def matrix_of(document: Document, *, profile: str | None, targets: Mapping[str, Target]) -> Matrix:
    """As `read_matrix`, of a document that is read already."""
    findings = Findings(document.findings)
    layers = _layers(document.root, findings)
    matrices: dict[str | None, Matrix] = {}
    for chosen, root in layers.variants.items():
        try:
            matrices[chosen] = _Variant(root, chosen, targets).matrix(document.text)
        except ReadError as wrong:
            findings.add(wrong.findings, f" (in profile {chosen})" if chosen else "")
    findings.raise_any()
    wanted = layers.default if profile is None else profile
    if wanted not in matrices:
        known = [known for known in matrices if known]
        what = (
            f"there is no profile `{shortened(str(wanted))}`, expected {one_of(known or ['none'])}"
        )
        raise UsageError(what, did_you_mean(str(wanted), known))
    return matrices[wanted]


@dataclass(frozen=True)
class _Layers:
    """The base (None) and each profile merged into it."""

    variants: Mapping[str | None, Node]
    default: str | None


def _layers(root: Node, findings: Findings) -> _Layers:
    if not isinstance(root, Map):
        return _Layers({None: root}, None)
    entries = dict(root.entries)
    own = {key: entries.pop(key) for key in _PROFILE_KEYS if key in entries}
    base = Map(root.name, root.place, entries)
    keys = Keys(Map(root.name, root.place, own))
    sections: dict[str, Node] = keys.get("profiles", map_of(lambda _: lambda node: node), {}) or {}
    default = keys.get("default_profile", _default(tuple(sections)), None)
    if len(sections) > MOST_PROFILES:
        what = f"`profiles` has {len(sections)} of them, expected at most {MOST_PROFILES}"
        keys.note([Finding(own["profiles"].place, what)])
        sections = {}
    variants: dict[str | None, Node] = {None: base}
    for profile, section in sections.items():
        try:
            variants[profile] = merge(base, _section(section))
        except ReadError as wrong:
            keys.note(wrong.findings)
    try:
        keys.close()
    except ReadError as wrong:
        findings.add(wrong.findings)
    return _Layers(variants, default)


def _default(profiles: Sequence[str]) -> Reader[str | None]:
    def read_default(node: Node) -> str:
        if not profiles:
            raise expected(node, "a profile, but there are none", "add one under `profiles`")
        return word(profiles)(node)

    return read_default


def _section(node: Node) -> Map:
    """A profile's section, as yet unchecked but for keys that only the base has."""
    Keys(node)
    assert isinstance(node, Map)
    for key in _PROFILE_KEYS:
        if key in node.entries:
            what = f"a profile cannot have `{key}`"
            raise ReadError(Finding(node.entries[key].place, what, "remove it"))
    return node


class _Variant:
    """One experiment without profiles: the base, or a profile merged into it."""

    def __init__(self, root: Node, profile: str | None, targets: Mapping[str, Target]) -> None:
        routes = dict.fromkeys(route for target in targets.values() for route in target.routes)
        self._names: Names = {"target": tuple(targets), "route": tuple(routes)}
        self._root, self._profile, self._targets = root, profile, targets

    def matrix(self, source: str) -> Matrix:
        """The Matrix; ReadError with all that is wrong."""
        keys = Keys(self._root, _KEYS)
        experiment = keys.need("experiment", _slug)
        claim = keys.get("claim", self._claim, None)
        setup: dict[str, Level] = keys.get("setup", levels_of(self._level), {})
        vary: dict[str, tuple[Level, ...]] = keys.get("vary", levels_of(self._levels), {})
        also: dict[str, Extra] = keys.get("also", map_of(self._extra), {})
        load = keys.need("load", read_load)
        data = keys.need("data", _data)
        design = keys.get("design", read_design, DesignAsked())
        if setup is not None and vary is not None and also is not None:
            assert isinstance(self._root, Map)
            extras = tuple(also.values())
            times = design.most_times if design is not None else 1
            keys.note(combined(self._root, setup, vary, extras, self._targets, times))
            sound = "claim" not in self._root.entries or claim is not None
            if design is not None and sound:
                keys.note(unfit(self._root, design, claim, setup, vary))
        keys.close()
        return Matrix(
            experiment=experiment,
            claim=claim,
            setup=setup,
            vary=vary,
            also=tuple(also.values()),
            load=load,
            data=data,
            repeats=design.repeats,
            order=design.order,
            seed=design.seed,
            profile=self._profile,
            targets=self._targets,
            text=source,
            until=design.until,
            search=design.search,
        )

    def _level(self, factor: str) -> Reader[Level]:
        return level(factor, self._names.get(factor, ()))

    def _levels(self, factor: str) -> Reader[tuple[Level, ...]]:
        return list_of(self._level(factor), distinct=True)

    def _extra(self, called: str) -> Callable[[Node], Extra]:
        def read_extra(node: Node) -> Extra:
            keys = Keys(node)
            because = keys.need("because", sentence)
            only: dict[str, tuple[Level, ...]] = keys.get("only", levels_of(self._levels), {})
            changes = keys.need("set", _not_empty(levels_of(self._level)))
            keys.close()
            return Extra(called, because, only, changes)

        return read_extra

    def _claim(self, node: Node) -> Claim:
        keys = Keys(node)
        says = keys.need("says", sentence)
        ratio = keys.need("ratio", self._ratio)
        at_least = keys.need("at_least", above_zero(_LEAST_RATIO, _MOST_RATIO))
        keys.close()
        metric, factor, (numerator, denominator) = ratio
        return Claim(says, metric, factor, numerator, denominator, at_least)

    def _ratio(self, node: Node) -> tuple[str, str, tuple[Level, ...]]:
        keys = Keys(node, tuple(FACTORS))
        metric = keys.need("of", word(METRICS))
        entries = node.entries if isinstance(node, Map) else {}
        pairs = {
            factor: keys.need(factor, _two(self._levels(factor)))
            for factor in entries
            if factor in FACTORS
        }
        if len(pairs) > 1 or set(entries) <= {"of"}:
            what = f"`ratio` expects exactly one factor with two levels, not {len(pairs)}"
            keys.note([Finding(node.place, what)])
        keys.close()
        ((factor, pair),) = pairs.items()
        return metric, factor, pair


_slug = matching(_SLUG, "a slug of lower-case letters, digits and dashes")


def _two(read_levels: Reader[tuple[Level, ...]]) -> Reader[tuple[Level, ...]]:
    def read_pair(node: Node) -> tuple[Level, ...]:
        pair = read_levels(node)
        if len(pair) != 2:
            raise ReadError(
                Finding(node.place, f"`{node.name}` expects two levels, not {len(pair)}")
            )
        return pair

    return read_pair


def _not_empty(read_map: Reader[dict[str, T]]) -> Reader[dict[str, T]]:
    def read_some(node: Node) -> dict[str, T]:
        values = read_map(node)
        if not values:
            raise ReadError(Finding(node.place, f"`{node.name}` expects at least one factor"))
        return values

    return read_some


def _data(node: Node) -> Data:
    keys = Keys(node)
    posts = keys.need("posts", whole(1, _MOST))
    cpu_n = keys.need("cpu_n", whole(1, _MOST))
    keys.close()
    return Data(posts, cpu_n)
