"""Seeded clusters in a labelled volume of the engine's: it outlives sessions, and is bounded."""

from __future__ import annotations

from rig.backends import kept
from rig.backends.compose.engine import CACHE_VOLUME, LABEL, docker
from rig.backends.kept import Kept
from rig.model import StackError

IMAGE = "async-django-rig/postgres"
_LIST = (
    "cd /clusters && for mark in *.complete; do key=${mark%.complete}; "
    '[ -d "$key" ] && echo "$key $(du -sk "$key" | cut -f1) $(stat -c %Y "$mark")"; done; true'
)
# what is whole has a mark beside it; the rest is a trial's, or was never finished
_TIDY = (
    'cd /clusters && for name in *; do case "$name" in "*"|*.complete) ;; '
    '*) [ -e "$name.complete" ] || { rm -rf "./$name" && echo "$name"; };; esac; done; true'
)


class ComposeClusterCache:
    """The clusters of one session, which uses them where they stand."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def get(self, key: str) -> str:
        """The kept cluster where it stands; "" without one."""
        path = f"/clusters/{key}"
        self._used.add(key)
        return _shell(f"test -e {path}.complete && touch {path}.complete && echo {path} || true")

    def allocate(self, key: str, wanted_bytes: int) -> str:
        """An empty folder in the volume."""
        free_kib = int(_shell("df -k /clusters | awk 'END {print $4}'"))
        if free_kib * 1024 < wanted_bytes:
            raise StackError(
                f"the engine has {free_kib >> 10} MiB free, and these posts need about "
                f"{wanted_bytes >> 20} MiB",
                "make room there, or ask for fewer posts",
            )
        path = f"/clusters/{key}"
        _shell(f"rm -rf {path} && mkdir -m 700 {path}")
        return path

    def commit(self, key: str) -> None:
        """Marks it as whole, and keeps the volume's bound; this session's own stay."""
        _shell(f"touch /clusters/{key}.complete")
        going = kept.surplus(listed(), kept.most_bytes(), self._used)
        if going:
            names = " ".join(f"{one.key}.complete {one.key}" for one in going)
            _shell(f"cd /clusters && rm -rf {names}")

    def discard(self, key: str) -> None:
        """Removes the folder from the volume."""
        _shell(f"rm -rf /clusters/{key}")


def listed() -> list[Kept]:
    """What is kept. StackError."""
    rows = [line.split() for line in _shell(_LIST).splitlines()]
    return [Kept(key, int(kib) * 1024, float(at_s)) for key, kib, at_s in rows]


def remove_left_behind() -> list[str]:
    """Removes what a killed session left in the volume: a trial's, a half-made one. StackError."""
    if not _usable():
        return []
    return [f"{name} in volume {CACHE_VOLUME}" for name in _shell(_TIDY).split()]


def clear() -> list[str]:
    """Removes the volume; which. StackError."""
    if not _exists():
        return []
    docker("volume", "rm", CACHE_VOLUME)
    return [f"volume {CACHE_VOLUME}"]


def summary() -> str:
    """What is kept, in a few words. StackError, UsageError."""
    place = f"volume {CACHE_VOLUME}"
    if not _exists():
        return kept.summary([], kept.most_bytes(), place)
    if not _usable():
        return f"{place}; how much is in it can be seen once the images are built"
    return kept.summary(listed(), kept.most_bytes(), place)


def _exists() -> bool:
    return CACHE_VOLUME in docker("volume", "ls", "--quiet").split()


def _usable() -> bool:
    return _exists() and bool(docker("image", "ls", "--quiet", IMAGE).strip())


def _shell(script: str) -> str:
    mount = f"{CACHE_VOLUME}:/clusters"
    words = ("run", "--rm", "--network", "none", "--volume", mount, "--entrypoint", "sh")
    return docker(*words, "--label", f"{LABEL}=shelf", IMAGE, "-c", script).strip()
