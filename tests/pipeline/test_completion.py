"""Shells complete commands, options and files, by click's own scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import DEADLINE_S, ROOT, runner
from tests.warm import runner as warm


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What bash is to run once, before it completes."""
    done = warm("completion", "bash", cwd=tmp_path_factory.mktemp("completion"))
    assert (done.code, done.err) == (0, "")
    return done.out


def by_bash(script: str, folder: Path, *words: str) -> list[str]:
    """What bash would offer for the last word."""
    program = folder / "runner.py"  # as it is run here: by this Python
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "runner.py"} "$@"\n')
    program.chmod(0o755)
    typed = " ".join(f"'{word}'" for word in ("runner.py", *words))
    asks = (
        f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words)}; "
        f"_runnerpy_completion ./runner.py; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "-c", asks], cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S,
        check=False,
    )  # fmt: skip
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pl"], {"plan"}),
        (["--pro"], {"--profile"}),
        (["report", "--"], {"--out", "--check", "--junit", "--help"}),
        (["export", "be"], {"benchmarks"}),
        (["export", "benchmarks", "--of", "p9"], {"p95_ms", "p99_ms"}),
        (["small.yaml", "--back"], {"--backend"}),
        (["completion", ""], {"bash", "zsh", "fish"}),
    ],
)
def test_bash_offers(script: str, tmp_path: Path, words: list[str], offered: set[str]) -> None:
    assert set(by_bash(script, tmp_path, *words)) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_form(tmp_path: Path, shell: str) -> None:
    script = warm("completion", shell, cwd=tmp_path)
    assert "_RUNNER_PY_COMPLETE" in script.out
    if program := shutil.which(shell):
        checked = subprocess.run(
            [program, "-n"], input=script.out, text=True, check=False, timeout=DEADLINE_S
        )
        assert checked.returncode == 0
    words = {"COMP_WORDS": "runner.py pl", "COMP_CWORD": "1" if shell == "zsh" else "pl"}
    done = runner(cwd=tmp_path, env={**words, "_RUNNER_PY_COMPLETE": f"{shell}_complete"})
    assert done.code == 0
    assert "plan" in done.out
    assert "verify" not in done.out


def test_an_unknown_shell_is_usage(tmp_path: Path) -> None:
    done = warm("completion", "tcsh", cwd=tmp_path)
    assert done.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in done.err
