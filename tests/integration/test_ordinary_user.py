"""The local backend without root: user namespaces do what root is needed for otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.nobody import NOBODY_UID, ordinary_user
from tests.integration.worlds import machine
from tests.runs import DEADLINE_S, Done, command, valid_session

pytestmark = pytest.mark.ordinary_user

ONE_TRIAL = """\
experiment: ordinary
vary: {route: [io_create], target: [async], delay_ms: [120]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that belongs to the ordinary user."""
    made = Path(tempfile.mkdtemp(prefix="ordinary-"))
    (made / "one.yaml").write_text(ONE_TRIAL)
    if os.geteuid() == 0:
        os.chown(made, NOBODY_UID, NOBODY_UID)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def through(tmp_path: Path) -> Iterator[list[str]]:
    """What stands before a command of the ordinary user."""
    with ordinary_user(tmp_path) as words:
        yield words


def run(home: Path, through: list[str], *arguments: str | Path) -> Done:
    env = {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"),
    }  # fmt: skip
    done = subprocess.run(
        [*through, *command(*arguments)], env=env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_trial_without_root(home: Path, through: list[str]) -> None:
    before = machine()

    def through_them(*arguments: str | Path, cwd: Path) -> Done:
        return run(home, through, *arguments)

    session, _ = valid_session(
        home / "one.yaml",
        "--backend",
        "local",
        "--yes",
        "--no-calibrate",
        cwd=home,
        run=through_them,
    )
    *_, attempt = session.attempts()  # a busy machine may spoil one, and it is tried again
    manifest = attempt.manifest
    assert manifest["verdict"] == "valid"
    assert manifest["delay"]["mechanism"] in ("netem", "nfqueue")
    assert manifest["load"]["outcomes"]["ok"] > 0
    assert attempt.path.stat().st_uid == home.stat().st_uid != 0
    assert list((home / "cache").iterdir())
    assert machine().left_since(before) == {}


def test_doctor_says_who_it_is(home: Path, through: list[str]) -> None:
    done = run(home, through, "doctor")
    assert done.code == 0, done.out + done.err
    assert "an ordinary user" in done.out
    assert "local backend: can run here" in done.out.splitlines()
