"""What a session leaves behind when it is interrupted, killed, or given a target that is broken."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.worlds import Machine, Running, children, machine, running, wait_for
from tests.runs import Attempt, Done, Session, only_session, read_json, runner, sessions

pytestmark = [pytest.mark.campaign, pytest.mark.integration]

ENDS_WITHIN_S = 15.0

ONE_TRIAL = """\
experiment: one
vary: {route: [io_create], target: [async], delay_ms: [60]}
load: {users: {from: 4, per_s: 4, to: 8}, steady: 4s, load_workers: 2}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A folder with an experiment of one trial."""
    (tmp_path / "one.yaml").write_text(ONE_TRIAL)
    return tmp_path


def assert_unfinished(session: Session) -> Attempt:
    (attempt,) = session.attempts()
    assert not (attempt.path / "manifest.json").exists()
    return attempt


def assert_resumes(session: Session, folder: Path) -> None:
    done = runner("resume", session.path, cwd=folder)
    # a busy machine may make the trial invalid, or need another try; finished it is all the same
    assert done.code in (0, 4), done.out + done.err
    first, *_, last = session.attempts()
    assert not (first.path / "manifest.json").exists()
    assert last.manifest["load"]["outcomes"]["ok"] > 0
    (row,) = session.rows("derived/trials.csv")
    assert row["attempt"] == row["attempts"] == str(len(session.attempts()))
    assert row["verdict"] == last.manifest["verdict"]


def test_ctrl_c_cleans_up_and_leaves_a_resumable_session(one: Path) -> None:
    before = machine()
    with running("one.yaml", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        assert_refused_beside(ours, one)
        ours.process.send_signal(signal.SIGINT)
        code, _, said = ours.ends(ENDS_WITHIN_S)
        assert (code, said.strip()) == (130, "interrupted; python runner.py resume goes on")
        ours.leaves_no_process()
    assert machine().left_since(before) == {}
    session = only_session(one / "results")
    assert (assert_unfinished(session).path / "logs" / "app.log").exists()
    assert_resumes(session, one)


def assert_refused_beside(ours: Running, folder: Path) -> None:
    """A second session is refused, naming the first, and leaves no trace."""
    second: Done = runner("one.yaml", "--yes", "--no-calibrate", "--out", "second", cwd=folder)
    assert second.code == 2
    assert f"session {ours.session.path} is running on this machine" in second.err
    assert not (folder / "second").exists()
    assert ours.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_as_ctrl_c_does(one: Path, number: signal.Signals) -> None:
    before = machine()
    with running("one.yaml", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.process.send_signal(number)
        assert ours.ends(ENDS_WITHIN_S)[0] == 130
        ours.leaves_no_process()
    assert machine().left_since(before) == {}


def test_ctrl_c_twice_forces(one: Path) -> None:
    with running("one.yaml", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.process.send_signal(signal.SIGINT)
        # the same signal twice would be one while the first has not been delivered
        ours.process.send_signal(signal.SIGTERM)
        assert ours.ends(ENDS_WITHIN_S)[0] == 130
        ours.leaves_no_process()
    assert_unfinished(only_session(one / "results"))
    assert runner("clean", cwd=one).code == 0


def test_what_was_killed_leaves_a_scratch_folder_that_clean_removes(one: Path) -> None:
    before = machine()
    with running("one.yaml", "--yes", "--no-calibrate", cwd=one) as ours:
        ours.reaches_load()
        ours.process.kill()
        ours.ends()
        ours.leaves_no_process()
    left = machine().left_since(before)
    assert set(left) == {"scratch"}
    cleaned = runner("clean", cwd=one)
    assert (cleaned.code, cleaned.err) == (0, "")
    removed = {line.removeprefix("removed ") for line in cleaned.out.splitlines()}
    # a cluster that a session in containers left in its volume may go with it
    assert {path for path in removed if path.startswith("/")} == left["scratch"]
    assert machine().left_since(before) == {}
    assert_unfinished(only_session(one / "results"))


SLOWLY = """\
#!/bin/sh
echo "$*" >> "$0.told"
case "$*" in *runner.py*) sleep 2 ;; esac
exec {setpriv} "$@"
"""


def test_a_runner_that_is_killed_as_it_begins_its_world_takes_it_along(one: Path) -> None:
    setpriv = one / "bin" / "setpriv"
    setpriv.parent.mkdir()
    setpriv.write_text(SLOWLY.format(setpriv=shutil.which("setpriv")))
    setpriv.chmod(0o755)
    told = Path(f"{setpriv}.told")
    path = {"PATH": f"{setpriv.parent}:{os.environ['PATH']}"}
    with running("one.yaml", "--yes", "--no-calibrate", cwd=one, env=path) as ours:
        wait_for(lambda: told.exists() and "runner.py" in told.read_text(), "it begins its world")
        (beginning,) = children(ours.process.pid)
        ours.process.kill()
        ours.process.wait()
        wait_for(lambda: not Path(f"/proc/{beginning}").exists(), "nothing of it runs")
    assert not sessions(one / "results")


# targets that are broken

BROKEN = """\
name: broken
title: {title}
start: {start}
seed: {seed}
routes:
  hello: {{method: GET, path: /, answer: {{hello: world}}}}
