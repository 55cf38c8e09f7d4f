"""The real command line on a real terminal, on one that knows ASCII only, and on none."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.hostile import OWN, steering, without_own
from tests.hostile_session import hostile_session
from tests.runs import DEADLINE_S, command
from tests.shares import every

URL = "http://127.0.0.1:9/"
YAML = r"""
experiment: small
setup: {target: sync, route: io_create}
vary: {delay_ms: [0]}
also:
  one: {only: {delay_ms: [0]}, set: {pooler: pgbouncer}, because: "[/red] \u200b \u202e"}
claim:
  says: "[/red] [link=http://x] :tada: \u202e"
  ratio: {of: goodput_rps, pooler: [pgbouncer, direct]}
  at_least: 0.1
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_session(tmp_path_factory.mktemp("hostile") / "s", URL)


@pytest.mark.parametrize(
    "environment",
    every(2, [{"PYTHONIOENCODING": "ascii"},
              {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]),
)  # fmt: skip
def test_ascii_shows_everything(session: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command("show", session), cwd=tmp_path, env={**os.environ, **environment},
        capture_output=True, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"async \xf7 sync" in done.stdout
    assert steering(done.stdout.decode("ascii")) == set()


def test_a_closed_standard_output_is_no_error(session: Path, tmp_path: Path) -> None:
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command("show", session)]
    done = subprocess.run(
        closed, cwd=tmp_path, stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_terminal_gets_a_live_view_and_nothing_else_that_steers(tmp_path: Path) -> None:
    (tmp_path / "hostile.yaml").write_text(YAML)
    shown = on_a_terminal(tmp_path, "hostile.yaml", "--backend", "fake", "--yes")
    assert OWN.search(shown)
    assert r"claimed: [/red] [link=http://x] :tada: \u202e" in shown
    assert steering(without_own(shown.replace("\r\n", "\n"))) == set()


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a command sends to a terminal, to its end."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command(*arguments), cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(theirs)
    found = b""
    try:
        while chunk := os.read(ours, 65536):
            found += chunk
    except OSError:  # how a terminal says that its last process is gone
        pass
    finally:
        os.close(ours)
    assert child.wait(DEADLINE_S) == 0, found
    return found.decode()
