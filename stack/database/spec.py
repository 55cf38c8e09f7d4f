"""The database role's JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DatabaseSpec:
    """Paths are those that the role sees."""

    bin_dir: str
    cluster: str
    template: str | None
    """What `cluster` is made like, unless that is initialised."""
    initialise: bool
    """initdb, unless a cluster is there."""
    set_passwords: bool
    """Whether the database roles get the passwords first."""
    password_files: Mapping[str, str]
    """By database role."""
    settings: Mapping[str, str | int]


def read_spec(path: Path) -> DatabaseSpec:
    """The spec in a JSON file; TypeError where it has other keys."""
    return DatabaseSpec(**json.loads(path.read_text()))
