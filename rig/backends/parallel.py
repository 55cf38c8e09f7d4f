"""One step for many things at a time: engines and nodes take their time to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")
AT_ONCE = 8


def in_parallel(step: Callable[[T], U], each: Iterable[T]) -> list[U]:
    """What `step` makes of each, a few at a time; the first error after all have ended."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [done.result() for done in [pool.submit(step, one) for one in each]]
