"""A user's own Locust file, as data: where a load process finds it, and what of it is run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class UsersFile:
    """Paths are those that the load processes see."""

    path: str
    name: str
    """What messages call it."""
    import_folders: tuple[str, ...] = ()
    """Folders that it may import from, after its own."""
    packages: str = ""
    """The folder of the packages that it needs beside the load's own; empty for none."""
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    user_classes: tuple[str, ...] = ()
    """Those that are run; empty for all."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that it reads."""
