"""Readers: a node in, a value out, or ReadError with all that is wrong with it.

Small ones for single values, and ways to build larger ones from them. May not know PyYAML,
nor what any document means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from rig.config.document import Items, Map, Node, Scalar
from rig.config.findings import Finding, ReadError, did_you_mean, nearest, one_of, shortened
from rig.factors import FACTORS, Choice, Natural
from rig.model import Level, plain, seconds

T = TypeVar("T")
Reader = Callable[[Node], T]

LONGEST_S = 7 * 24 * 3600.0
LONGEST_SENTENCE = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Keys:
    """The keys of one map, each asked for once; `close` raises all that was wrong.

    Until then a wrong value is None whatever its type says: build nothing before `close`.
    """

    def __init__(self, node: Node, known: Sequence[str] = ()) -> None:
        if not isinstance(node, Map):
            raise expected(node, "a map", "write `{}` for an empty one" if _is_null(node) else "")
        self._map = node
        self._words = list(known)
        self._asked: dict[str, None] = {}
        self._missing: list[str] = []
        self._findings: list[Finding] = []
        self._failed = False

    def need(self, key: str, read: Reader[T]) -> T:
        """The value of a key that must be there."""
        if key not in self._map.entries:
            self._missing.append(key)
        return self.get(key, read, cast(T, None))

    def get(self, key: str, read: Reader[T], default: T) -> T:
        """The value of a key that may be left out."""
        self._asked[key] = None
        entry = self._map.entries.get(key)
        if entry is None:
            return default
        try:
            return read(entry.node)
        except ReadError as wrong:
            self.note(wrong.findings)
            self._failed = True
            return cast(T, None)

    def note(self, findings: Iterable[Finding]) -> None:
        """Adds what was found wrong elsewhere, for `close` to raise."""
        self._findings.extend(findings)

    def close(self) -> None:
        """Raises ReadError for wrong values, unknown keys and missing ones, misspelt ones once."""
        words = list(dict.fromkeys((*self._words, *self._asked)))
        unasked = [word for word in words if word not in self._map.entries]
        meant = set()
        for key, entry in self._map.entries.items():
            if key not in self._asked:
                near = nearest(key, unasked) or nearest(key, words)
                meant.add(near)
                what = f"unknown key `{shortened(key)}`, expected {one_of(words)}"
                do = f"did you mean `{near}`?" if near else ""
                self._findings.append(Finding(entry.place, what, do))
        inside = f" in `{shortened(self._map.name)}`" if self._map.name else ""
        for key in self._missing:
            if key not in meant:
                self._findings.append(
                    Finding(self._map.place, f"`{shortened(key)}` is missing{inside}")
                )
        if self._findings or self._failed:
            raise ReadError(*self._findings)


def expected(node: Node, wants: str, do: str = "") -> ReadError:
    """The ReadError for a node that is not what its key takes."""
    if isinstance(node, Scalar):
        got = "nothing" if node.value is None else f"`{shortened(node.text)}`"
        if isinstance(node.value, bool):
            got += f", which YAML reads as {str(node.value).lower()}"
    elif isinstance(node, Map | Items):
        got = "a map" if isinstance(node, Map) else "a list"
    else:
        return ReadError()
    name = f"`{shortened(node.name)}`" if node.name else "the file"
    return ReadError(Finding(node.place, f"{name} expects {wants}, not {got}", do))


def text(node: Node) -> str:
    """Any text that is not empty."""
    if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.strip():
        return node.value
    raise expected(node, "text", _quote(node))


def sentence(node: Node) -> str:
    """Text for people to read."""
    said = text(node)
    if len(said) > LONGEST_SENTENCE:
        what = f"`{shortened(node.name)}` has {len(said)} characters"
        raise ReadError(Finding(node.place, f"{what}, expected at most {LONGEST_SENTENCE}"))
    return said


def word(words: Sequence[str]) -> Reader[str]:
    """One of some words."""

    def read(node: Node) -> str:
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value in words:
            return node.value
        raise expected(node, one_of(words), _wanted(node, words))

    return read


def matching(pattern: re.Pattern[str], wants: str) -> Reader[str]:
    """Text of which all matches a pattern."""

    def read(node: Node) -> str:
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if pattern.fullmatch(node.value):
                return node.value
            raise expected(node, wants)
        raise expected(node, wants, _quote(node))

    return read


name = matching(_NAME, "a name of letters, digits, `_`, `.` and `-`")


def whole(least: int, most: int) -> Reader[int]:
    """A whole number within bounds."""
    allowed = Natural(least, most)

    def read(node: Node) -> int:
        if isinstance(node, Scalar) and allowed.accepts(node.value, ()):
            return cast(int, node.value)
        raise expected(node, allowed.wants(()))

    return read


def flag(node: Node) -> bool:
    """true or false."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    raise expected(node, "true or false")