"""
SERVER = """\
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"hello": "nobody"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer((sys.argv[1], int(sys.argv[2])), Answering).serve_forever()
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="broken-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def run_broken(
    folder: Path, title: str, start: str, seed: str = "[]", calibrate: str = "--no-calibrate"
) -> tuple[Done, Machine, Session]:
    """An experiment whose target stands in a folder beside it."""
    target = folder / "broken"
    target.mkdir()
    (target / "target.yaml").write_text(BROKEN.format(title=title, start=start, seed=seed))
    (target / "serve.py").write_text(SERVER)
    (folder / "one.yaml").write_text(
        ONE_TRIAL.replace("[io_create]", "[hello]").replace("[async]", "[broken]")
    )
    before = machine()
    done = runner("one.yaml", "--backend", "local", "--yes", calibrate, cwd=folder)
    return done, before, only_session(folder / "results")


@pytest.mark.either_backend
def test_a_server_that_dies_at_its_start_is_named_with_its_last_words(open_folder: Path) -> None:
    start = '["{python}", -c, "import sys; sys.exit(\'cannot find my settings\')"]'
    done, before, session = run_broken(open_folder, "Dies at its start", start)
    assert done.code == 6, done.out + done.err
    first = done.err.splitlines()[0]
    assert first.startswith("error: provision: app ended at its start: ")
    assert first.endswith("cannot find my settings")
    (attempt,) = session.attempts()
    assert attempt.manifest["verdict"] == "failed"
    assert "cannot find my settings" in (attempt.path / "logs" / "app.log").read_text()
    assert machine().left_since(before) == {}


@pytest.mark.either_backend
@pytest.mark.parametrize("calibrate", ["--calibrate", "--no-calibrate"])
def test_a_seed_that_fails_ends_the_session_with_its_own_reason(
    open_folder: Path, calibrate: str
) -> None:
    start = '["{python}", "{folder}/serve.py", "{host}", "{port}"]'
    seed = '["{python}", -c, "raise ValueError(\'no posts today\')"]'
    done, before, session = run_broken(open_folder, "Cannot be seeded", start, seed, calibrate)
    assert done.code == 6, done.out + done.err
    said = "target broken's seed failed (1): ValueError: no posts today"
    first, *more = done.err.splitlines()
    assert first in (f"error: {said}", f"error: provision: {said}")
    assert len(more) <= 1
    for manifest in session.path.rglob("manifest.json"):
        assert said in read_json(manifest)["why"]
    for scout in session.path.rglob("scout.json"):
        assert read_json(scout)["why"] == said
    assert machine().left_since(before) == {}


@pytest.mark.either_backend
def test_a_server_that_answers_wrongly_is_never_put_under_load(open_folder: Path) -> None:
    start = '["{python}", "{folder}/serve.py", "{host}", "{port}"]'
    done, before, session = run_broken(open_folder, "Answers wrongly", start)
    assert done.code == 5, done.out + done.err
    assert "target broken does not answer hello correctly" in done.out
    assert "hello is 'nobody' instead of 'world'" in done.out
    (attempt,) = session.attempts()
    manifest = attempt.manifest
    assert manifest["verdict"] == "failed"
    assert manifest["load"]["finished"] == 0
    walked = [span["phase"] for span in manifest["spans"]]
    assert "load" not in walked
    assert walked[-2:] == ["collect", "teardown"]
    assert machine().left_since(before) == {}


def test_a_target_may_stand_where_only_root_may_go(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    start = '["{python}", "{folder}/serve.py", "{host}", "{port}"]'
    done, before, _ = run_broken(tmp_path, "Answers wrongly, but it answers", start)
    assert "hello is 'nobody' instead of 'world'" in done.out
    assert machine().left_since(before) == {}
