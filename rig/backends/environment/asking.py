"""Runs a script in a project's own Python, to be told what only its code can tell.

Somebody's code: it gets no network, and where this user is root it is nobody's process, which sees
of closed folders just what it needs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig.backends.environment.environment import Environment
from rig.backends.machine import binaries, role_mounts
from rig.backends.machine.user import roles_user
from rig.backends.processes import CompletedProcess, completed
from rig.model import StackError

DEADLINE_S = 90.0


def script_output(
    environment: Environment,
    project: Path,
    script: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
) -> str:
    """What a script prints, in a project's folder. StackError where it fails, or takes too long."""
    with tempfile.TemporaryDirectory(prefix="rig-asked-") as scratch:
        fixed = {
            "PATH": f"{environment.path}:{binaries.SEARCH_PATH}",
            "PYTHONPATH": str(project),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "HOME": "/tmp",
        }
        told = [f"{name}={value}" for name, value in {**variables, **fixed}.items()]
        into = ["env", "--ignore-environment", f"--chdir={project}", *told]
        command = [*into, environment.python, "-s", str(script), *arguments]
        needed = [script.parent, project, *map(Path, environment.folders)]
        done = confined(command, needed, Path(scratch))
    if done.code:
        said = (done.err.strip() or done.out.strip() or f"exit code {done.code}").splitlines()
        raise StackError(said[-1])
    return done.out


def confined(command: Sequence[str], needed: Sequence[Path], scratch: Path) -> CompletedProcess:
    """Runs somebody's code to its end, without network and rights. `scratch`: for a log.

    StackError where it takes too long.
    """
    user = roles_user()
    if not user.other:
        alone = ["unshare", "--user", "--map-current-user", "--net", "--"]
        possible = not completed([*alone, "true"], 10).code
        return completed([*(alone if possible else []), *command], DEADLINE_S)
    mounts = role_mounts.mount_for_roles(needed, scratch / "log")
    try:
        into = ["nsenter", f"--mount=/proc/{os.getpid()}/fd/{mounts}", "unshare", "--net", "--"]
        return completed([*into, *user.without_rights(), *command], DEADLINE_S)
    finally:
        os.close(mounts)
