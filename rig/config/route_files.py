"""Files beside a target that its requests send, held to what was in them when it was read."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from rig.config.sections import Context, expected, wrong
from rig.config.values import Written
from rig.disk.files import read_bytes
from rig.model import DamagedFile

MOST_FILE_BYTES = 8 << 20


class _FileBeside(Written):
    """A file that is there, as seen from the target's folder: its path and its hash."""

    def read(self, value: Any, context: Context) -> Any:
        path = super().read(value, context)
        return path, sha256(content_of(path, context)).hexdigest()


def content_of(path: str, context: Context) -> bytes:
    """What is in a file beside the target; an error for `together` where it cannot be read."""
    entry = context.folder / path
    try:
        inside = entry.resolve().is_relative_to(context.folder.resolve())
    except (OSError, ValueError):  # a name that no file can have
        inside = False
    if not inside:
        raise expected(f"a file inside {context.folder.name}/")
    try:
        return read_bytes(entry, MOST_FILE_BYTES)
    except OSError:
        raise expected(f"a file that is there, seen from {context.folder.name}/") from None
    except DamagedFile:
        what = f"`{{name}}` names no regular file of at most {MOST_FILE_BYTES >> 20} MiB"
        raise wrong(what) from None


FileBeside = Annotated[tuple[str, str], _FileBeside()]
