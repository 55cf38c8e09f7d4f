"""What Locust files need before a session: the packages that they import, and a first look at them.

The load's own Python has Locust; what a file's requirements name beside it stands in a folder
behind its packages, so that none of them takes the place of one that the rig counts with.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from rig.backends.base import SAFE_PYTHON, Programs
from rig.backends.environment import pins, store
from rig.backends.environment.asking import confined
from rig.backends.environment.making import advice
from rig.backends.environment.project import Project
from rig.backends.environment.uv import INSTALL_DEADLINE_S, cause, printed, uv
from rig.backends.machine.user import roles_user
from rig.backends.specs import PROJECT
from rig.backends.users_files import folder_of, users_file
from rig.disk.files import read_json
from rig.disk.typed import Unfit, fitted
from rig.load.looking import LookedAt
from rig.model import DamagedFile, StackError, digest
from rig.plan import LocustFile, Plan

HANDED_ON = "RIG_LOCUST_PACKAGES"
"""The variable with the folders that were made, for the runner inside the sandbox."""
RULES = 1
"""Counted up by whoever changes what a folder of the same requirements holds."""
_LOCUST = re.compile(r"^\s*locust\s*(?:\[[^]]*\])?\s*==\s*([\w.]+)", re.MULTILINE)
Say = Callable[[str], object]


class LoadPython(Protocol):
    """The Python of load processes: of this machine, or of an image."""

    def has(self) -> Mapping[str, str]:
        """Its packages and their versions."""
        ...

    def options(self) -> Sequence[str]:
        """uv's words for it."""
        ...

    def layout(self, packages: str) -> Programs:
        """Where it sees a Locust file's folder, and that of the packages made for it."""
        ...

    def look(self, spec: Path, out: Path, folder: Path, packages: str) -> str:
        """Runs `rig.load.looking` on two files of one folder; the last that it said.

        `folder`: what it may see of the Locust file. StackError where it takes too long.
        """
        ...


class Here:
    """The runner's own Python, which the local load processes run in."""

    def has(self) -> Mapping[str, str]:
        """As uv lists them."""
        return pins.frozen(printed("pip", "freeze", "--python", sys.executable))

    def options(self) -> Sequence[str]:
        """Its interpreter."""
        return ("--python", sys.executable)

    def layout(self, packages: str) -> Programs:
        """All where it is."""
        return Programs(sys.executable, "", "", load_packages=packages)

    def look(self, spec: Path, out: Path, folder: Path, packages: str) -> str:
        """Without rights and network."""
        if roles_user().other and not folder.stat().st_mode & stat.S_IXOTH:
            what = f"other users cannot enter {folder}, and no role runs as root"
            raise StackError(what, "put the file into a folder of its own that others may enter")
        prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
        needed = [PROJECT, *prefixes, folder, spec.parent, *([Path(packages)] if packages else [])]
        done = confined(_command(spec, out), needed, spec.parent)
        said = (done.err.strip() or done.out.strip() or f"exit code {done.code}").splitlines()
        return said[-1]


def _command(spec: Path, out: Path) -> list[str]:
    variables = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
    }
    assigned = [f"{name}={value}" for name, value in variables.items()]
    python = [sys.executable, *SAFE_PYTHON, "-m", "rig.load.looking", str(spec), str(out)]
    return ["env", "--ignore-environment", "--chdir=/tmp", *assigned, *python]


def provide(plans: Iterable[Plan], python: LoadPython, say: Say) -> Mapping[str, str]:
    """Makes what the Locust files of these plans import, and looks at each once. StackError.

    Gives the folders by `ident`. `say` gets a line before what takes a while, and on each thing of
    a file that is not used.
    """
    folders: dict[str, str] = {}
    for plan in _each(plans):
        name = ident(plan)
        if name:
            folders[name] = _packages(plan, python, say)
        for note in _looked_at(plan, python, folders.get(name, "")).notes:
            say(note)
    os.environ[HANDED_ON] = json.dumps(folders)
    return folders


def handed_over(plan: Plan) -> str:
    """The folder of a plan's packages as `provide` made it; empty where it needs none."""
    folders: Mapping[str, str] = json.loads(os.environ.get(HANDED_ON, "{}"))
    return folders.get(ident(plan), "")


