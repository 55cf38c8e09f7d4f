"""Follows a session on its page, as a browser's tab does."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pipeline.serving import free_port
from tests.runs import DEADLINE_S, Done, runner

LAST_WORDS_S = 10
"""So long after a session's end its page may tell of it."""

Told = dict[str, list[dict[str, Any]]]
"""Events by their kind."""


class Tab:
    """Looks at a page that is there."""

    def __init__(self, url: str) -> None:
        self._stream = urllib.request.urlopen(f"{url}events", timeout=DEADLINE_S)
        self.told: Told = defaultdict(list)

    def until(self, wanted: str) -> Told:
        """All that it was told, up to an event of this kind."""
        kind = ""
        for line in self._stream:
            name, _, text = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = text
            elif name == "data":
                self.told[kind].append(json.loads(text))
                if kind == wanted:
                    break
        return self.told

    def close(self) -> None:
        """Leaves."""
        self._stream.close()


class Following(threading.Thread):
    """Waits for a page at an address, and follows it to the session's end."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.address, self._url = address, f"http://{address}/"
        self.told: Told = {}
        self.page = b""

    def run(self) -> None:
        give_up_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < give_up_s:
            try:
                tab = Tab(self._url)
            except urllib.error.URLError:
                time.sleep(0.05)
                continue
            with urllib.request.urlopen(self._url, timeout=DEADLINE_S) as page:
                self.page = page.read()
            self.told = tab.until("over")
            tab.close()
            return


class Followed:
    """Runs sessions with a page, and keeps what the last one's told."""

    def __init__(self, run: Callable[..., Done] = runner) -> None:
        self._run = run
        self.told: Told = {}
        self.page = b""

    def run(self, *arguments: str | Path, cwd: Path) -> Done:
        """A session, to its end."""
        following = Following(f"127.0.0.1:{free_port()}")
        following.start()
        done = self._run(*arguments, "--live-address", following.address, cwd=cwd)
        following.join(DEADLINE_S)
        self.told, self.page = following.told, following.page
        return done