def above_zero(least: float, most: float) -> Reader[float]:
    """A number within bounds that no sensible one comes near."""

    def read(node: Node) -> float:
        value = node.value if isinstance(node, Scalar) else None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and least <= float(cast(float, value)) <= most:
            return float(cast(float, value))
        above = number and float(cast(float, value)) > 0
        bounds = f", from {least:g} to {most:,.0f}" if above else ""
        raise expected(node, f"a number above 0{bounds}")

    return read


def duration(*, zero: bool) -> Reader[float]:
    """A duration such as 81s, in seconds; 0s only where `zero` allows it."""
    wants = "a duration such as 81s or 2m" + ("" if zero else ", above 0s")

    def read(node: Node) -> float:
        if not isinstance(node, Scalar):
            raise expected(node, wants)
        try:
            length_s = seconds(node.text)
        except ValueError:
            number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
            do = f"did you mean `{shortened(node.text)}s`?" if number else ""
            raise expected(node, wants, do) from None
        if length_s > LONGEST_S or (length_s == 0 and not zero):
            raise expected(node, f"{wants}, up to {LONGEST_S / 3600:g}h")
        return length_s

    return read


def level(factor: str, names: Sequence[str] = ()) -> Reader[Level]:
    """A level of a factor; `names` are the targets or routes there are."""
    levels = FACTORS[factor].levels
    words = levels.words(names)
    nameless = isinstance(levels, Choice) and not words
    wants = f"a {factor}, but no target was found" if nameless else levels.wants(names)

    def read(node: Node) -> Level:
        if isinstance(node, Items):
            raise expected(node, "one level", "several levels stand under `vary`")
        value = node.value if isinstance(node, Scalar) else None
        if levels.accepts(value, names):
            return plain(cast(Level, value))
        raise expected(node, wants, _wanted(node, words))

    return read


def list_of(
    read: Reader[T], *, distinct: bool = False, empty: bool = False
) -> Reader[tuple[T, ...]]:
    """A list of what `read` reads."""

    def read_all(node: Node) -> tuple[T, ...]:
        if not isinstance(node, Items):
            written = node.text if isinstance(node, Scalar) and node.value is not None else ""
            raise expected(node, "a list", f"write [{shortened(written)}]" if written else "")
        if not node.items and not empty:
            raise ReadError(Finding(node.place, f"`{node.name}` expects a list that is not empty"))
        values: list[T] = []
        seen: set[object] = set()
        findings: list[Finding] = []
        for item in node.items:
            try:
                value = read(item)
            except ReadError as wrong:
                findings.extend(wrong.findings)
                continue
            if distinct:
                if value in seen:
                    what = f"`{node.name}` lists {shortened(str(value))} twice"
                    findings.append(Finding(item.place, what))
                seen.add(value)
            values.append(value)
        if len(values) < len(node.items) or findings:
            raise ReadError(*findings)
        return tuple(values)

    return read_all


def map_of(read: Callable[[str], Reader[T]], key: Reader[str] = name) -> Reader[dict[str, T]]:
    """A map of names to what `read(name)` reads."""

    def read_all(node: Node) -> dict[str, T]:
        keys = Keys(node)
        values: dict[str, T] = {}
        for word, entry in cast(Map, node).entries.items():
            try:
                key(Scalar(node.name, entry.place, word, word))
            except ReadError as wrong:
                keys.note(wrong.findings)
            values[word] = keys.need(word, read(word))
        keys.close()
        return values

    return read_all


def levels_of(read: Callable[[str], Reader[T]], known: Sequence[str] = ()) -> Reader[dict[str, T]]:
    """A map of factors to what `read(factor)` reads."""
    factors = known or tuple(FACTORS)

    def read_all(node: Node) -> dict[str, T]:
        keys = Keys(node, factors)
        entries = cast(Map, node).entries
        values = {word: keys.need(word, read(word)) for word in entries if word in factors}
        keys.close()
        return values

    return read_all


def json_value(node: Node) -> Any:
    """Any value JSON has."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [json_value(item) for item in node.items]
    if isinstance(node, Map):
        return {key: json_value(entry.node) for key, entry in node.entries.items()}
    raise ReadError()


def json_map(node: Node) -> Mapping[str, Any]:
    """A map of any values JSON has."""
    Keys(node)
    return cast(Mapping[str, Any], json_value(node))


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _quote(node: Node) -> str:
    """Advice where quotes make text of what YAML reads as something else."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
        return f'put it in quotes: "{shortened(node.text)}"'
    return ""


def _wanted(node: Node, words: Sequence[str]) -> str:
    """Advice towards the one of `words` that was probably meant."""
    if not isinstance(node, Scalar):
        return ""
    return _quote(node) if node.text in words else did_you_mean(node.text, words)
