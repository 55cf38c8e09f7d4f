"""Text with words in braces, and the bytes around the places where they stand.

Pure. A word stands for something of each request's own: `{unique}`, a value, what a session took.
May not know where any of that comes from.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, quote_plus

UNIQUE = "unique"
USER = "n"
"""The number of a user, from 1 on."""
OWN_WORDS = (UNIQUE, USER)
WORD = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")
"""Doubled braces hold text, and so do those of somebody's nested language: `{posts{id}}`."""

Encoding = Literal["plain", "header", "path", "form", "json", "whole"]
"""How a value is written into the bytes around it; `whole`: as a JSON value of its own kind."""
Filling = Mapping[str, Any]
"""What stands for each word."""
NOTHING: Filling = {}
MOST_KEPT = 65_536
"""Texts of each encoding whose bytes are kept: a list's values come again and again."""


@dataclass(frozen=True)
class Placeholder:
    """Where a word stands in some bytes."""

    word: str
    encoding: Encoding

    def bytes_of(self, filling: Filling) -> bytes:
        """What stands there. KeyError where nobody says."""
        return self.write(filling[self.word])

    @property
    def write(self) -> Callable[[Any], bytes]:
        """What makes bytes of whatever stands there."""
        return _WRITTEN[self.encoding]


Part = bytes | Placeholder
Parts = tuple[Part, ...]


def filled(parts: Parts, filling: Filling) -> bytes:
    """The bytes with every place filled in. KeyError names a word that nothing stands for."""
    return b"".join(part if isinstance(part, bytes) else part.bytes_of(filling) for part in parts)


def bound(parts: Parts, filling: Filling) -> Parts:
    """The parts with the places filled in that something is said for."""
    known = (
        part.bytes_of(filling) if isinstance(part, Placeholder) and part.word in filling else part
        for part in parts
    )
    return joined(known)


def joined(parts: Iterable[Part]) -> Parts:
    """The parts, neighbouring bytes made one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, bytes) and isinstance(last, bytes):
            found[-1] = last + part
        elif part != b"":
            found.append(part)
    return tuple(found)


def words_in(value: Any) -> set[str]:
    """Every word in a text, or in the texts of a value at any depth."""
    if isinstance(value, str):
        return set(WORD.findall(value))
    if isinstance(value, Mapping):
        return {word for inner in value.values() for word in words_in(inner)}
    if isinstance(value, list | tuple):
        return {word for inner in value for word in words_in(inner)}
    return set()


def fill(value: Any, filling: Filling) -> Any:
    """A value with its words filled in, at any depth. Others stay as they are.

    A text that is a word and nothing else becomes what stands for it, a number for example.
    """
    if isinstance(value, str):
        alone = WORD.fullmatch(value)
        if alone and alone[1] in filling:
            return filling[alone[1]]
        return WORD.sub(lambda found: str(filling.get(found[1], found[0])), value)
    if isinstance(value, Mapping):
        return {key: fill(inner, filling) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fill(inner, filling) for inner in value]
    return value


def parts_of(
    value: Any, write: Callable[[Any], str], words: Collection[str], encoding: Encoding
) -> Parts:
    """What `write` makes of a value, with a place for each of the words in it."""
    present = sorted(words_in(value) & set(words))
    # a text that no encoding changes, and that stands nowhere else
    stem, bare = "word0", write(fill(value, dict.fromkeys(present, "")))
    for number in itertools.count(1):
        if stem not in bare:
            break
        stem = f"word{number}"
    marks = {word: f"{stem}n{index}z" for index, word in enumerate(present)}
    written = write(_marked(value, marks, encoding == "json"))
    pattern = re.compile(f'"{stem}n([0-9]+)y"|{stem}n([0-9]+)z')
    parts: list[Part] = []
    end = 0
    for found in pattern.finditer(written):
        whole, within = found.groups()
        place = Placeholder(present[int(whole or within)], "whole" if whole else encoding)
        parts += [written[end : found.start()].encode(), place]
        end = found.end()
    return joined([*parts, written[end:].encode()])


def _marked(value: Any, marks: Mapping[str, str], is_json: bool) -> Any:
    if isinstance(value, str):
        alone = WORD.fullmatch(value)
        if is_json and alone and alone[1] in marks and alone[1] != UNIQUE:
            return f"{marks[alone[1]][:-1]}y"
        return WORD.sub(lambda found: marks.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: _marked(inner, marks, is_json) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(inner, marks, is_json) for inner in value]
    return value


def header_parts(text: str, words: Collection[str]) -> Parts:
    """A header's value, as it is sent."""
    parts: list[Part] = []
    end = 0
    for found in WORD.finditer(text):
        if found[1] in words:
            parts += [text[end : found.start()].encode("latin-1"), Placeholder(found[1], "header")]
            end = found.end()
    return joined([*parts, text[end:].encode("latin-1")])


def _header(value: Any) -> bytes:
    # a line end would begin a header that nobody wrote
    text = str(value).replace("\r", " ").replace("\n", " ")
    return text.encode("latin-1", "replace")


def _cheaper(write: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """The same, which does not make a text's bytes twice: a whole number's are alike everywhere."""
    of_text = functools.lru_cache(MOST_KEPT)(write)

    def written(value: Any) -> bytes:
        kind = type(value)
        if kind is str:
            return of_text(value)
        return b"%d" % value if kind is int else write(value)

    return written


_WRITTEN: Mapping[Encoding, Callable[[Any], bytes]] = {
    "plain": _cheaper(lambda value: str(value).encode()),
    "header": _cheaper(_header),
    "path": _cheaper(lambda value: quote(str(value), safe="").encode()),
    "form": _cheaper(lambda value: quote_plus(str(value)).encode()),
    "json": _cheaper(lambda value: json.dumps(str(value))[1:-1].encode()),
    "whole": _cheaper(lambda value: json.dumps(value).encode()),
}
