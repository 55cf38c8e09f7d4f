"""What a session knows of a target's own Python once it is made."""

from __future__ import annotations

import dataclasses
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

    def to_json(self) -> dict[str, object]:
        """JSON-ready."""
        return dataclasses.asdict(self)

    @classmethod
    def of_json(cls, said: dict[str, object]) -> Environment:
        """As `to_json` wrote it."""
        folders = said["folders"]
        assert isinstance(folders, list)
        python, path, content = (str(said[name]) for name in ("python", "path", "content"))
        return cls(python, path, tuple(map(str, folders)), content)
