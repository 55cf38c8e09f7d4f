"""Starting and ending processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from rig.backends.processes import Process, remove, run, until
from rig.model import StackError


def test_what_a_command_prints_is_given_back() -> None:
    assert run(["echo", "hello"], 10) == "hello\n"


@pytest.mark.parametrize(
    ("command", "deadline_s", "said"),
    [
        (["sh", "-c", "echo first; echo why >&2; exit 3"], 10, "why"),
        (["sh", "-c", "echo only this; exit 3"], 10, "only this"),
        (["no-such-program"], 10, "no-such-program: No such file"),
        (["sleep", "60"], 0.1, "sleep 60 did not end within 0.1 s"),
    ],
)
def test_a_command_that_fails_says_why(command: list[str], deadline_s: float, said: str) -> None:
    with pytest.raises(StackError, match=said):
        run(command, deadline_s)


def test_a_process_logs_what_it_says_and_gives_its_code(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "echo out; echo err >&2; exit 7"], tmp_path / "log")
    assert process.wait(10) == 7
    assert process.log_lines() == ["out", "err"]


def test_a_process_that_cannot_start_says_so(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no-such-program does not start"):
        Process(["no-such-program"], tmp_path / "log")


def test_kill_ends_the_whole_group(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "sleep 600 & echo $!; wait"], tmp_path / "log")
    for _ in until(10):
        if process.log_lines():
            break
    (child,) = map(int, process.log_lines())
    process.kill()
    assert process.code() == -signal.SIGKILL
    for _ in until(10):
        if not alive(child):
            break
    assert not alive(child)
    process.kill()
    process.signal(signal.SIGTERM)


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_process_has_a_session_of_its_own(tmp_path: Path) -> None:
    process = Process(["sleep", "600"], tmp_path / "log")
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert process.wait(0.01) is None
    process.kill()


def test_until_looks_at_least_once_and_then_gives_up() -> None:
    looks = list(until(0.05, every_s=0.01))
    assert len(looks) >= 1
    assert looks == sorted(looks, reverse=True)
    assert list(until(0)) == []


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept")
    (tmp_path / "log").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        Process(["echo", "overwritten"], tmp_path / "log")
    assert secret.read_text() == "kept"


def test_a_log_without_end_is_read_at_both_ends(tmp_path: Path) -> None:
    grow = "echo first; truncate -s 1T /dev/fd/1 && echo last"
    process = Process(["sh", "-c", grow], tmp_path / "log")
    assert process.wait(10) == 0
    said = process.log_lines()
    assert said[0] == "first"
    assert said[-1].endswith("last")
    assert len(said) < 10


def test_a_tree_deeper_than_any_path_is_removed(tmp_path: Path) -> None:
    top = here = os.open(tmp_path, os.O_DIRECTORY)
    for _ in range(1200):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_DIRECTORY, dir_fd=here)
        if here != top:
            os.close(here)
        here = below
    os.close(here)
    os.close(top)
    (tmp_path / "kept").mkdir()
    (tmp_path / "deep" / "link").symlink_to(tmp_path / "kept")
    remove(tmp_path / "deep")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
