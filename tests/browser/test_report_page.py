"""The report in headless Chromium: no console error, no request, hostile text inert.

Skipped, visibly, where there is no Chromium; nothing is installed by a test.
"""

from __future__ import annotations

import json
import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from analysis.report import report
from tests.browser.chromium import CHROMIUM, chromium
from tests.hostile_session import hostile_session

DEADLINE_S = 90

pytestmark = [pytest.mark.browser, pytest.mark.beside]

NOISE = re.compile(r"/(dbus|media|sandbox|idle|ui|gpu|components|device|net|google_apis)/")
"""Chromium's own lines about the machine it runs on."""


class Asked:
    """A server on this machine that answers nothing and remembers being asked."""

    def __init__(self) -> None:
        self.count = 0
        asked = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                asked.count += 1

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@contextmanager
def serving() -> Iterator[Asked]:
    canary = Asked()
    thread = threading.Thread(target=canary.server.serve_forever)
    thread.start()
    yield canary
    canary.server.shutdown()
    canary.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """A server whose address hostile strings name."""
    with serving() as canary:
        yield canary


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, asked: Asked) -> Path:
    """A report in which all text is hostile. Nobody changes it."""
    return report(hostile_session(tmp_path_factory.mktemp("hostile") / "s", asked.url)).html


def browse(page: Path, scratch: Path, *more: str) -> tuple[str, str, set[str]]:
    """The document after loading, what Chromium printed, and the addresses the page asked for."""
    log = scratch / "net.json"
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-gpu",
            f"--user-data-dir={scratch / 'profile'}", "--enable-logging=stderr",
            f"--log-net-log={log}", *more, page.as_uri(),
        ],
        capture_output=True, timeout=DEADLINE_S, check=True,
    )  # fmt: skip
    stdout, stderr = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return stdout, stderr, page_requests(log)


def page_requests(log: Path) -> set[str]:
    """The addresses in a network log that a page asked for, not the browser for itself."""
    text = log.read_text(encoding="utf-8", errors="replace")
    try:
        events = json.loads(text)["events"]
    except ValueError:  # a browser that ends at once leaves the list open
        events = json.loads(text.rstrip().rstrip(",") + "]}")["events"]
    found: set[str] = set()
    for event in events:
        params: dict[str, Any] = event.get("params") or {}
        if "url" in params and str(params.get("initiator", "")).startswith(("file:", "null")):
            found.add(str(params["url"]))
    return {url for url in found if not url.startswith(("file:", "data:"))}


def console_lines(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if "CONSOLE" in line and not NOISE.search(line)]


def test_a_page_that_asks_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with serving() as asked:
        page.write_text(f"<img src={asked.url}x><script>console.error('heard')</script>")
        _, stderr, requests = browse(page, tmp_path, "--dump-dom")
    assert asked.count >= 1
    assert requests == {f"{asked.url}x"}
    assert any("heard" in line for line in console_lines(stderr))


def test_hostile_strings_are_inert(tmp_path: Path, asked: Asked, page: Path) -> None:
    # every part is opened, as a reader would
    opened = page.with_name("opened.html")
    text = page.read_text(encoding="utf-8").replace("<details", "<details open")
    opened.write_text(text, encoding="utf-8")
    dom, stderr, requests = browse(opened, tmp_path, "--dump-dom")
    assert asked.count == 0
    assert requests == set()
    assert console_lines(stderr) == []
    assert "<title>PWNED</title>" not in dom
    assert not re.search(r"<(script|iframe|img|base|object)[ >]", dom)
    assert dom.count("<section") > 3


@pytest.mark.parametrize("width", [400, 1200])
def test_the_page_is_no_wider_than_the_screen(tmp_path: Path, page: Path, width: int) -> None:
    probe = tmp_path / "frame.html"
    # the policy lets the page run nothing, so that a page around it measures it
    probe.write_text(
        f"<iframe id=f src='{page.as_uri()}' width={width} height=900></iframe>"
        "<p id=out></p><script>f.onload=()=>{const d=f.contentDocument.documentElement;"
        "out.textContent='wide '+d.scrollWidth+' of '+d.clientWidth}</script>"
    )
    dom, _, _ = browse(
        probe,
        tmp_path,
        "--dump-dom",
        "--allow-file-access-from-files",
        "--virtual-time-budget=5000",
    )
    found = re.search(r"wide (\d+) of (\d+)", dom)
    assert found is not None, dom[-300:]
    assert int(found[1]) <= int(found[2])


def test_a_figure_is_enlarged_and_pointed_at_without_script(tmp_path: Path, page: Path) -> None:
    first = "document.querySelector('.drawing svg')"
    with chromium(tmp_path / "profile") as browser:
        tab = browser.tab(page.as_uri())
        tab.until(f"{first} !== null")
        before = tab.value(f"{first}.clientWidth")
        tab.value("document.querySelector('.enlarge').click()")
        tab.until(f"{first}.clientWidth > 2 * {before}")
        root = "document.documentElement"
        assert tab.value(f"{root}.scrollWidth <= {root}.clientWidth")
        seen = "getComputedStyle(document.querySelector('.at')).fillOpacity"
        assert tab.value(seen) == "0"
        tab.value("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        place = tab.value(
            "(() => { const one = document.querySelector('rect.at'); one.scrollIntoView();"
            " const box = one.getBoundingClientRect(); return [box.x + 2, box.y + 20]; })()"
        )
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
        tab.until(f"{seen.replace('.at', 'rect.at')} > 0")
        tab.value("document.querySelector('.enlarge').click()")
        tab.until(f"{first}.clientWidth === {before}")
        assert tab.wrong() == []


def test_it_prints(tmp_path: Path, asked: Asked, page: Path) -> None:
    pdf = tmp_path / "report.pdf"
    browse(page, tmp_path, f"--print-to-pdf={pdf}")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert asked.count == 0
