"""Reads a `.env` file: names and values as they are, of which no shell makes anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rig.disk.files import read_text

MOST_BYTES = 256 << 10

_ENTRY = re.compile(
    r"""(?:export[ \t]+)?(?P<name>[A-Za-z_][\w.-]*)[ \t]*=[ \t]*
    (?:'(?P<single>(?:\\['\\]|[^'])*)'[ \t]*(?:\#.*)?
      |"(?P<double>(?:\\.|[^"\\])*)"[ \t]*(?:\#.*)?
      |(?P<bare>(?!["']).*))(?=\r?\n|\Z)""",
    re.VERBOSE,
)
_NOTHING = re.compile(r"[ \t]*(?:#.*)?(?:\r?\n|\Z)")
_COMMENT = re.compile(r"(?:^|\s+)#.*")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class NoEnvFile(ValueError):
    """A line that says nothing, with its number."""


def read_env_file(path: Path) -> Mapping[str, str]:
    """Its variables. NoEnvFile names the first line that is none; OSError, DamagedFile."""
    return variables(read_text(path, MOST_BYTES))


def variables(text: str) -> dict[str, str]:
    """Variables of a `.env`'s text; of one that stands twice, the last. NoEnvFile."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if blank := _NOTHING.match(text, at):
            at = max(blank.end(), at + 1)
            continue
        at += len(text[at:]) - len(text[at:].lstrip(" \t"))
        entry = _ENTRY.match(text, at)
        if entry is None:
            raise NoEnvFile(f"line {text.count(chr(10), 0, at) + 1} is no `NAME=value`")
        found[entry["name"]] = _value(entry)
        at = entry.end()
    return found


def _value(entry: re.Match[str]) -> str:
    if entry["single"] is not None:
        return re.sub(r"\\(['\\])", r"\1", entry["single"])
    if entry["double"] is not None:
        return re.sub(
            r"\\(.)", lambda one: _ESCAPED.get(one[1], one[1]), entry["double"], flags=re.DOTALL
        )
    return _COMMENT.sub("", entry["bare"]).strip()
