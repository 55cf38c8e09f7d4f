"""Seeded clusters in a labelled volume of an engine's: it outlives sessions, and is bounded."""

from __future__ import annotations

from rig.backends import cache_bound
from rig.backends.cache_bound import CacheEntry
from rig.backends.docker.engine import LABEL, Engine
from rig.backends.docker.images import SERVICES, image_of
from rig.model import Role, StackError

CACHE_VOLUME = "async-django-rig-clusters"
IMAGE = image_of(SERVICES[Role.DATABASE])
_LIST = (
    "cd /clusters && for mark in *.complete; do key=${mark%.complete}; "
    '[ -d "$key" ] && echo "$key $(du -sk "$key" | cut -f1) $(stat -c %Y "$mark")"; done; true'
)
# what is whole has a mark beside it; the rest is a trial's, or was never finished
_TIDY = (
    'cd /clusters && for name in *; do case "$name" in "*"|*.complete) ;; '
    '*) [ -e "$name.complete" ] || { rm -rf "./$name" && echo "$name"; };; esac; done; true'
)


class EngineClusters:
    """The clusters of one session, which uses them where they stand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._used: set[str] = set()

    def create(self) -> None:
        """Makes the volume, if it is not there. StackError."""
        self._engine.docker("volume", "create", "--label", f"{LABEL}=cache", CACHE_VOLUME)

    def get(self, key: str) -> str:
        """The kept cluster where it stands; "" without one."""
        path = f"/clusters/{key}"
        self._used.add(key)
        return self._shell(
            f"test -e {path}.complete && touch {path}.complete && echo {path} || true"
        )

    def allocate(self, key: str, wanted_bytes: int) -> str:
        """An empty folder in the volume."""
        free_kib = int(self._shell("df -k /clusters | awk 'END {print $4}'"))
        if free_kib * 1024 < wanted_bytes:
            raise StackError(
                f"the engine has {free_kib >> 10} MiB free, and these posts need about "
                f"{wanted_bytes >> 20} MiB",
                "make room there, or ask for fewer posts",
            )
        path = f"/clusters/{key}"
        self._shell(f"rm -rf {path} && mkdir -m 700 {path}")
        return path

    def commit(self, key: str) -> None:
        """Marks it as whole, and keeps the volume's bound; this session's own stay."""
        self._shell(f"touch /clusters/{key}.complete")
        going = cache_bound.surplus(self.listed(), cache_bound.most_bytes(), self._used)
        if going:
            names = " ".join(f"{one.key}.complete {one.key}" for one in going)
            self._shell(f"cd /clusters && rm -rf {names}")

    def discard(self, key: str) -> None:
        """Removes the folder from the volume."""
        self._shell(f"rm -rf /clusters/{key}")

    def listed(self) -> list[CacheEntry]:
        """What is kept. StackError."""
        rows = [line.split() for line in self._shell(_LIST).splitlines()]
        return [CacheEntry(key, int(kib) * 1024, float(at_s)) for key, kib, at_s in rows]

    def remove_left_behind(self) -> list[str]:
        """Removes what a killed session left there: a trial's, a half-made one. StackError."""
        if not self._usable():
            return []
        return [f"{name} in volume {CACHE_VOLUME}" for name in self._shell(_TIDY).split()]

    def clear(self) -> list[str]:
        """Removes the volume; which. StackError."""
        if not self._exists():
            return []
        self._engine.docker("volume", "rm", CACHE_VOLUME)
        return [f"volume {CACHE_VOLUME}"]

    def summary(self) -> str:
        """What is kept, in a few words. StackError, UsageError."""
        place = f"volume {CACHE_VOLUME}"
        if not self._exists():
            return cache_bound.summary([], cache_bound.most_bytes(), place)
        if not self._usable():
            return f"{place}; how much is in it can be seen once the images are built"
        return cache_bound.summary(self.listed(), cache_bound.most_bytes(), place)

    def _exists(self) -> bool:
        return CACHE_VOLUME in self._engine.docker("volume", "ls", "--quiet").split()

    def _usable(self) -> bool:
        return self._exists() and bool(self._engine.docker("image", "ls", "--quiet", IMAGE).strip())

    def _shell(self, script: str) -> str:
        mount = f"{CACHE_VOLUME}:/clusters"
        words = ("run", "--rm", "--network", "none", "--volume", mount, "--entrypoint", "sh")
        return self._engine.docker(*words, "--label", f"{LABEL}=shelf", IMAGE, "-c", script).strip()