def ident(plan: Plan) -> str:
    """What the folders of a session are told apart by; empty for a plan that needs none."""
    locustfile = plan.locustfile
    if locustfile is None or locustfile.requirements is None:
        return ""
    return digest(
        [plan.target.folder, locustfile.requirements.path, locustfile.requirements.sha256]
    )[:16]


def _each(plans: Iterable[Plan]) -> Iterator[Plan]:
    """A plan for each Locust file and part of it."""
    found: list[tuple[str, LocustFile]] = []
    for plan in plans:
        locustfile = plan.locustfile
        if locustfile is not None and (plan.target.folder, locustfile) not in found:
            found.append((plan.target.folder, locustfile))
            yield plan


def _packages(plan: Plan, python: LoadPython, say: Say) -> str:
    """The folder of what a plan's file needs beside the load's own; empty for nothing."""
    requirements, has = _requirements(plan), python.has()
    of = [RULES, requirements.contents(), list(python.options()), has]
    key = f"locust-{digest(of)}"
    if not store.found(key):
        _say_locust(requirements, has, say)
        with store.new(key) as part:
            _make(requirements, python, part, say)
    folder = store.folder() / key / "packages"
    return str(folder) if folder.is_dir() else ""


def _requirements(plan: Plan) -> Project:
    target, locustfile = plan.target, plan.locustfile
    assert locustfile is not None
    assert locustfile.requirements is not None
    return Project(target.name, Path(target.folder) / locustfile.requirements.path)


def _say_locust(requirements: Project, has: Mapping[str, str], say: Say) -> None:
    named = _LOCUST.search(requirements.flat()[0])
    if named and named[1] != has.get("locust", named[1]):
        say(f"{requirements.file.name} asks for Locust {named[1]}; the rig's {has['locust']} runs")


def _make(requirements: Project, python: LoadPython, part: Path, say: Say) -> None:
    """Installs what of the requirements is not there, with the versions of what is."""
    has, ours, wanted = python.has(), part / "ours.txt", part / "wanted.txt"
    ours.write_text("".join(f"{name}=={has[name]}\n" for name in sorted(has)))
    quiet = ("--quiet", "--no-header", "--no-annotate", *python.options())
    lines = _uv(requirements, "pip", "compile", *quiet, "--override", str(ours),
                str(requirements.file)).splitlines()  # fmt: skip
    lacks = [line for line in lines if not _is_one_of(line, has)]
    if not lacks:
        return
    say(f"installing what the Locust file needs ({requirements.file.name}): {', '.join(lacks)}")
    wanted.write_text("\n".join([*lacks, ""]))
    _uv(requirements, "pip", "install", "--quiet", "--no-deps", *python.options(),
        "--target", str(part / "packages"), "-r", str(wanted))  # fmt: skip


def _is_one_of(line: str, has: Mapping[str, str]) -> bool:
    found = re.match(r"[\w.-]+", line)
    if found is None:  # a path, where it is no remark
        return not line or line.startswith("#")
    return pins.normalised(found[0]) in has


def _uv(requirements: Project, *arguments: str) -> str:
    done = uv(*arguments, deadline_s=INSTALL_DEADLINE_S)
    if done.code:
        why = cause(done.err or done.out)
        raise requirements.problem(f"it cannot be installed: {why}", advice(why))
    return done.out


def _looked_at(plan: Plan, python: LoadPython, packages: str) -> LookedAt:
    """What a file holds, imported without rights and network. StackError: it cannot be run."""
    locustfile, file = plan.locustfile, users_file(plan, python.layout(packages))
    assert locustfile is not None
    assert file is not None
    with tempfile.TemporaryDirectory(prefix="rig-looked-at-") as scratch:
        folder, spec, out = Path(scratch), Path(scratch) / "spec.json", Path(scratch) / "out"
        spec.write_text(json.dumps(asdict(file)))
        out.touch()
        for path, mode in ((folder, 0o755), (spec, 0o644), (out, 0o666)):
            path.chmod(mode)
        last_line = python.look(spec, out, folder_of(plan.target, locustfile), packages)
        try:
            result = fitted(LookedAt, read_json(out, follow=False))
        except (OSError, DamagedFile, Unfit, ValueError) as error:
            raise StackError(f"{file.name}: it cannot be looked at: {last_line}") from error
    if result.wrong:
        raise StackError(result.wrong)
    return result
