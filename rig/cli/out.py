"""The results folder, as `--out` names it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from rig.model import UsageError


class ResultsFolder(click.ParamType[Path]):
    """A folder of sessions; never by an empty name the current one. What it is, is seen later."""

    name = "DIR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """UsageError for a name that cannot be meant."""
        if not str(value).strip():
            raise UsageError("--out names no folder", "the current one is --out .")
        if os.path.realpath(value) == os.path.sep:
            raise UsageError(f"--out {value}: the root folder is no results folder", "name another")
        return Path(value)
