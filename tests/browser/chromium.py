"""Headless Chromium that a test drives, by the DevTools protocol over a pipe."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DEADLINE_S = 60
_MOVED = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_ABOVE = 10
"""Descriptors from here on are in nobody's way: Chromium reads 3 and writes 4."""


class Browser:
    """One Chromium and its tabs."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self._to_it, self._from_it = to_it, from_it
        self._buffer = b""
        self._number = 0
        self.told: list[dict[str, Any]] = []
        """What it told without being asked."""

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """The result of a command. RuntimeError where it is refused, TimeoutError."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to_it, json.dumps(message).encode() + b"\0")
        give_up_s = time.monotonic() + DEADLINE_S
        while True:
            said = self._next(give_up_s)
            if said.get("id") != self._number:
                self.told.append(said)
            elif "error" in said:
                raise RuntimeError(f"{method}: {said['error']}")
            else:
                result: dict[str, Any] = said["result"]
                return result

    def _next(self, give_up_s: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            left_s = give_up_s - time.monotonic()
            if left_s <= 0 or not select.select([self._from_it], [], [], left_s)[0]:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self._from_it, 1 << 20)
            if not data:
                raise RuntimeError("Chromium has ended")
            self._buffer += data
        one, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(one)
        return said

    def tab(self, url: str) -> Tab:
        """A new tab, in front of all others."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, target, attached["sessionId"])
        for part in ("Runtime", "Log", "Network", "Page"):
            tab.call(f"{part}.enable")
        tab.call("Page.navigate", url=url)
        return tab


class Tab:
    """One tab."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        return self._browser.call(method, self._session, **parameters)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives. RuntimeError where it throws."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(str(said["exceptionDetails"]))
        return said["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until an expression is true. AssertionError, with the page's text, at the end."""
        give_up_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up_s:
            try:
                if self.value(expression):
                    return
            except RuntimeError:
                pass  # the page is not there yet
            time.sleep(0.05)
        raise AssertionError(f"{expression}: {self.value('document.body.innerText')}")

    def front(self) -> None:
        """Brings it in front of all others."""
        self._browser.call("Target.activateTarget", targetId=self._target)

    def close(self) -> None:
        """Closes it, as its user would."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def wrong(self) -> list[str]:
        """What its console holds, and what it threw."""
        wrong = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(one) for one in self._told() if one["method"] in wrong]

    def requests(self) -> set[str]:
        """The addresses that it asked for."""
        return {
            str(one["params"]["request"]["url"])
            for one in self._told()
            if one["method"] == "Network.requestWillBeSent"
        }

    def _told(self) -> list[dict[str, Any]]:
        self.value("0")  # takes in what was told until now
        return [one for one in self._browser.told if one.get("sessionId") == self._session]


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A Chromium with a profile of its own, and its end."""
    its_in, ours_out = map(_above, os.pipe())
    ours_in, its_out = map(_above, os.pipe())
    command = [
        str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--no-first-run",
        f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank",
    ]  # fmt: skip
    started = subprocess.Popen(
        [sys.executable, "-c", _MOVED, str(its_in), str(its_out), *command],
        pass_fds=(its_in, its_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(its_in)
    os.close(its_out)
    try:
        yield Browser(ours_out, ours_in)
    finally:
        os.close(ours_out)  # by which it ends
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
        os.close(ours_in)


def _above(descriptor: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(descriptor)
    return moved
