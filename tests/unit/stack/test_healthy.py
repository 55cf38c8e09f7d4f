"""When the app's container is healthy, which is what `docker compose up` waits for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import ROOT
from tests.unit.backends.answering import answering


def code_for(bind: str, folder: Path) -> int:
    spec = {"command": [], "env": {"BENCH_BIND": bind}, "folder": "/", "password_file": "/none"}
    (folder / "spec.json").write_text(json.dumps(spec))
    command = [sys.executable, "-m", "stack.app.healthy", str(folder / "spec.json")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_it_is_once_its_target_says_that_it_is_ready(
    tmp_path: Path, status: int, code: int
) -> None:
    with answering() as server:
        server.says({}, status)
        assert code_for(server.url.removeprefix("http://"), tmp_path) == code
    assert [path for _, path, _, _ in server.asked] == ["/-/ready"]


def test_it_is_not_while_nobody_listens(tmp_path: Path) -> None:
    with answering() as server:
        ended = server.url.removeprefix("http://")
    assert code_for(ended, tmp_path) == 1
