"""Whom the roles of this machine run as."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RolesUser:
    """Who the roles are: the runner itself, or `nobody` where the runner is root."""

    name: str
    uid: int
    gid: int

    @property
    def other(self) -> bool:
        """Whether roles are someone else than the runner."""
        return self.uid != os.geteuid()

    def without_rights(self) -> list[str]:
        """The words before a command that run it as this user, without any capability."""
        person = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        return [
            "setpriv",
            *(person if self.other else []),
            *("--ambient-caps=-all", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
        ]

    def owns(self, *paths: Path) -> None:
        """Makes paths this user's."""
        if self.other:
            for path in paths:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may_read(self, *paths: Path) -> None:
        """Lets this user read paths that stay the runner's, so that it cannot replace them."""
        if self.other:
            for path in paths:
                os.chown(path, -1, self.gid, follow_symlinks=False)
                path.chmod(0o750 if path.is_dir() else 0o640)


def roles_user() -> RolesUser:
    """The user that every role but the delay runs as."""
    if os.geteuid() != 0:
        entry = pwd.getpwuid(os.geteuid())
        return RolesUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    entry = pwd.getpwnam("nobody")
    return RolesUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
