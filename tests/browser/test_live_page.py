"""The page of a running session in headless Chromium, while a session on the fake backend runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rig.backends.base import OnProgress, Stack
from rig.backends.fake import FakeBackend, FakeStack
from rig.cli.live.listener import Address, listening
from rig.cli.live.view import LivePage
from rig.config import Matrix, Repeats
from rig.design import RandomBlocks
from rig.plan import Closed, Data, Load, Plan, Users
from rig.probes import Row
from rig.store.session_folder import SessionFolder
from tests.browser.chromium import Browser, Tab, chromium
from tests.unit.plans import TARGET
from tests.unit.session_runs import run_trials

pytestmark = [pytest.mark.browser, pytest.mark.beside]

DEADLINE_S = 60
MATRIX = Matrix(
    experiment="small",
    claim=None,
    setup={"target": "made"},
    vary={"route": ("list", "make")},
    also=(),
    load=Load(Closed(Users(2, 4, 4)), steady_s=3.0),
    data=Data(10, 10),
    design=Repeats(1),
    order="random_blocks",
    seed=3,
    profile=None,
    targets={"made": TARGET},
    text="",
)
HOSTILE = "<img src=x onerror=alert(1)>"
BY_ID = "document.getElementById"


class Waiting(FakeBackend):
    """The fake backend, whose loads last until a test has looked."""

    def __init__(self) -> None:
        self.looked = threading.Semaphore(0)

    @contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        yield WaitingStack(plan, self.looked)


class WaitingStack(FakeStack):
    """Its load waits at its end, where it is none of a calibration."""

    def __init__(self, plan: Plan, looked: threading.Semaphore) -> None:
        super().__init__(plan)
        self._waits, self._looked = plan.route_name in TARGET.routes, looked

    def run_load(self, on_progress: OnProgress) -> None:
        super().run_load(on_progress)
        if self._waits:
            assert self._looked.acquire(timeout=DEADLINE_S)


class Running:
    """A session that runs in a thread, and its page."""

    def __init__(self, folder: Path) -> None:
        self.backend = Waiting()
        self._listening = listening(Address())
        listener = self._listening.__enter__()
        assert listener is not None
        self.url, self.page = listener.url, LivePage(f"small {HOSTILE}", listener, "fake")
        self._folder = SessionFolder(folder / "small" / "one")
        self._folder.begin({}, "")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with closing(self.page):
            run_trials(self._folder, RandomBlocks(MATRIX, 1), self.backend, self.page, {})

    def sampled(self, probe: str, rows: Sequence[Row]) -> None:
        """What a probe of a real stack would see: the fake one has none."""
        self.page.sampled(probe, rows)

    def close(self) -> None:
        self.backend.looked.release(10)
        self._thread.join(DEADLINE_S)
        self._listening.__exit__(None, None, None)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Running]:
    with closing(Running(tmp_path)) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


def says(tab: Tab, words: str) -> None:
    tab.until(f"document.body.innerText.includes({words!r})")


def test_a_tab_follows_a_session_to_its_end(session: Running, browser: Browser) -> None:
    tab = browser.tab(session.url)
    says(tab, "0 of 2 trials")
    says(tab, "load")  # the phase
    says(tab, "it has neither CPU nor connections to show")
    tab.until("/correct [1-9]/.test(document.body.innerText)")
    tab.until("/p50 [0-9.]+/.test(document.body.innerText)")
    says(tab, "users 4")
    for at_s, used in ((10**9, 1.0), (10**9 + 1, 1.5)):
        session.sampled("processes", [(at_s, "app", 0, 1, used, 1, 0, 0, None)])
        session.sampled("app_sockets", [(at_s, 17, 0, 128)])
    says(tab, "app 0.5")
    says(tab, "to the app 17")
    paths = "[...document.querySelectorAll('.chart path')].map((one) => one.getAttribute('d'))"
    tab.until(f"{paths}.filter((d) => /M.*L/.test(d)).length >= 4")
    for width in (400, 1200):
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=False)  # fmt: skip
        root = "document.documentElement"
        assert tab.value(f"{root}.scrollWidth <= {root}.clientWidth"), width
    session.backend.looked.release()
    says(tab, "1 of 2 trials")
    tab.until(f"{BY_ID}('trials').rows.length === 1")
    session.backend.looked.release()
    says(tab, "The session has ended: 2 valid.")
    assert tab.value(f"{BY_ID}('trials').rows.length") == 2
    assert tab.value("document.querySelector('h1').textContent") == f"small {HOSTILE}"
    assert tab.value("document.images.length") == 0
    assert tab.wrong() == []
    assert all(url.startswith((session.url, "data:")) for url in tab.requests())
    assert len(tab.requests()) >= 4
    tab.close()


def test_a_tab_that_is_closed_holds_up_nobody(session: Running, browser: Browser) -> None:
    tab, other = browser.tab(session.url), browser.tab(session.url)
    says(other, "0 of 2 trials")
    tab.close()
    session.backend.looked.release(2)
    says(other, "The session has ended: 2 valid.")
    assert session.page.failure == ""
    other.close()


def test_twenty_tabs_of_one_browser(session: Running, browser: Browser) -> None:
    # more than a browser has connections to one server
    tabs = [browser.tab(session.url) for _ in range(20)]
    for tab in (tabs[-1], tabs[0], tabs[7]):
        tab.front()
        says(tab, "0 of 2 trials")
    session.backend.looked.release(2)
    says(tabs[7], "The session has ended: 2 valid.")
    for tab in tabs:
        tab.close()


def test_a_runner_that_is_gone_is_noticed(session: Running, browser: Browser) -> None:
    tab = browser.tab(session.url)
    says(tab, "0 of 2 trials")
    session.page._story.over = lambda: iter(())  # type: ignore[method-assign]
    session.backend.looked.release(2)
    says(tab, "No connection: the session is over, or its runner has gone.")
    tab.close()
