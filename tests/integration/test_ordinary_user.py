"""The local backend without root: user namespaces do what root is needed for otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.worlds import machine
from tests.ordinary import NOBODY, as_ordinary_user
from tests.runs import DEADLINE_S, Done, command, only_session

pytestmark = pytest.mark.ordinary_user

ONE_TRIAL = """\
experiment: ordinary
vary: {route: [io_create], target: [async], delay_ms: [60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that belongs to the ordinary user."""
    made = Path(tempfile.mkdtemp(prefix="ordinary-"))
    (made / "one.yaml").write_text(ONE_TRIAL)
    if os.geteuid() == 0:
        os.chown(made, NOBODY, NOBODY)
    yield made
    shutil.rmtree(made)


def run(home: Path, *arguments: str) -> Done:
    kept = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    env: Mapping[str, str] = {
        **kept, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        as_ordinary_user(command(*arguments)), env=env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=DEADLINE_S, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_trial_without_root(home: Path) -> None:
    before = machine()
    out = str(home / "results")
    done = run(home, str(home / "one.yaml"), "--backend", "local", "--yes", "--out", out)
    assert done.code == 0, done.out + done.err
    session = only_session(home / "results")
    (attempt,) = session.attempts()
    manifest = attempt.manifest
    assert manifest["verdict"] == "valid"
    assert manifest["delay"]["mechanism"] in ("netem", "nfqueue")
    assert manifest["load"]["outcomes"]["ok"] > 0
    assert attempt.path.stat().st_uid == home.stat().st_uid != 0
    assert list((home / "cache").iterdir())
    assert machine().left_since(before) == {}


def test_doctor_says_who_it_is(home: Path) -> None:
    done = run(home, "doctor")
    assert done.code == 0, done.out + done.err
    assert "an ordinary user" in done.out
    assert done.out.splitlines()[-1] == "local backend: can run here"
