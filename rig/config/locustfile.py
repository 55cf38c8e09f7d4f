"""A target's `locustfile` and `locustfiles`: somebody's own Locust files, in the place of routes.

Reads a file's text to say where it is no Python, and runs none of it. May not know the rest of a
target.
"""

from __future__ import annotations

import ast
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, model_validator

from rig.config.placeholders import Variable
from rig.config.sections import Context, Section, at, context_of, expected, together, wrong
from rig.config.values import Distinct, Matching, Optional, Text, Written
from rig.disk.files import read_bytes
from rig.model import DamagedFile
from rig.route import File, LocustFile

ONLY = "locustfile"
"""What the file under `locustfile` is called as a route."""
REQUIREMENTS = "requirements.txt"
MOST_FILE_BYTES = 8 << 20
THINKS = "the users of a Locust file wait as it says itself"


def content_of(path: Path) -> bytes:
    """What is in a Locust file. ValueError, which says what is wrong: it is no Python.

    DamagedFile, OSError.
    """
    content = read_bytes(path, MOST_FILE_BYTES)
    try:
        ast.parse(content, filename=str(path))
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise ValueError("it is nested too deeply") from None
    return content


class _PythonFile(Written):
    """A file of Python that is there, as seen from the target's folder: its path and its hash."""

    def read(self, value: Any, context: Context) -> Any:
        entry = super().read(value, context)
        try:
            content = content_of(context.folder / entry)
        except OSError:
            raise expected(f"a file that is there, seen from {context.folder.name}/") from None
        except DamagedFile as error:
            raise wrong("{error}", error=error.what) from None
        except ValueError as error:
            raise wrong("{file} is no Python: {error}", file=entry, error=error) from None
        return _placed(context.folder, entry), sha256(content).hexdigest()


def _placed(folder: Path, entry: str) -> str:
    """As it is inside the target's folder, else where it stands: the folder may be copied."""
    path = (folder / entry).resolve()
    return entry if path.is_relative_to(folder.resolve()) else str(path)


PythonFile = Annotated[tuple[str, str], _PythonFile()]
Literal = Annotated[str, Matching(r"[^\0]{0,4000}", "text without NUL")]
Tag = Annotated[str, Matching(r"[^\s,]{1,100}", "a tag without spaces and commas")]
ClassName = Annotated[str, Matching(r"[^\W\d]\w{0,99}", "the name of a class in the file")]


class Locust(Section):
    """A Locust file, and which part of it is run."""

    file: PythonFile
    tags: Distinct[Tag] = ()
    exclude_tags: Distinct[Tag] = ()
    user_classes: Distinct[ClassName] = ()
    requirements: Optional[Text] = None
    env: dict[Variable, Literal] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _with_requirements(self, info: ValidationInfo) -> Self:
        folder = context_of(info).folder
        if self.requirements and _hashed(folder, self.requirements) is None:
            amiss = expected(f"a file that is there, seen from {folder.name}/")
            raise together([at(("requirements",), amiss, self.requirements)])
        return self

    def planned(self, folder: Path, python: str) -> LocustFile:
        """As the plan has it. `python`: the file of the target's own packages, as a path."""
        return LocustFile(
            File(*self.file),
            self.tags,
            self.exclude_tags,
            self.user_classes,
            _hashed(folder, self.requirements)
            if self.requirements
            else requirements_of(folder, self.file[0], python),
            self.env,
        )


def requirements_of(folder: Path, file: str, python: str) -> File | None:
    """The requirements next to a Locust file, unless they are the target's own."""
    entry = str(Path(file).with_name(REQUIREMENTS))
    if python and (folder / entry).resolve() == Path(python).resolve():
        return None
    return _hashed(folder, entry)


def _hashed(folder: Path, entry: str) -> File | None:
    try:
        content = read_bytes(folder / entry, MOST_FILE_BYTES)
        return File(_placed(folder, entry), sha256(content).hexdigest())
    except (OSError, DamagedFile, ValueError):
        return None
