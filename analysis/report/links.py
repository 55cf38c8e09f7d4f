"""Addresses on a page: they lead to its own parts and to files of the session, nowhere else."""

from __future__ import annotations

import re
from urllib.parse import quote

_INSIDE = re.compile(r"(#[A-Za-z0-9_-]+|(?!/)[A-Za-z0-9_.~%/-]+)\Z")


def leads_inside(address: str) -> bool:
    """Whether it is relative and can neither run nor fetch anything."""
    return bool(_INSIDE.match(address))


def href(*parts: str) -> str:
    """A relative address of a file, each part of its path percent-encoded.

    Only a leading `..` goes up: no name of a file can make an address that leaves the session.
    """
    up = [".."] if parts[:1] == ("..",) else []
    names = [name for part in parts[len(up) :] for name in part.split("/")]
    kept = [quote(name, safe="", errors="replace") for name in names if name not in ("", ".", "..")]
    return "/".join([*up, *kept])
