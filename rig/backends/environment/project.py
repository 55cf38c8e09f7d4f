"""Reads a project's files as far as its Python needs them: which interpreter, which packages."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.environment import pins
from rig.backends.environment.uv import printed
from rig.disk.files import read_bytes
from rig.model import StackError
from rig.plan import PythonSource, python_source

MOST_BYTES = 64 << 20
MOST_FILES = 100
PYPROJECT, PYTHON_VERSION, PIPFILE_LOCK = "pyproject.toml", ".python-version", "Pipfile.lock"


@dataclass(frozen=True)
class Project:
    """A project's folder, and the file or interpreter that its `python:` names."""

    target: str
    """The target's name, for what is said."""
    file: Path

    @property
    def source(self) -> PythonSource:
        """Which kind of file it is."""
        return python_source(self.file.name)

    @property
    def folder(self) -> Path:
        """Where the file stands: its project's, which an index or a Python may be set in."""
        return self.file.parent

    def problem(self, what: str, do: str = "") -> StackError:
        """The error of a Python that cannot be made."""
        return StackError(f"target {self.target}: {self.file.name}: {what}", do)

    def pythons(self) -> tuple[str, ...]:
        """Which interpreter it asks for, in uv's words, the best first; empty: any."""
        version = self.folder / PYTHON_VERSION
        pipfile = self._json(self.file) if self.file.name == PIPFILE_LOCK else {}
        said = self._text(version) if version.is_file() else ""
        return pins.python_requests(self.pyproject(), said, pipfile)

    def pyproject(self) -> Mapping[str, Any]:
        """Its pyproject.toml; empty without one."""
        path = self.folder / PYPROJECT
        return self._toml(path) if path.is_file() else {}

    def contents(self) -> list[list[str]]:
        """Name and SHA-256 (hex) of each file that decides its packages."""
        found = [self.file, *self._included(self.file)]
        if self.source in ("uv.lock", "poetry.lock", PYPROJECT):
            found.append(self.folder / PYPROJECT)
        return [
            [os.path.relpath(path, self.folder), hashlib.sha256(self._bytes(path)).hexdigest()]
            for path in dict.fromkeys(found)
        ]

    def _included(self, file: Path) -> list[Path]:
        """The files that a requirements file names, and those that they name."""
        if self.source != "requirements":
            return []
        seen, left = list[Path](), [file]
        while left and len(seen) < MOST_FILES:
            here = left.pop()
            for name in pins.included(self._text(here)):
                path = here.parent / name
                if "://" not in name and path not in seen:
                    seen.append(path)
                    left.append(path)
        return seen

    def requirements(self, scratch: Path) -> Sequence[str]:
        """What `uv pip install` is told, for all the packages. StackError.

        Locks become a requirements file in `scratch`.
        """
        file = str(self.file)
        match self.source:
            case "requirements":
                return ("-r", file)
            case "pyproject.toml":
                if "dependencies" not in self.pyproject().get("project", {}):
                    what = "it has no `dependencies` in [project]"
                    raise self.problem(what, "name the project's lock or requirements file")
                return ("-r", file, *self._itself())
            case "uv.lock":
                lines = self._exported()
            case "poetry.lock":
                lines = self._pins(lambda: pins.of_poetry(self._toml(self.file), self.pyproject()))
            case "Pipfile.lock":
                lines = self._pins(lambda: pins.of_pipfile(self._json(self.file)))
            case _:
                return ()
        # beside the project: paths in it are seen from there
        locked = scratch / "requirements.txt"
        locked.write_text("\n".join([*lines, ""]))
        itself = self._itself() if self.source == "uv.lock" else ()
        return ("--no-deps", "-r", str(locked), *itself)

    def flat(self) -> tuple[str, str]:
        """Its packages and its constraints as two texts that need no other file. StackError.

        For a place where the project is not; what it is built of itself is left out.
        """
        match self.source:
            case "requirements":
                return self._inlined(self.file, set())
            case "pyproject.toml":
                self.requirements(self.folder)  # refuses one that names none
                return "\n".join(self.pyproject()["project"]["dependencies"]), ""
            case "uv.lock":
                return "\n".join(self._exported()), ""
            case "poetry.lock":
                return "\n".join(pins.of_poetry(self._toml(self.file), self.pyproject())), ""
            case _:
                return "\n".join(pins.of_pipfile(self._json(self.file))), ""

    def _inlined(self, file: Path, seen: set[Path]) -> tuple[str, str]:
        own, constraints = list[str](), list[str]()
        for line in self._text(file).splitlines():
            names = pins.included(line)
            if not names:
                own.append(line)
                continue
            path = file.parent / names[0]
            if path in seen or "://" in names[0]:
                continue
            seen.add(path)
            packages, under = self._inlined(path, seen)
            constrains = line.lstrip().startswith(("-c", "--c"))
            (constraints if constrains else own).append(packages)
            constraints.append(under)
        return "\n".join(own), "\n".join(filter(None, constraints))

    def _exported(self) -> list[str]:
        told = ("--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate")
        where = ("--project", str(self.folder), "--directory", str(self.folder))
        return printed("export", "--quiet", *told, *where).splitlines()

    def _itself(self) -> tuple[str, ...]:
        """The project as a package of its own, where it is built as one."""
        package = self.pyproject().get("tool", {}).get("uv", {}).get("package", True)
        built = "build-system" in self.pyproject() and package
        return ("--editable", str(self.folder)) if built else ()

    def _pins(self, read: Any) -> list[str]:
        try:
            lines: list[str] = read()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self.problem(f"it cannot be read: {error!r}", "make the lock again") from error
        return lines

    def _bytes(self, path: Path) -> bytes:
        try:
            return read_bytes(path, MOST_BYTES)
        except OSError as error:
            where = os.path.relpath(path, self.folder)
            raise self.problem(f"{where}: {(error.strerror or '').lower()}") from error

    def _text(self, path: Path) -> str:
        said = self._bytes(path)
        utf_16 = said[:2] in (b"\xff\xfe", b"\xfe\xff")  # as PowerShell's `>` writes it
        return said.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace")

    def _toml(self, path: Path) -> Mapping[str, Any]:
        try:
            return tomllib.loads(self._text(path))
        except tomllib.TOMLDecodeError as error:
            raise self.problem(f"{path.name} is no TOML: {error}") from error

    def _json(self, path: Path) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = json.loads(self._text(path))
        except ValueError as error:
            raise self.problem(f"{path.name} is no JSON: {error}") from error
        return found
