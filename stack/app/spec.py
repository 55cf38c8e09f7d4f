"""The app role's JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "{database_password}"


@dataclass(frozen=True)
class AppSpec:
    """A command of the target, its environment, and the folder that it runs in."""

    command: Sequence[str]
    env: Mapping[str, str]
    folder: str
    password_file: str
    """The password that `PASSWORD` stands for in `env`."""
    path: str = ""
    """Folders that come first on PATH; empty: the one of the Python that runs the role."""


def read_spec(path: Path) -> AppSpec:
    """The spec in a JSON file; TypeError where it has other keys."""
    return AppSpec(**json.loads(path.read_text()))
