"""One session at a time on a machine: two would spoil each other, whoever started them.

What is locked is the machine's root folder: every user can open it, nobody but root can put
another in its place, and nothing is written to it. A session's name stands beside that in a note,
which is believed only where it belongs to the user who holds the lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.disk.files import create, read_bytes
from rig.model import DamagedFile, RigError, StorageError, UsageError, printable

MACHINE = Path("/")
NOTES = Path("/tmp")
HANDED_ON = "RIG_MACHINE_LOCK"
"""The variable that tells a runner in a sandbox which descriptor it has inherited."""

_MOST_SHOWN = 1000
_held: list[int] = []


def name(session: str) -> None:
    """Tells others who holds the machine, if this process does."""
    if not _held:
        return
    _forget()
    # without a note, others are told the process and its user all the same
    with contextlib.suppress(OSError), create(_note(os.geteuid())) as file:
        file.write(session.encode(errors="replace"))


@contextlib.contextmanager
def alone(session: str) -> Iterator[int]:
    """Holds the machine for `session`; gives the descriptor, for who shares in it.

    UsageError, naming the one that has it. The kernel lets go of it when the holder, and all
    that it handed the descriptor to, have ended, however they ended.
    """
    descriptor = _open()
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _refusal(_holder(os.fstat(descriptor))) from None
        except OSError as error:
            raise StorageError(f"{MACHINE} cannot be locked: {error.strerror}") from error
        _held.append(descriptor)
        try:
            name(session)
            yield descriptor
        finally:
            _held.clear()
            _forget()
    finally:
        os.close(descriptor)


def _open() -> int:
    """The root folder, as inherited or opened anew."""
    descriptor = os.environ.get(HANDED_ON, "")
    with contextlib.suppress(OSError, ValueError, OverflowError):
        inherited = int(descriptor)
        if os.path.samestat(os.fstat(inherited), MACHINE.stat()):
            os.set_inheritable(inherited, False)
            return inherited
    try:
        return os.open(MACHINE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{MACHINE} cannot be locked: {error.strerror}") from error


def _note(uid: int) -> Path:
    return NOTES / f"async-django-rig-{uid}.session"


def _forget() -> None:
    with contextlib.suppress(OSError):
        _note(os.geteuid()).unlink()


@dataclass(frozen=True)
class _Holder:
    """The process that took the lock, as far as this user may know."""

    pid: int
    uid: int
    command: str

    @property
    def user(self) -> str:
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return f"user {self.uid}"

    def session(self) -> str:
        """The session that its note names; "" without one of its own."""
        path = _note(self.uid)
        try:
            if path.lstat().st_uid != self.uid:
                return ""
            return read_bytes(path, _MOST_SHOWN, follow=False).decode(errors="replace").strip()
        except (OSError, DamagedFile):
            return ""


def _holder(locked: os.stat_result) -> _Holder | None:
    """Who holds the lock; None where that process has ended, or cannot be seen from here."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        mine = [
            (int(words[4]), words[5].rpartition(":")[0])
            for words in lines
            if words[1:4] == ["FLOCK", "ADVISORY", "WRITE"]
            and words[5].rpartition(":")[2] == str(locked.st_ino)
        ]
        device = f"{os.major(locked.st_dev):02x}:{os.minor(locked.st_dev):02x}"
        # some file systems tell `stat` another device than the kernel's own lists
        pid = next((pid for pid, on in mine if on == device), mine[0][0])
        folder = Path(f"/proc/{pid}")
        command = folder.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
        # a process that has ended, and whom nobody has waited for yet, has none
        if command:
            return _Holder(pid, folder.stat().st_uid, command.decode(errors="replace").strip())
    return None


def _refusal(holder: _Holder | None) -> RigError:
    advice = "two would spoil each other: wait for it, or "
    if holder is None:
        return UsageError(
            "another session is running on this machine",
            advice + "see as root whose it is: grep -l FLOCK /proc/[0-9]*/fdinfo/*",
        )
    session = holder.session()
    called = f"session {session}" if session else f"`{holder.command}`"
    end = f"end it with Ctrl-C, or kill -INT {holder.pid}"
    if os.geteuid() not in (0, holder.uid):
        end = f"ask {holder.user}, or root, to end it: kill -INT {holder.pid}"
    return UsageError(
        f"{_line(called)} is running on this machine, as process {holder.pid} of {holder.user}",
        advice + end,
    )


def _line(text: str) -> str:
    return printable(text).replace("\n", " ")[:_MOST_SHOWN]
