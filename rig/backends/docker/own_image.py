"""Images with a target's own Python, made from the app's image: once, and kept by content.

The same packages as on the local backend, for the image's system; the project's code is mounted.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.backends.docker import stack_files
from rig.backends.docker.engine import advice
from rig.backends.environment import making, pins
from rig.backends.environment.project import Project
from rig.backends.environment.uv import cause
from rig.backends.specs import PROJECT
from rig.model import StackError, digest
from rig.plan import Plan

BASE, NAME = "async-django-rig/django-async", "async-django-rig/own"
PYTHON, PATH = "/own/venv/bin/python", "/own/venv/bin"
SCRIPT = PROJECT / "setup" / "own.sh"
DOCKERFILE = PROJECT / "stack" / "app" / "own.Dockerfile"
MOST_KEPT = 4
"""Images that stay for later sessions."""

_HAS = re.compile(r"own: has (\S+==\S+)")
_STEPS = re.compile(r"own: (Python|project|servers)$")
_BUILD_STEP = re.compile(r"^#\d+ +(?:[\d.]+ +)?")


@dataclass(frozen=True)
class OwnImage:
    """An image, and what decides the tables that its target's commands make."""

    tag: str
    content: str


def provide(plans: Iterable[Plan], say: Callable[[str], object]) -> Mapping[str, OwnImage]:
    """The images of these plans, by `making.ident`, kept or made. StackError, with one cause."""
    made: dict[str, OwnImage] = {}
    for name, (plan, servers) in making.servers_of(plans).items():
        project = making.project_of(plan)
        if project.source != "interpreter":
            made[name] = _image(project, servers, say)
    if made:
        prune(stack_files.docker, made.values())
    return made


def prune(docker: Callable[..., str], in_use: Iterable[OwnImage]) -> None:
    """Removes all but the newest of these images and those in use, from the engine asked.

    StackError where it does not answer.
    """
    used = {one.tag for one in in_use}
    listed = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", NAME)
    for tag in listed.split()[MOST_KEPT:]:
        if tag not in used:
            with contextlib.suppress(StackError):  # somebody uses it
                docker("image", "rm", tag)


def _image(project: Project, servers: Sequence[str], say: Callable[[str], object]) -> OwnImage:
    base = stack_files.docker("image", "inspect", "--format", "{{.Id}}", BASE).strip()
    packages, constraints = project.flat()
    if pins.leaves_setuptools(packages, constraints):
        constraints += f"\n{making.SETUPTOOLS}"
    python = (project.pythons() or ("/usr/bin/python3",))[-1]
    words = [python, "|".join(making.DRIVERS), *servers]
    dockerfile = DOCKERFILE.read_text().replace("own.sh WORDS", f"own.sh {shlex.join(words)}")
    content = digest([base, packages, constraints, python])
    key = digest([content, dockerfile, SCRIPT.read_text()])
    tag = f"{NAME}:{key[:16]}"
    if not stack_files.docker("image", "ls", "--quiet", tag).strip():
        say(f"target {project.target}: making its image ({project.file.name})")
        texts = {
            "Dockerfile": dockerfile,
            "own.sh": SCRIPT.read_text(),
            "project/requirements.txt": packages + "\n",
            "project/constraints.txt": constraints + "\n",
        }
        _build(project, servers, tag, texts)
    return OwnImage(tag, content)


def _build(project: Project, servers: Sequence[str], tag: str, texts: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix=stack_files.SCRATCH_PREFIX) as folder:
        for name, text in texts.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        variables = {"RIG_OWN_IMAGE": tag, "RIG_OWN_CONTEXT": folder}
        code, lines = stack_files.build_log(["own"], variables)
    if code is None:
        raise project.problem(f"its image was not built within {stack_files.BUILD_DEADLINE_S:g} s")
    if code:
        raise _failed(project, servers, [_BUILD_STEP.sub("", line) for line in lines])


def _failed(project: Project, servers: Sequence[str], lines: Sequence[str]) -> StackError:
    """Why a build failed: its last step says which packages it was about."""
    steps = [index for index, line in enumerate(lines) if _STEPS.search(line)]
    if not steps:
        why = next(filter(advice, lines), (lines or ["it printed nothing"])[-1])
        return project.problem(f"its image cannot be built: {why}", advice(why))
    last = [line for line in lines[steps[-1] + 1 :] if not _HAS.search(line)]
    why = cause("\n".join(last))
    if lines[steps[-1]].endswith("servers"):
        has = pins.frozen("\n".join(found[1] for line in lines if (found := _HAS.search(line))))
        return project.problem(making.conflict(why, has, servers))
    return project.problem(f"it cannot be installed in the image: {why}", making.advice(why))
