"""The page of a real session that is interrupted. (Of one that is not: the matrices' tests.)"""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.live_tab import Tab
from tests.runs import DEADLINE_S, command

pytestmark = [pytest.mark.campaign, pytest.mark.integration]

YAML = """\
experiment: live
setup: {target: async, route: io_read, pooler: direct}
vary: {delay_ms: [0, 20]}
load: {users: {from: 5, per_s: 5, to: 10}, steady: 4s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""


def started(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A session with a page, and the page's address."""
    (folder / "live.yaml").write_text(YAML)
    child = subprocess.Popen(
        command("live.yaml", "--backend", "local", "--no-calibrate", "--live"),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if found := re.match(r"live page (http://127\.0\.0\.1:\d+/)$", line):
            return child, found[1]
    raise AssertionError("no page")


def test_an_interrupted_session_says_so(tmp_path: Path) -> None:
    child, url = started(tmp_path)
    with child:
        with closing(Tab(url)) as tab:
            tab.until("second")
            child.send_signal(signal.SIGINT)
            (over,) = tab.until("over")["over"]
        out, _ = child.communicate(timeout=DEADLINE_S)
    assert "early, after 0 of 2 trials" in over["text"]
    assert "interrupted" in out
    assert child.returncode == 130
