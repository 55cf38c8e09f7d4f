"""The kinds of level a factor can have, each able to check one value and to say what it wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_LISTED = 40


def one_of(words: Sequence[str]) -> str:
    """The words, for "expected ..."; of many, some."""
    if len(words) < 2:
        return "".join(words) or "nothing"
    more = f" and {len(words) - MOST_LISTED} more" if len(words) > MOST_LISTED else ""
    return "one of " + ", ".join(words[:MOST_LISTED]) + more


class Levels(Protocol):
    """A set of levels."""

    def accepts(self, value: object, names: Sequence[str]) -> bool:
        """Whether value is a level; `names` are words known from elsewhere."""
        ...

    def wants(self, names: Sequence[str]) -> str:
        """What a level is, for an error message."""
        ...

    def words(self, names: Sequence[str]) -> Sequence[str]:
        """All words it accepts, for the nearest valid one; empty for numbers."""
        ...

    def schema(self) -> Mapping[str, object]:
        """What editors are told of a level, in JSON Schema's keywords."""
        ...


@dataclass(frozen=True)
class Choice:
    """One of some words; with none of its own, one of the names known from elsewhere."""

    own: tuple[str, ...] = ()

    def accepts(self, value: object, names: Sequence[str]) -> bool:
        return isinstance(value, str) and value in self.words(names)

    def wants(self, names: Sequence[str]) -> str:
        return one_of(self.words(names))

    def words(self, names: Sequence[str]) -> Sequence[str]:
        return self.own or tuple(names)

    def schema(self) -> Mapping[str, object]:
        return {"enum": list(self.own)} if self.own else {"type": "string"}


@dataclass(frozen=True)
class Natural:
    """A whole number within bounds."""

    least: int
    most: int

    def accepts(self, value: object, names: Sequence[str]) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.least <= value <= self.most  # type: ignore[operator]

    def wants(self, names: Sequence[str]) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def words(self, names: Sequence[str]) -> Sequence[str]:
        return ()

    def schema(self) -> Mapping[str, object]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Number:
    """A number within bounds."""

    least: float
    most: float

    def accepts(self, value: object, names: Sequence[str]) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.least <= value <= self.most  # type: ignore[operator]

    def wants(self, names: Sequence[str]) -> str:
        return f"a number from {self.least:g} to {self.most:g}"

    def words(self, names: Sequence[str]) -> Sequence[str]:
        return ()

    def schema(self) -> Mapping[str, object]:
        return {"type": "number", "minimum": self.least, "maximum": self.most}
