"""Commands where the file system refuses: one line and what to do, exit code 11, nothing lost.

On file systems that really refuse. The sweep over sizes is tests/unit/disk/test_refusals.py.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.disks import disk, read_only
from tests.integration.nobody import ordinary_user
from tests.runs import Done, Session, command, only_session, sessions
from tests.shares import every
from tests.warm import runner

SMALL = """\
experiment: small
vary: {route: [cpu], target: [sync, async], delay_ms: [0, 60]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""
# each trial takes the simulation a noticeable while
SLOW = SMALL.replace("to: 6}, steady: 3s", "to: 60}, steady: 60s")
RUN = ("small.yaml", "--backend", "fake")
READING = ("show", "plan small.yaml")
WRITING = ("analyse", "report", "compare {name} {name}", "resume")
ENOUGH_KIB = 32 << 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an experiment and, in `results`, a session of it."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "small.yaml").write_text(SMALL)
    (folder / "slow.yaml").write_text(SLOW)
    assert runner(*RUN, cwd=folder).code == 0
    return folder


def refused(done: Done, *said: str) -> None:
    """One line that says what and where, one that says what to do."""
    assert done.code == 11, done.out + done.err
    what, do = done.err.splitlines()
    assert re.fullmatch(r"error: .+ cannot be (written|used): .+", what)
    assert do.startswith("  ")
    for words in said:
        assert words in done.err


def commands(folder: Path, out: Path, *several: str) -> Iterator[Done]:
    """Each of some commands on the session in `results`, of which `out` holds a copy."""
    name = only_session(folder / "results").path.name
    for one in several:
        yield runner(*one.format(name=name).split(), "--out", out, cwd=folder)


@pytest.fixture
def full(made: Path, tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "full", ENOUGH_KIB) as small:
        shutil.copytree(made / "results", small.path, dirs_exist_ok=True)
        small.fill()
        yield small.path


@pytest.fixture
def without_inodes(made: Path, tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "inodes", ENOUGH_KIB) as small:
        shutil.copytree(made / "results", small.path, dirs_exist_ok=True)
        small.limit_files(sum(1 for _ in small.path.rglob("*")) + 1)
        yield small.path


@pytest.fixture
def unwritable(made: Path, tmp_path: Path) -> Iterator[Path]:
    with read_only(made / "results", tmp_path / "read-only") as folder:
        yield folder


@pytest.mark.parametrize(
    ("where", "why", "reading", "writing"),
    every(
        3,
        [
            ("full", "no space left on device", READING[:1], WRITING),
            ("without_inodes", "no space left on device", READING[:1], WRITING[:1]),
            ("unwritable", "read-only file system", READING, WRITING[1:]),
        ],
    ),
)
def test_what_can_answer_answers_and_the_rest_says_why_not(
    made: Path, where: str, why: str, reading: Sequence[str], writing: Sequence[str],
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    out = request.getfixturevalue(where)
    for done in commands(made, out, *reading):
        assert (done.code, done.err) == (0, ""), done.out
    for done in commands(made, out, *writing):
        refused(done, why, str(out))
    refused(runner(*RUN, "--out", out, cwd=made), f"{out}/small cannot be written", why)
    (verified,) = commands(made, out, "verify")
    assert (verified.code, verified.err) == (0, ""), verified.out


def test_a_file_in_place_of_the_folder(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    out.write_text("mine")
    for done in commands(made, out, " ".join(RUN), "show", "resume"):
        refused(done, f"{out} cannot be used: not a directory")
    assert out.read_text() == "mine"


@pytest.mark.parametrize("name", ["n" * 256, "/".join(["n" * 200] * 25)])
def test_names_that_are_too_long(made: Path, tmp_path: Path, name: str) -> None:
    for done in commands(made, tmp_path / name, " ".join(RUN), "show"):
        refused(done, "file name too long")
    refused(runner("show", name, cwd=made), "file name too long")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def everybody_s() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="outside-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.campaign
def test_a_folder_that_is_somebody_else_s(made: Path, everybody_s: Path, tmp_path: Path) -> None:
    out = everybody_s / "results"
    shutil.copytree(made / "results", out)
    shutil.copy(made / "small.yaml", everybody_s)
    with ordinary_user(tmp_path) as person:
        if not person:
            pytest.skip("somebody else is needed: run as root")

        def done(*arguments: str | Path) -> Done:
            words = [*person, "env", f"HOME={everybody_s}", *command(*arguments, "--out", out)]
            got = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
            return Done(got.returncode, got.stdout, got.stderr)

        run = (everybody_s / "small.yaml", *RUN[1:])
        for arguments in (run, ("analyse",), ("resume",)):
            refused(done(*arguments), "permission denied", str(out))
        assert done("show").code == 0
        out.chmod(0o700)
        for arguments in (run, ("show",)):
            refused(done(*arguments), f"{out}", "permission denied")


def limited(most_kib: int, folder: Path, *arguments: str | Path) -> Done:
    """A command that may write no larger files."""
    # Python cuts its compiled files off at the limit, and then everybody reads them so
    script = f'ulimit -f {most_kib * 2}; PYTHONDONTWRITEBYTECODE=1 exec "$0" "$@"'
    words = ["sh", "-c", script, *command(*arguments)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240)
    return Done(done.returncode, done.stdout, done.stderr)


def test_files_that_may_not_be_as_large(made: Path, tmp_path: Path) -> None:
    done = limited(6, made, *RUN, "--out", tmp_path / "out")
    refused(done, "file too large", "ulimit -f, then: ")
    session = only_session(tmp_path / "out")
    assert runner("resume", session.path, cwd=made).code == 0


@pytest.mark.campaign
def test_verify_says_what_it_finds_without_scratch_files(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made / "results", tmp_path / "results")
    refused_ = limited(0, tmp_path, "verify")
    assert refused_.code == 11
    assert "no usable temporary directory found" in refused_.err
    load = only_session(tmp_path / "results").attempts()[0].path / "load" / "load.json"
    load.write_text(load.read_text() + " ")
    done = limited(0, tmp_path, "verify")
    assert (done.code, done.err) == (7, "")
    assert "DIFFERS" in done.out


# in the middle of a session


def stopped_after_a_trial(folder: Path, out: Path) -> tuple[Session, subprocess.Popen[str]]:
    process = subprocess.Popen(
        command("slow.yaml", "--backend", "fake", "--out", out), cwd=folder, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    give_up_s = time.monotonic() + 60
    while not any(session.names("ended") for session in sessions(out)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.005)
    process.send_signal(signal.SIGSTOP)
    return only_session(out), process


def goes_on(process: subprocess.Popen[str]) -> Done:
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    return Done(process.returncode, out, err)


@pytest.mark.campaign
def test_a_disk_that_fills_up_ends_the_session_in_order_and_resume_goes_on(
    made: Path, tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", ENOUGH_KIB) as small:
        session, process = stopped_after_a_trial(made, small.path)
        small.fill()
        refused(
            goes_on(process), "no space left on device",
            f"  make room, then: python runner.py resume {session.path}",
        )  # fmt: skip
        ended = session.names("ended")
        small.resize(ENOUGH_KIB)
        done = runner("resume", session.path, cwd=made)
        assert (done.code, done.err) == (0, "")
        after = session.names("ended")
        assert after[: len(ended)] == ended
        assert len(after) == len(set(after)) == 4
        assert runner("verify", session.path, cwd=made).code == 0


@pytest.mark.campaign
def test_a_session_that_is_removed_meanwhile_is_not_made_again(made: Path, tmp_path: Path) -> None:
    session, process = stopped_after_a_trial(made, tmp_path / "out")
    shutil.rmtree(session.path)
    done = goes_on(process)
    refused(done, "no such file or directory", "start a new session: this one's folder is gone")
    assert not session.path.exists()


# standard output


@pytest.mark.campaign
def test_a_session_goes_on_when_nobody_reads_it(made: Path, tmp_path: Path) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(
        command(*RUN, "--out", tmp_path / "out"), cwd=made, text=True,
        stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    with open(read) as output:
        assert output.readline().startswith("session ")
    _, said = process.communicate(timeout=120)
    session = only_session(tmp_path / "out")
    assert process.returncode == 0
    assert said == f"nobody reads the output any more; session {session.path.name} goes on\n"
    assert len(session.names("ended")) == 4
    assert session.rows("derived/trials.csv")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show",),
        pytest.param(("plan", "small.yaml"), marks=pytest.mark.campaign),
        pytest.param(("--help",), marks=pytest.mark.campaign),
    ],
)
def test_a_reading_command_ends_quietly_when_nobody_reads_it(
    made: Path, arguments: tuple[str, ...]
) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command(*arguments), cwd=made, stdout=write, stderr=subprocess.PIPE, timeout=60, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_cannot_be_written_is_named(made: Path) -> None:
    with open("/dev/full", "w") as output:
        done = subprocess.run(
            command("show"), cwd=made, stdout=output, stderr=subprocess.PIPE, timeout=60, text=True
        )
    refused(Done(done.returncode, "", done.stderr), "the output cannot be written: no space left")


@pytest.mark.campaign
def test_a_command_without_standard_streams_does_its_work(made: Path) -> None:
    closed = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', *command("analyse")]
    assert subprocess.run(closed, cwd=made, timeout=60).returncode == 0
    assert only_session(made / "results").rows("derived/trials.csv")
