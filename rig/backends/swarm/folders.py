"""A folder of this machine as tar archives, piece by piece, for `stack/agent` to unpack on a node.

May not know which node, nor what the folder is.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from rig.backends import content

PIECE_BYTES = 4 << 20
"""An archive is sent once it has so many: a slow line carries it within a call's deadline."""


def archives(folder: Path, writable: bool) -> Iterator[bytes]:
    """What is part of a project (see `rig.backends.content`); all may read it, or change it, too.

    Links stay links. A file is whole in one archive. StackError, OSError.
    """
    paths = content.parts(folder)
    while piece := _piece(paths, folder, writable):
        yield piece


def _piece(paths: Iterator[Path], folder: Path, writable: bool) -> bytes:
    """The next archive; nothing once there are no paths left."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path in paths:
            _add(archive, path, str(path.relative_to(folder)), writable)
            if out.tell() >= PIECE_BYTES:
                break
        found = archive.getmembers()
    return out.getvalue() if found else b""


def _add(archive: tarfile.TarFile, path: Path, name: str, writable: bool) -> None:
    member = tarfile.TarInfo(name)
    if path.is_symlink():
        member.type, member.linkname = tarfile.SYMTYPE, os.readlink(path)
        archive.addfile(member)
    elif path.is_dir():
        member.type, member.mode = tarfile.DIRTYPE, mode_of_folder(writable)
        archive.addfile(member)
    elif path.is_file():
        with content.opened(path) as (read, executable):
            member.mode = 0o644 | 0o111 * executable | 0o022 * writable
            member.size = os.fstat(read.fileno()).st_size
            archive.addfile(member, read)


def mode_of_folder(writable: bool) -> int:
    """For everybody: roles are several users."""
    return 0o777 if writable else 0o755
