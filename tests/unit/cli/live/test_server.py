"""The page over real sockets: who may ask for what, and who reads how slowly."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from rig.backends.base import LoadProgress
from rig.cli.live.history import Event
from rig.cli.live.listener import Address, Listener, listening
from rig.cli.live.server import MOST_WAITING
from rig.cli.live.view import LivePage, files
from rig.model import Phase, UsageError
from tests.unit.plans import trial

DEADLINE_S = 20


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening(Address()) as opened:
        assert opened is not None
        yield opened


class Browser:
    """Asks a page, over a connection for each request, as tabs do."""

    def __init__(self, listener: Listener) -> None:
        self._host, self._port = listener.socket.getsockname()
        self._open = ExitStack()

    def ask(
        self, path: str = "/", method: str = "GET", host: str | None = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=DEADLINE_S)
        self._open.callback(connection.close)
        connection.request(method, path, headers={} if host is None else {"Host": host})
        return self._open.enter_context(connection.getresponse())

    def follow(self) -> http.client.HTTPResponse:
        """A tab's stream of events."""
        response = self.ask("/events")
        assert response.getheader("content-type") == "text/event-stream"
        return response

    def close(self) -> None:
        self._open.close()


@pytest.fixture
def browser(listener: Listener) -> Iterator[Browser]:
    with closing(Browser(listener)) as opened:
        yield opened


@pytest.fixture(scope="module")
def asked() -> Iterator[Browser]:
    """Of a page that is there all the while."""
    with listening(Address()) as opened:
        assert opened is not None
        page, browser = LivePage("<b>small</b> 1", opened), Browser(opened)
        with closing(page), closing(browser):
            yield browser


def until(response: http.client.HTTPResponse, kind: str) -> list[str]:
    """The kinds of events up to one of these."""
    kinds: list[str] = []
    while kind not in kinds[-1:]:
        line = response.readline().decode()
        assert line, f"the stream ends after {kinds}"
        kinds += re.findall(r"^event: (.*)$", line)
    return kinds


def test_the_page_fetches_nothing_from_outside(asked: Browser) -> None:
    response = asked.ask()
    text = response.read().decode()
    assert "&lt;b&gt;small&lt;/b&gt; 1" in text
    policy = response.getheader("content-security-policy") or ""
    assert {"default-src 'none'", "script-src 'self'"} <= set(policy.split("; "))
    for path in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert path == "data:," or asked.ask(path).status == 200
    assert not any(b"//" in re.sub(rb"(?m)^ *//.*|http://www.w3.org/2000/svg", b"", file.body)
                   for file in files("").values())  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:80", "[::1]:9", "10.0.0.1:1234"])
def test_addresses_are_answered(asked: Browser, host: str) -> None:
    assert asked.ask(host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil", "", "[", "1"]
)
def test_names_are_not(asked: Browser, host: str) -> None:
    for path in ("/", "/events", "/live.js"):
        assert asked.ask(path, host=host).status in (400, 403)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_nobody_can_change_anything(asked: Browser, method: str) -> None:
    for path in ("/", "/events"):
        response = asked.ask(path, method)
        assert (response.status, response.getheader("allow")) == (405, "GET")


@pytest.mark.parametrize("path", ["/x", "/page.html", "/../live/view.py", "/%2e%2e/view.py", "//"])
def test_there_is_nothing_else(asked: Browser, path: str) -> None:
    assert asked.ask(path).status == 404


def test_twenty_tabs_follow_a_session_to_its_end(listener: Listener, browser: Browser) -> None:
    with closing(LivePage("small", listener)) as page:
        early = [browser.follow() for _ in range(10)]
        page.planned([trial()], "")
        page.began(trial())
        page.phase(Phase.LOAD)
        for second in range(3):
            page.progress(LoadProgress(second + 2, 5, 100, 0, {"ok": 100}, second))
        for tab in early:
            until(tab, "second")
        late = [browser.follow() for _ in range(10)]
        early[0].close()  # one leaves
        for tab in late:
            assert until(tab, "second") == ["session", "matrix", "began", "phase", "second"]
    for tab in (*early[1:], *late):
        assert until(tab, "over")[-1] == "over"
        assert tab.read() == b"\n" or tab.read() == b""
    assert page.failure == ""
    with pytest.raises(OSError, match="refused"):
        browser.ask()


def test_who_does_not_read_is_dropped_and_holds_up_nobody(
    listener: Listener, browser: Browser
) -> None:
    with closing(LivePage("small", listener)) as page:
        asleep = socket.create_connection(listener.socket.getsockname())
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        awake = browser.follow()
        until(awake, "session")
        got: list[str] = []
        reading = threading.Thread(target=lambda: got.extend(until(awake, "over")))
        reading.start()
        for number in range(20 * MOST_WAITING):
            page.message(f"{number} " + "x" * 2000)
            if number % 50 == 0:
                time.sleep(0.005)  # as long as whoever reads needs to keep up
        began_s = time.monotonic()
    assert time.monotonic() - began_s < DEADLINE_S
    reading.join(DEADLINE_S)
    assert got.count("message") == 20 * MOST_WAITING
    assert page.failure == ""
    asleep.close()


def test_an_event_that_cannot_be_made_ends_nothing(listener: Listener, browser: Browser) -> None:
    with closing(LivePage("small", listener)) as page:
        tab = browser.follow()
        page._tell(lambda: [Event("message", {"text": object()})])  # type: ignore[dict-item]
        page.message("more")
        until(tab, "message")
    assert "TypeError" in page.failure


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1", Address()), ("0.0.0.0:80", Address("0.0.0.0", 80)), ("::1", Address("::1")),
        ("[::1]", Address("::1")), ("[::1]:8080", Address("::1", 8080)),
        ("::1:8080", Address("::1:8080")),
    ],
)  # fmt: skip
def test_an_address_with_and_without_a_port(text: str, address: Address) -> None:
    assert Address.wanted(False, text) == address


@pytest.mark.parametrize(
    "text", ["", "8080", "host:80", "127.0.0.1:", "127.0.0.1:65536", "1:2:3", "[::1", "127.0.0.1:٣"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="no IP address"):
        Address.wanted(False, text)


def test_without_the_options_nobody_listens() -> None:
    assert Address.wanted(False, None) is None
    assert Address.wanted(True, None) == Address("127.0.0.1", 0)
    with listening(None) as none:
        assert none is None


def test_a_port_that_is_taken_is_said_before_anything_starts(listener: Listener) -> None:
    port = listener.socket.getsockname()[1]
    with pytest.raises(UsageError, match=rf"127\.0\.0\.1:{port}: Address already in use"):
        listening(Address("127.0.0.1", port)).__enter__()
