"""Shows a session on its page: hands on what it tells, and holds up nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from rig.backends.base import LoadProgress
from rig.cli.live.history import SESSION, Event
from rig.cli.live.listener import Listener
from rig.cli.live.server import File, Server
from rig.cli.live.story import PERCENTS, Story
from rig.disk.histograms import percentiles_us
from rig.load.counting.hlog import encode
from rig.model import Phase, printable
from rig.plan import Trial
from rig.probes import Row
from rig.record import Record

PAGE = Path(__file__).parent / "page"

UNSEEN = {
    "swarm": "CPU and connections are measured on the nodes, and cannot be seen here during a "
    "load. They are in the report.",
    "fake": "This session is simulated: it has neither CPU nor connections to show.",
}
"""By backend: what cannot be shown while a load runs, and why."""


def files(session: str) -> dict[str, File]:
    """The page's files, by their paths."""
    markup = Environment(autoescape=True, undefined=StrictUndefined).from_string(_text("page.html"))
    return {
        "/": File("text/html; charset=utf-8", markup.render(session=printable(session)).encode()),
        "/live.js": File("text/javascript; charset=utf-8", _text("live.js").encode()),
        "/live.css": File("text/css; charset=utf-8", _text("live.css").encode()),
    }


def _text(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


class LivePage:
    """A SessionListener: the page of one session."""

    def __init__(self, session: str, listener: Listener, backend: str = "local") -> None:
        """Begins to serve it."""
        # numpy takes its time to load: not under load
        percentiles_us([encode({1: 1})], PERCENTS)
        self._story = Story(time.monotonic, time.time)
        self._server = Server(files(session), listener.socket)
        self._server.start()
        said = {"session": printable(session), "unseen": UNSEEN.get(backend, "")}
        self._tell(lambda: [Event(SESSION, said)])

    def _tell(self, make: Callable[[], Iterable[Event]]) -> None:
        self._server.tell(make)

    @property
    def failure(self) -> str:
        """Why it is served no more; empty where all is well."""
        return self._server.failure

    def planned(self, trials: Sequence[Trial], in_all: str) -> None:
        self._tell(lambda: self._story.planned(trials, in_all))

    def began(self, trial: Trial) -> None:
        self._tell(lambda: self._story.began(trial))

    def phase(self, phase: Phase) -> None:
        self._tell(lambda: self._story.phase(phase))

    def progress(self, progress: LoadProgress) -> None:
        self._tell(lambda: self._story.progress(progress))

    def sampled(self, probe: str, rows: Sequence[Row]) -> None:
        self._tell(lambda: self._story.sampled(probe, rows))

    def ended(self, trial: Trial, record: Record) -> None:
        self._tell(lambda: self._story.ended(trial, record))

    def skipped(self, trial: Trial) -> None:
        self._tell(lambda: self._story.skipped(trial))

    def message(self, line: str) -> None:
        self._tell(lambda: self._story.message(line))

    def retrying(self, trial: Trial, record: Record) -> None:
        self._tell(lambda: self._story.retrying(trial))

    def close(self) -> None:
        """The session is over, and the page says so."""
        self._tell(self._story.over)
        self._server.close()
