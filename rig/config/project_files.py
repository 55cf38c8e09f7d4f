"""Files that a target names in its project's folder: whether they are there and can be read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pydantic_core import PydanticCustomError

from rig import plan
from rig.config.env_file import NoEnvFile, read_env_file
from rig.config.sections import expected, wrong
from rig.model import DamagedFile

PYTHON = "requirements.txt, uv.lock, pyproject.toml, poetry.lock, Pipfile.lock or an interpreter"


def python_problem(folder: Path, entry: str) -> PydanticCustomError | None:
    """What is wrong with `python: entry` of a project in `folder`."""
    path = folder / entry
    with contextlib.suppress(OSError):  # a name that no file can have
        if path.is_file():
            fine = plan.python_source(path.name) != "interpreter" or os.access(path, os.X_OK)
            return None if fine else expected(PYTHON)
        if (path / "bin" / "python").is_file():
            what = "`{name}` is an environment's folder"
            return wrong(what, f"name its interpreter: {entry}/bin/python")
    return expected(f"{PYTHON} that is there, seen from {folder.name}/")


def env_file_problem(folder: Path, entry: str) -> PydanticCustomError | None:
    """What is wrong with `env_file: entry` of a project in `folder`."""
    try:
        read_env_file(folder / entry)
    except NoEnvFile as error:
        return wrong("{file}: {error}", file=entry, error=error)
    except DamagedFile as error:
        return wrong("{error}", error=error.what)
    except OSError:
        return expected(f"a file that is there, seen from {folder.name}/")
    return None
