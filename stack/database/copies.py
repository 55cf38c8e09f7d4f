"""Makes a trial's cluster what its template is, and copies no more than it has to.

The first copy is a whole one. Of a thousand files a trial changes some thirty: after it, only those
are copied again. It knows folders and files, and nothing of Postgres.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

TICK_S = 0.02
"""The file system's clock ticks no slower: a change in the tick of the copy would not show."""
Stamp = list[int]
"""Of a file: its inode, change time and size. No program can set the first two."""


def refresh(template: Path, cluster: Path) -> None:
    """Makes `cluster` what `template` is, folder by folder and byte by byte.

    What stays is a file that has not changed since it was copied, of one that has not either. The
    stamps of both stand beside the cluster; without them, everything is copied. OSError.
    """
    listing = cluster.with_name(f"{cluster.name}.copied")
    known = _read(listing)
    listing.unlink(missing_ok=True)  # if this does not come to its end, nothing stays
    if not known:
        shutil.rmtree(cluster, ignore_errors=True)
    _remove_others(template, cluster)
    stamps: dict[str, list[Stamp]] = {}
    for below, _, names in os.walk(template):
        folder = cluster / os.path.relpath(below, template)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in names:
            source, target = Path(below, name), folder / name
            path = str(source.relative_to(template))
            if not target.exists() or known.get(path) != [_stamp(source), _stamp(target)]:
                target.unlink(missing_ok=True)
                shutil.copyfile(source, target)
                target.chmod(0o600)
            stamps[path] = [_stamp(source), _stamp(target)]
    listing.write_text(json.dumps(stamps))
    time.sleep(TICK_S)


def _read(listing: Path) -> Mapping[str, list[Stamp]]:
    try:
        return dict(json.loads(listing.read_text()))
    except (OSError, ValueError, TypeError):  # there is none, or it was cut short
        return {}


def _stamp(path: Path) -> Stamp:
    found = path.lstat()
    return [found.st_ino, found.st_ctime_ns, found.st_size]


def _remove_others(template: Path, cluster: Path) -> None:
    """Removes what the template has not, and what is of another kind there."""
    for below, folders, names in os.walk(cluster):
        there = template / os.path.relpath(below, cluster)
        for name in [*folders, *names]:
            path, like = Path(below, name), there / name
            if path.is_symlink() or not (like.is_file() if path.is_file() else like.is_dir()):
                _remove(path)
        folders[:] = [name for name in folders if Path(below, name).is_dir()]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
