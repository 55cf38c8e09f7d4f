"""What a session knows of a target's own Python once it is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Environment:
    """A Python with a target's packages and the servers that its plans need."""

    python: str
    """Its interpreter."""
    path: str
    """The folders that come first on PATH."""
    folders: tuple[str, ...]
    """What a role must be able to read of it."""
    content: str
    """Hex digest of the project's packages and its Python; servers have no part in it."""
