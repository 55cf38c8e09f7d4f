"""What is wrong with a document, and where: collected, never printed.

May know nothing of YAML nor of what a document means.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field

from rig.factors.levels import one_of as one_of
from rig.model import BadYaml, Problem

LONGEST_WORD, MOST_WORDS = 100, 200
"""Up to which a word that was meant is looked for, and among how many."""


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file, counted from 1; line 0 is the file itself."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, order=True)
class Finding:
    """Something wrong at a place, and what to do about it.

    `once`: the same words are the same finding, even where a profile's lines show it again.
    """

    place: Place
    what: str
    do: str = field(default="", compare=False)
    once: bool = field(default=False, compare=False)


class ReadError(Exception):
    """What a reader raises: everything wrong with its node; nothing if that was said before."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*findings)
        self.findings = findings


class Findings:
    """All that is wrong so far; the same thing at the same place counts once."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._problems: dict[Finding, Problem] = {}
        self._added: set[str] = set()
        self.add(findings)

    def add(self, findings: Iterable[Finding], note: str = "") -> None:
        """Takes findings in; `note` tells what they were found with and is no part of them."""
        for found in findings:
            if found.once and found.what in self._added:
                continue
            self._added.add(found.what)
            problem = Problem(str(found.place), found.what + note, found.do)
            self._problems.setdefault(found, problem)

    def problems(self) -> list[Problem]:
        """Every problem, by file and line."""
        return [self._problems[found] for found in sorted(self._problems)]

    def raise_any(self) -> None:
        """Raises BadYaml with every problem; nothing if there is none."""
        if self._problems:
            raise BadYaml(self.problems())


def nearest(word: str, words: Iterable[str], alike: float = 0.6) -> str:
    """The one of `words` that `word` most looks like; empty if none is that much `alike`.

    From 0, nothing in common, to 1: difflib's ratio.
    """
    return _nearest(word, tuple(words), alike)


@functools.lru_cache(maxsize=20_000)
def _nearest(word: str, words: tuple[str, ...], alike: float) -> str:
    # every profile asks the same again, and to compare words takes its time
    if len(word) > LONGEST_WORD or len(words) > MOST_WORDS:
        return ""
    by_lower = {known.lower(): known for known in words}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=alike)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The question with the nearest word; empty if there is none near."""
    near = nearest(word, words)
    return f"did you mean `{near}`?" if near else ""


def shortened(written: str) -> str:
    """What a file says, on one line of an error message."""
    line = " ".join(written.split())
    return line if len(line) <= 60 else line[:57] + "..."
