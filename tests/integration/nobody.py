"""Runs commands as an ordinary user, also where the tests themselves run as root."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from rig.backends.machine import role_mounts
from rig.backends.processes import Process, until
from rig.backends.specs import PROJECT

NOBODY_UID = 65534


@contextlib.contextmanager
def ordinary_user(scratch: Path) -> Iterator[list[str]]:
    """The words to put before a command so that an ordinary user runs it; none if we are one.

    Root's way there is a view in which everybody can read the project and the interpreter,
    wherever they stand. RuntimeError where it cannot be made.
    """
    if os.geteuid() != 0:
        yield []
        return
    paths = [PROJECT, Path(sys.prefix), Path(sys.base_prefix)]
    # the view's own folders stand in /run: in a private one, or they would stay behind
    script = f"mount -t tmpfs -o mode=755 tests /run\n{role_mounts.script(paths)}"
    holder = Process(["unshare", "--mount", "sh", "-c", script], scratch / "view.log")
    try:
        for _ in until(10):
            if "ready" in holder.log_lines():
                break
        else:
            raise RuntimeError(f"no view for an ordinary user: {holder.log_lines()}")
        person = [f"--reuid={NOBODY_UID}", f"--regid={NOBODY_UID}", "--clear-groups"]
        # nsenter would go back to the folder it was started in, as it was outside
        inside = ["nsenter", f"--mount={role_mounts.namespace_of(holder)}", f"--wdns={PROJECT}"]
        yield [*inside, "setpriv", *person]
    finally:
        holder.kill()
