"""How much is kept between sessions: a bound, and what has to go.

Seeded clusters and targets' environments each have it. May not know where they stand.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rig.model import UsageError

MAX_GB = "RIG_CACHE_MAX_GB"
"""The variable that changes the bound, in 10⁹ bytes; 0 keeps nothing."""
DEFAULT_MAX_GB = 4.0
MOST_MAX_GB = 1e6


@dataclass(frozen=True)
class CacheEntry:
    """One kept cluster or environment."""

    key: str
    size_bytes: int
    used_at_s: float
    """When it was last used, on the wall clock of where it stands."""


def most_bytes() -> int:
    """The bound. UsageError where the variable says no number of gigabytes."""
    bound = os.environ.get(MAX_GB, "").strip()
    try:
        gigabytes = float(bound) if bound else DEFAULT_MAX_GB
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes <= MOST_MAX_GB:
        raise UsageError(
            f"{MAX_GB}={bound[:40]}: expected gigabytes from 0 to {MOST_MAX_GB:.0f}, such as 4"
        )
    return int(gigabytes * 1e9)


def surplus(
    entries: Sequence[CacheEntry], most: int, spared: Collection[str] = ()
) -> list[CacheEntry]:
    """Those that have to go, least recently used first, for the rest to stay within `most` bytes.

    Those whose keys are `spared` are in use: they count, and stay.
    """
    over_bytes = sum(one.size_bytes for one in entries) - most
    going = []
    for one in sorted(entries, key=lambda one: (one.used_at_s, one.key)):
        if over_bytes <= 0:
            break
        if one.key not in spared:
            going.append(one)
            over_bytes -= one.size_bytes
    return going


def summary(
    entries: Sequence[CacheEntry], most: int, place: str, called: str = "seeded cluster"
) -> str:
    """How many they are, how large, and where, in a few words."""
    size_bytes = sum(one.size_bytes for one in entries)
    count = f"{len(entries)} {called}{'s' * (len(entries) != 1)}"
    return f"{count}, {size_bytes / 1e9:.2f} of at most {most / 1e9:g} GB ({MAX_GB}), in {place}"
