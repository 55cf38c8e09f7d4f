"""What each app worker counts of itself: requests, busy time, its event loop's lag."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from rig.evidence import app_counters
from rig.probes.base import Row, Simple


class Uncounted(Exception):
    """The target counts nothing."""


class AppLoop(Simple):
    """A row for each app worker that is alive."""

    name = "app_loop"

    def __init__(self, folder: Path, alive: Callable[[], set[int] | None]) -> None:
        """`alive` gives the ids of app workers as they see them; None where nobody knows.

        Uncounted where the folder has no counters.
        """
        if app_counters.correct_by_route(folder) is None:
            raise Uncounted("the target counts nothing of itself")
        self._folder, self._alive = folder, alive

    def sample(self, at_s: float) -> Iterable[Row]:
        """Counters of app workers that have ended stay on disk, and are passed over."""
        alive = self._alive()
        for path in app_counters.files(self._folder):
            count = app_counters.read(path)
            if count is not None and (alive is None or count.pid in alive):
                yield (
                    at_s,
                    count.pid,
                    count.requests,
                    count.answered,
                    count.busy_s,
                    count.lag_max_ms,
                )
