"""How the roles see the file system when the runner is root.

Roles run as an unprivileged user, who may not pass through folders such as /root (mode 700).
In a mount namespace of their own, each such folder is replaced by an empty one in which just
the paths that they need are mounted, at their usual places.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Sequence
from pathlib import Path

from rig.backends.processes import Process, until
from rig.model import StackError

_STAGE = "/run/view"


def closed_ancestor(path: Path) -> Path | None:
    """The topmost folder above `path` that other users may not pass through."""
    for ancestor in reversed(path.parents):
        if not ancestor.stat().st_mode & stat.S_IXOTH:
            return ancestor
    return None


def script(paths: Sequence[Path]) -> str:
    """A shell script that opens the way to `paths` and then sleeps for ever.

    Paths inside other listed paths are left to them.
    """
    # keyed by the folder to hide
    hidden: dict[Path, list[Path]] = {}
    for path in sorted({path.resolve() for path in paths}):
        closed = closed_ancestor(path)
        if closed is not None:
            wanted = hidden.setdefault(closed, [])
            if not any(path.is_relative_to(other) for other in wanted):
                wanted.append(path)
    lines = ["set -e"]
    for folder, wanted in hidden.items():
        stages = [f"{_STAGE}{index}" for index, _ in enumerate(wanted)]
        for stage, path in zip(stages, wanted, strict=True):
            lines.append(f"mkdir -p {stage}; mount --bind {shlex.quote(str(path))} {stage}")
        lines.append(f"mount -t tmpfs -o mode=755 rig {shlex.quote(str(folder))}")
        for stage, path in zip(stages, wanted, strict=True):
            quoted = shlex.quote(str(path))
            lines.append(f"mkdir -p {quoted}; mount --bind {stage} {quoted}; umount {stage}")
    lines += ["echo ready", "exec sleep infinity"]
    return "\n".join(lines)


def mount_for_roles(paths: Sequence[Path], log: Path) -> int:
    """The view's mount namespace, as an open file that holds it.

    StackError where a path itself is closed to other users, and where mounts fail.
    """
    closed = [str(path) for path in paths if not path.stat().st_mode & stat.S_IXOTH]
    if closed:
        raise StackError(
            f"other users cannot read {', '.join(closed)}, and no role runs as root",
            f"chmod -R o+rX {' '.join(closed)}",
        )
    maker = Process(["unshare", "--mount", "sh", "-c", script(paths)], log)
    try:
        for _ in until(10):
            if "ready" in maker.log_lines():
                return os.open(namespace_of(maker), os.O_RDONLY | os.O_CLOEXEC)
            if maker.code() is not None:
                break
    finally:
        maker.kill()
    raise StackError(f"the roles' file system could not be made: {' / '.join(maker.log_lines())}")


def namespace_of(process: Process) -> str:
    """The mount namespace that a process is in."""
    return f"/proc/{process.pid}/ns/mnt"
