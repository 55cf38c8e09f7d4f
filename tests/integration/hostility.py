"""Sessions of hostile targets: what they are told, and what must be true of them afterwards."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration import hostile_target
from tests.runs import Done, Session, command, only_session

DEADLINE_S = 180
"""Of a session with one hostile target; each more may take a minute."""
TARGET = """\
name: {weapon}
title: A target that plants {weapon}
env: {{WEAPON: {weapon}, CANARY: "{canary}"}}
migrate: ["{{python}}", "{{folder}}/hostile.py", plant]
start: ["{{python}}", "{{folder}}/hostile.py", serve, "{{host}}", "{{port}}"]
content: [hostile.py, target.yaml]
ready: /
routes:
  hello: {{method: GET, path: /, answer: {{hello: world}}}}
"""
EXPERIMENT = """\
experiment: hostile
setup: {{route: hello, delay_ms: 200}}
vary: {{target: [{weapons}]}}
load: {{users: {{from: 2, per_s: 4, to: 6}}, steady: 4s, load_workers: 1}}
data: {{posts: 100, cpu_n: 1000}}
"""
VERDICTS = {"valid", "invalid", "unknown", "failed"}


@dataclass(frozen=True)
class Attacked:
    """A session that has ended, and root's file that was to be kept from it."""

    done: Done
    session: Session
    canary: Path
    text: str
    found: os.stat_result
    ran: frozenset[str]
    """The planted modules that were executed: effective user, process and name of each."""


def attacked(
    folder: Path, backend: str, scratch: Callable[[], Sequence[Path]], weapons: Sequence[str]
) -> Attacked:
    """Runs a session with a target that has each of these weapons, to its end or ours."""
    canary, text = make_canary(folder), secrets.token_hex(24)
    canary.write_text(text)
    found = canary.stat()
    for weapon in weapons:
        make_target(folder / weapon, weapon, canary)
    (folder / "x.yaml").write_text(EXPERIMENT.format(weapons=", ".join(weapons)))
    deadline_s = DEADLINE_S + 60 * (len(weapons) - 1)
    words = ("x.yaml", "--backend", backend, "--yes", "--no-calibrate")
    ran: set[str] = set()
    try:
        done = watched(command(*words), folder, deadline_s, lambda: ran.update(marks(scratch())))
    finally:
        for path in Path("/tmp").glob("xtables-*.lock*"):
            with suppress(OSError):
                path.unlink()
    return Attacked(done, only_session(folder / "results"), canary, text, found, frozenset(ran))


def make_canary(folder: Path) -> Path:
    """A file of root's in a folder of root's."""
    vault = folder / "vault"
    vault.mkdir(mode=0o700)
    canary = vault / "canary"
    canary.touch(mode=0o600)
    return canary


def make_target(folder: Path, weapon: str, canary: Path) -> None:
    """The target's folder, which others can read."""
    folder.mkdir(mode=0o755)
    (folder / "target.yaml").write_text(TARGET.format(weapon=weapon, canary=canary))
    shutil.copyfile(str(hostile_target.__file__), folder / "hostile.py")


def watched(
    words: Sequence[str], folder: Path, deadline_s: float, look: Callable[[], None]
) -> Done:
    """Runs a command, looking ten times a second; code -1 where it had to be ended."""
    out, err = folder / "out.txt", folder / "err.txt"
    with out.open("w") as said, err.open("w") as complained:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=complained,
            env={**os.environ, "COLUMNS": "200"},
        )  # fmt: skip
        give_up_s = time.monotonic() + deadline_s
        try:
            while process.poll() is None and time.monotonic() < give_up_s:
                look()
                time.sleep(0.1)
        finally:
            ended = process.poll() is not None
            if not ended:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(60)
            process.kill()
            process.wait()
    code = process.returncode if ended else -1
    return Done(code, out.read_text(errors="replace"), err.read_text())


def marks(scratch: Sequence[Path]) -> Iterator[str]:
    """What planted modules have left where they ran."""
    for top in scratch:
        for below, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name not in ("deep", "base", "cluster")]
            yield from (name for name in names if name.startswith("ran-"))
            if below.count("/") > 8:
                folders.clear()


def assert_kept(attack: Attacked) -> None:
    """Root's file is as it was."""
    found = attack.canary.stat()
    assert attack.canary.read_text() == attack.text
    for what in ("st_ino", "st_uid", "st_gid", "st_mode", "st_nlink"):
        assert getattr(found, what) == getattr(attack.found, what), what
    assert [path.name for path in attack.canary.parent.iterdir()] == ["canary"]


def assert_nothing_ran_as_root(attack: Attacked) -> None:
    assert not [name for name in attack.ran if name.startswith("ran-0-")], attack.ran


def assert_results_are_plain_files(attack: Attacked) -> None:
    """No link, no device, nothing of root's, nothing without end."""
    total_bytes = 0
    for below, folders, names in os.walk(attack.session.path):
        for name in (*folders, *names):
            found = os.lstat(os.path.join(below, name))
            assert stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode), (below, name)
            if stat.S_ISREG(found.st_mode):
                total_bytes += found.st_size
                assert found.st_size < 2 << 30, (below, name)
                data = Path(below, name).read_bytes() if found.st_size < 64 << 20 else b""
                assert attack.text.encode() not in data, (below, name)
    assert total_bytes < 1 << 30


def assert_says_what_happened(attack: Attacked) -> None:
    """Every trial has a verdict, and a reason in one line; the program did not break."""
    assert attack.done.code in (0, 4, 5, 6), attack.done.out[-3000:] + attack.done.err[-3000:]
    assert "Traceback" not in attack.done.out + attack.done.err
    manifests = [attempt.manifest for attempt in attack.session.attempts()]
    assert manifests
    for manifest in manifests:
        print(manifest["levels"]["target"], manifest["verdict"], manifest["why"], file=sys.stderr)
        assert manifest["verdict"] in VERDICTS
        assert "\n" not in manifest["why"]
        assert len(manifest["why"]) < 2000
