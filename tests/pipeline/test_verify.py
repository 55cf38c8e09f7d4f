"""`runner.py verify`: an untouched session passes, and every kind of tampering is named."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.model import SCHEMA, ExitCode
from tests.runs import ROOT, Done, Session, only_session, read_json
from tests.shares import every
from tests.warm import runner

EXPERIMENT = """\
experiment: small
claim: {says: x, ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
vary: {route: [io_create], target: [sync, async]}
load: {users: {from: 2, per_s: 4, to: 6}, steady: 3s}
data: {posts: 1000, cpu_n: 1000}
"""


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("verify")
    (folder / "small.yaml").write_text(EXPERIMENT)
    done = runner("small.yaml", "--backend", "fake", cwd=folder)
    assert done.code == 0, done.err
    return only_session(folder / "results")


@pytest.fixture
def session(untouched: Session, tmp_path: Path) -> Session:
    """A copy, somewhere else, to be tampered with."""
    return Session(Path(shutil.copytree(untouched.path, tmp_path / untouched.path.name)))


def verify(session: Session) -> Done:
    return runner("verify", session.path, cwd=ROOT)


def first(session: Session) -> Path:
    """The folder of the first trial's attempt."""
    return session.attempts()[0].path


def change(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes a JSON file in place."""
    data = read_json(path)
    change(data)
    path.write_text(json.dumps(data, indent=1) + "\n")


def rehash(session: Session, attempt: Path) -> None:
    """Makes the manifest and the journal agree with the files again, as a forger would."""

    def hashes(manifest: dict[str, Any]) -> None:
        for name in manifest["files"]:
            manifest["files"][name] = hashlib.sha256((attempt / name).read_bytes()).hexdigest()

    change(attempt / "manifest.json", hashes)
    journal = session.path / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    now = hashlib.sha256((attempt / "manifest.json").read_bytes()).hexdigest()
    for line in lines:
        if line["event"] == "ended" and line["trial"] == attempt.parent.name:
            line["manifest_sha256"] = now
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))


def named(done: Done, *words: str) -> bool:
    """Whether one difference has all these words."""
    lines = [line for line in done.out.splitlines() if line.startswith("DIFFERS ")]
    return done.code == 7 and any(all(word in line for word in words) for line in lines)


def test_an_untouched_session_verifies_wherever_it_is(session: Session) -> None:
    done = verify(session)
    assert (done.code, done.err) == (0, ""), done.out
    assert "2 finished attempts" in done.out
    assert "nothing differs" in done.out
    assert not list(session.path.glob(".derived*"))


def test_derived_may_be_deleted(session: Session) -> None:
    shutil.rmtree(session.path / "derived")
    done = verify(session)
    assert done.code == 0
    assert "no derived/" in done.out


def test_a_byte_of_a_raw_file(session: Session) -> None:
    path = first(session) / "load" / "latencies.hlog"
    path.write_bytes(path.read_bytes() + b"#")
    assert named(verify(session), "load/latencies.hlog", "is not the file whose hash")


def test_a_number_of_the_recorder(session: Session) -> None:
    path = first(session) / "load" / "completions.csv"
    head, line, *rest = path.read_text().splitlines()
    cells = line.split(",")
    cells[4] = str(int(cells[4]) + 1)
    path.write_text("\n".join([head, ",".join(cells), *rest]) + "\n")
    done = verify(session)
    assert named(done, "completions.csv", "is not the file whose hash")
    assert named(done, "completions.csv", "adds up to")


def test_a_number_of_the_recorder_with_all_hashes_made_to_agree(session: Session) -> None:
    path = first(session) / "load" / "completions.csv"
    path.write_text(re.sub(r",(\d+),(\d+\.\d+),(\d+\.\d+)\n$", r",9\1,\2,\3\n", path.read_text()))
    rehash(session, first(session))
    done = verify(session)
    assert named(done, "completions.csv", "adds up to")
    assert not named(done, "whose hash")


def test_a_verdict(session: Session) -> None:
    def flip(manifest: dict[str, Any]) -> None:
        manifest["verdict"], manifest["why"] = "invalid", "it did not fit"

    change(first(session) / "manifest.json", flip)
    done = verify(session)
    assert named(done, "manifest.json", "verdict is", "invalid", "recomputed", "valid")
    assert named(done, "manifest.json", "journal.jsonl")
    assert named(done, "derived/trials.csv", "verdict is 'valid', recomputed 'missing'")


def test_a_fact_with_all_hashes_made_to_agree(session: Session) -> None:
    def fewer(load: dict[str, Any]) -> None:
        load["complete"] = False

    change(first(session) / "load" / "load.json", fewer)
    rehash(session, first(session))
    done = verify(session)
    assert named(done, "manifest.json", "load.complete is true, the raw files say false")
    assert named(done, "check load_workers says pass", "recomputed fail")
    assert named(done, 'verdict is "valid", recomputed "invalid"')


def test_checks_that_are_not_the_manifests(session: Session) -> None:
    path = first(session) / "checks.json"
    path.write_text(path.read_text().replace('"pass"', '"warn"', 1))
    rehash(session, first(session))
    assert named(verify(session), "checks.json", "are not the manifest's")


def test_a_deleted_file_and_one_too_many(session: Session) -> None:
    (first(session) / "load" / "seconds.csv").unlink()
    (first(session) / "notes.txt").write_text("fine")
    done = verify(session)
    assert named(done, "load/seconds.csv", "is missing")
    assert named(done, "notes.txt", "is not in the manifest")


def test_a_deleted_attempt_and_one_too_many(session: Session) -> None:
    first(session).rename(first(session).with_name("attempt-2"))
    done = verify(session)
    assert named(done, "attempt-1/manifest.json", "is gone")
    assert named(done, "attempt-2/manifest.json", "has no line in journal.jsonl")


def test_an_edited_table(session: Session) -> None:
    path = session.path / "derived" / "trials.csv"
    path.write_text(re.sub(r"(,window|,span),", r"1\1,", path.read_text(), count=1))
    assert named(verify(session), "derived/trials.csv: line 2: goodput_rps is")


def test_an_edited_figure(session: Session) -> None:
    path = session.path / "derived" / "figures" / "goodput.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    assert named(verify(session), "derived/figures/goodput.csv", "rows, recomputed")


def test_an_edited_plan(session: Session) -> None:
    def shorter(plan: dict[str, Any]) -> None:
        plan["load"]["timeout_s"] = 30.0

    change(first(session).parent / "plan.json", shorter)
    assert named(verify(session), "plan.json", "its digest is not that of its contents")


def test_a_plan_of_another_trial(session: Session) -> None:
    one, other = (attempt.path.parent / "plan.json" for attempt in session.attempts())
    shutil.copyfile(other, one)
    assert named(verify(session), "manifest.json", "plan_digest is not that of plan.json")


def test_levels_swapped_in_the_schedule(session: Session) -> None:
    path = session.path / "schedule.csv"
    text = path.read_text().replace(",io_create,", ",cpu,")
    path.write_text(text)
    assert named(verify(session), "manifest.json", "route is io_create, in schedule.csv cpu")


def test_a_trial_moved_to_another_block(session: Session) -> None:
    path = session.path / "schedule.csv"
    text = re.sub(r"-r1,1,1,", "-r1,2,1,", path.read_bytes().decode(), count=1)
    path.write_bytes(text.encode())
    assert named(verify(session), "schedule.csv: is not the file whose hash journal.jsonl has")


def test_a_replicate_that_is_another_one(session: Session) -> None:
    path = session.path / "schedule.csv"
    text = re.sub(r"-r1,1,1,", "-r1,1,2,", path.read_bytes().decode(), count=1)
    path.write_bytes(text.encode())
    assert named(verify(session), "schedule.csv: 0001-", "position 1, replicate 2")


def test_an_edited_schedule_whose_lines_were_taken_out_of_the_journal(session: Session) -> None:
    path, journal = session.path / "schedule.csv", session.path / "journal.jsonl"
    path.write_bytes(re.sub(r"-r1,1,1,", "-r1,2,1,", path.read_bytes().decode(), count=1).encode())
    lines = [line for line in journal.read_text().splitlines(True) if '"scheduled"' not in line]
    journal.write_text("".join(lines))
    done = verify(session)
    assert named(done, "schedule.csv: 0001-", "is of block 2, after block 0")
    assert named(done, "schedule.csv: is not the file whose hash journal.jsonl has")
    assert named(done, "journal.jsonl: line 2 does not follow the line before it")


def test_an_edited_drawing_and_one_that_nobody_vouches_for(session: Session) -> None:
    path = session.path / "derived" / "figures" / "goodput.svg"
    path.write_text(path.read_text().replace("<path", "<path opacity='0'", 1))
    assert named(verify(session), "derived/figures/goodput.svg: is not drawn as recomputed")
    (session.path / "derived" / "made.json").unlink()
    assert named(verify(session), "derived/made.json: is missing")


def test_a_file_that_cannot_be_read_hides_nothing_else(session: Session) -> None:
    one, other = (attempt.path for attempt in session.attempts())
    (one / "load" / "load.json").write_text('{"complete": tr')
    (other / "notes.txt").write_text("fine")
    done = verify(session)
    assert done.err == ""
    assert named(done, one.name, "its raw files cannot be read")
    assert named(done, "load/load.json", "is not the file whose hash")
    assert named(done, "notes.txt", "is not in the manifest")


@pytest.mark.parametrize(("kept", "deleted"), every(2, [("md", "html"), ("html", "md")]))
def test_a_report_is_compared_without_the_other(session: Session, kept: str, deleted: str) -> None:
    assert runner("report", session.path, cwd=ROOT).code in (0, 9)
    (session.path / "derived" / f"report.{deleted}").unlink()
    path = session.path / "derived" / f"report.{kept}"
    path.write_text(f"{path.read_text()}\nIt is faster.\n")
    done = verify(session)
    assert named(done, f"derived/report.{kept}: line", "is not as recomputed")
    assert not named(done, f"derived/report.{deleted}: line")


def test_a_claim_turned_round(session: Session) -> None:
    def turn(about: dict[str, Any]) -> None:
        claim = about["claim"]
        claim["numerator"], claim["denominator"] = claim["denominator"], claim["numerator"]

    change(session.path / "session.json", turn)
    done = verify(session)
    assert named(done, "session.json: is not the file whose hash journal.jsonl has")
    assert named(done, "derived/comparisons.csv", "numerator is 'async', recomputed 'sync'")


def test_a_session_of_another_schema_is_refused_in_one_line(session: Session) -> None:
    change(session.path / "session.json", lambda about: about.update(schema=1))
    exports = [f"export {form}" for form in ("benchmarks", "otel", "prometheus")]
    for command in ("verify", "show", "show --json", "analyse", "report", "resume", *exports):
        done = runner(*command.split(), session.path, cwd=ROOT)
        assert (done.code, done.out) == (ExitCode.USAGE, ""), command
        assert done.err == (
            f"error: {session.path}/session.json: schema 1 is older than this code's {SCHEMA}; "
            "measure it again\n"
        )


def test_a_schedule_that_no_table_can_be_made_of(session: Session) -> None:
    path = session.path / "schedule.csv"
    path.write_text(path.read_text().replace("\n1,", "\nfirst,", 1))
    done = verify(session)
    assert named(done, "schedule.csv")
    assert named(done, "derived/: cannot be recomputed")
