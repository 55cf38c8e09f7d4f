"""`derived/made.json`: what made the folder, and the hash of each of its files.

With it, a drawing that another version of the code or of a library would draw otherwise is told
from one that was edited.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rig import inference
from rig.disk import files as rig_files
from rig.disk.files import read_json, regular_files, sha256, write_atomically
from rig.model import FIRST_RULES, RULES, DamagedFile

MADE = "made.json"
SOURCES = (".py", ".csv", ".html", ".css")
LIBRARIES = ("matplotlib", "numpy", "hdrhistogram", "jinja2", "markupsafe")


@dataclass(frozen=True)
class Provenance:
    """What `made.json` says. `by` is empty where an older version wrote none."""

    by: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 by the file's path inside `derived/`."""
    rules: int = FIRST_RULES
    """By which its numbers came of the raw files (`rig.model.RULES`)."""

    @property
    def today(self) -> bool:
        """Whether the same would come of the same raw files, byte for byte."""
        return dict(self.by) == maker()


@functools.cache
def maker() -> dict[str, str]:
    """What decides every byte of `derived/`, raw files aside."""
    code = hashlib.sha256()
    for module in (__file__, rig_files.__file__, inference.__file__):
        package = Path(module).parent
        for path in sorted(regular_files(package)):
            if path.suffix in SOURCES:
                code.update(f"{path.relative_to(package.parent)}\0{sha256(path)}".encode())
    machine = {"python": platform.python_version(), "machine": platform.machine()}
    return {"code": code.hexdigest(), **machine, **{name: _version(name) for name in LIBRARIES}}


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def read_provenance(folder: Path) -> Provenance:
    """What `made.json` of a `derived/` says; nothing where there is none. DamagedFile."""
    path = folder / MADE
    if not path.exists():
        return Provenance()
    made = read_json(path)
    try:
        by = {str(k): str(v) for k, v in made["by"].items()}
        return Provenance(by, dict(made["files"]), int(made.get("rules", FIRST_RULES)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(f"{path}: not as analyse writes it: {error!r}") from error


def write_provenance(folder: Path, more: Iterable[Path] | None = None) -> None:
    """Vouches for all files of a folder that was just made; or for some `more` in an older one."""
    before = Provenance() if more is None else read_provenance(folder)
    if not before.by:
        before = Provenance(maker(), rules=RULES)
    files = {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in (regular_files(folder) if more is None else more)
    }
    made = replace(before, files={**before.files, **files})
    write_atomically(folder / MADE, json.dumps(asdict(made), indent=1) + "\n")
