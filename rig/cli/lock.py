"""One session at a time on a machine: two would spoil each other."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from rig.model import UsageError

# the same for every user of the machine, so no place below a home folder
LOCK = Path("/tmp/async-django-rig.lock")


_held: list[int] = []


def name(session: str) -> None:
    """Tells others who holds the machine, if this process does."""
    for descriptor in _held:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, session.encode(), 0)


@contextlib.contextmanager
def alone(session: str) -> Iterator[None]:
    """Holds the machine for `session`. UsageError, naming the one that has it.

    The kernel lets go of it when the holder ends, however it ends.
    """
    descriptor = _open()
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 4096, 0).decode(errors="replace").strip()
            raise UsageError(
                f"session {holder or 'unknown'} is running on this machine",
                "two would spoil each other: wait for it, or end it with Ctrl-C",
            ) from None
        _held.append(descriptor)
        name(session)
        yield
    finally:
        _held.clear()
        os.close(descriptor)


def _open() -> int:
    try:
        # without O_CREAT: in a sticky folder it is refused on other users' files
        return os.open(LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, 0o666)
        return descriptor
