"""Damages a session's files, runs a command on it in this process, and says what came of it."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import struct
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import runner
from rig.cli import make_cli

HANGS_S = 60
"""A deadline against hanging. What the slowest took is in the message of the test that counts."""

# damages


def _edit(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(change(path.read_bytes()))

    return damage


def _replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def _mid_line(data: bytes) -> bytes:
    """Cut where a line has begun and not ended, in the second half if there is one."""
    ends = [at for at, byte in enumerate(data[:-1]) if byte == 10]
    begin = ends[len(ends) * 2 // 3] if ends else 0
    return data[: begin + max(2, (len(data) - begin) // 3)]


def _flipped(data: bytes) -> bytes:
    """A bit of a digit, where there is one: the file stays well-formed and says another number."""
    digits = [found.start() for found in re.finditer(rb"[0-9]", data)]
    at = digits[len(digits) // 2] if digits else len(data) // 2
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] if data else b"x"


def _middle(data: bytes, put: bytes, over: int = 0) -> bytes:
    at = len(data) // 2
    return data[:at] + put + data[at + over :]


def _table(change: Callable[[list[list[str]]], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        lines = list(csv.reader(io.StringIO(path.read_text())))
        change(lines)
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(lines)
        path.write_text(text.getvalue(), newline="")

    return damage


def _without_column(lines: list[list[str]]) -> None:
    for line in lines:
        del line[len(line) // 2]


def _one_more_column(lines: list[list[str]]) -> None:
    for number, line in enumerate(lines):
        line.insert(1, "more" if number == 0 else "7")


def _swapped(lines: list[list[str]]) -> None:
    head = lines[0]
    head[0], head[-1] = head[-1], head[0]


def _twice(lines: list[list[str]]) -> None:
    lines += lines[1:]


def _keyless(path: Path) -> None:
    """Without the key in the middle of the outermost object that has more than one."""
    data = json.loads(path.read_text())
    inner = data if not isinstance(data, list) else next((x for x in data if x), {})
    keys = list(inner)
    if keys:
        del inner[keys[len(keys) // 2]]
    path.write_text(json.dumps(data))


ANY: Mapping[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "emptied": _edit(lambda _: b""),
    "cut in the middle": _edit(lambda data: data[: len(data) // 2]),
    "cut in mid-line": _edit(_mid_line),
    "one bit flipped": _edit(_flipped),
    "NUL bytes": _edit(lambda data: _middle(data, b"\0" * 8, 8)),
    "no UTF-8": _edit(lambda data: _middle(data, b"\xff\xfe\xc3", 3)),
    "a folder in its place": _replaced(Path.mkdir),
    "a FIFO": _replaced(os.mkfifo),
    "a link to an endless device": _replaced(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": _replaced(lambda path: path.symlink_to(path.name)),
    "an over-long line": _edit(lambda data: _middle(data, b"9" * 3_000_000)),
}
OF_JSON: Mapping[str, Callable[[Path], object]] = {
    "null": _edit(lambda _: b"null"),
    "a text": _edit(lambda _: b'"text"'),
    "a list": _edit(lambda _: b"[1, 2]"),
    "an empty object": _edit(lambda _: b"{}"),
    "nested deep": _edit(lambda _: b"[" * 100_000 + b"]" * 100_000),
    "nested a little less": _edit(lambda _: b'{"a":' * 900 + b"1" + b"}" * 900),
    "a missing key": _keyless,
}
OF_TABLES: Mapping[str, Callable[[Path], object]] = {
    "a missing column": _table(_without_column),
    "an extra column": _table(_one_more_column),
    "a swapped heading": _table(_swapped),
    "rows twice": _table(_twice),
    "no rows": _table(lambda lines: lines.__delitem__(slice(1, None))),
}


def damages(path: Path) -> Mapping[str, Callable[[Path], object]]:
    """Those that make sense of a file."""
    more = {".json": OF_JSON, ".csv": OF_TABLES}.get(path.suffix, {})
    return {**ANY, **more}


# hostile numbers

NUMBERS = (
    *("-1", "0", "1e308", "-1e308", "1e-308", "NaN", "Infinity", "1000000000", "1" + "0" * 30),
    *("9" * 5000, '""', '"abc"', "true", "null", "2.5", "[]", "{}"),
)
_NUMBER = re.compile(r"(?<![\w.\"-])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.\"])")


def hostile(path: Path, number: str) -> Iterator[Callable[[Path], None]]:
    """Changes of a file: each of its numbers, of several alike one, becomes another."""
    if path.suffix in (".json", ".jsonl"):
        yield from _hostile_json(path, number)
    elif path.suffix == ".csv":
        yield from _hostile_cells(path, number.strip('"'))


def _hostile_json(path: Path, number: str) -> Iterator[Callable[[Path], None]]:
    text = path.read_text()
    seen = set()
    for found in _NUMBER.finditer(text):
        # of numbers under one key, however deep it stands, the first
        before = re.findall(r'"([^"]*)":', text[: found.start()])
        key = before[-1] if before else ""
        if key not in seen:
            seen.add(key)
            yield _written(text[: found.start()] + number + text[found.end() :])


def _hostile_cells(path: Path, number: str) -> Iterator[Callable[[Path], None]]:
    lines = list(csv.reader(io.StringIO(path.read_text())))
    for column in range(len(lines[0]) if len(lines) > 1 else 0):
        changed = [list(line) for line in lines]
        changed[len(lines) // 2][column] = number
        text = io.StringIO()
        csv.writer(text).writerows(changed)
        yield _written(text.getvalue())


def _written(text: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_text(text, newline="")

    return damage


def bombs() -> Mapping[str, str]:
    """Payloads of histograms that ask for more than one is."""

    def payload(data: bytes) -> str:
        packed = zlib.compress(data, 9)
        return base64.b64encode(struct.pack(">II", 0x1C849314, len(packed)) + packed).decode()

    def head(length: int, digits: int = 3, highest: int = 3_600_000_000) -> bytes:
        return struct.pack(">IIIIQQd", 0x1C849313, length, 0, digits, 1, highest, 1.0)

    most = b"\xfe" + b"\xff" * 7 + b"\x7f"
    return {
        "zeros without end": payload(head(0) + b"\0" * 30_000_000),
        "a range without end": payload(head(2, 5, 2**62) + b"\x02\x02"),
        "more digits than there are": payload(head(2, 4_000_000_000) + b"\x02\x02"),
        "more values than there can be": payload(head(9) + most),
        "counts that wrap round": payload(head(27) + most * 3),
        "no varint": payload(head(9) + b"\xff" * 9),
        "too short": payload(b"\0" * 8),
        "no base64": "*" * 40,
    }


# commands


@dataclass(frozen=True)
class Ended:
    """How a command ended, in this process."""

    code: int
    said: str
    took_s: float
    broke: str = ""
    """A traceback, where it ended in one."""


def run(*arguments: str | Path) -> Ended:
    """A command of the rig, run here: starting Python would take most of the time."""
    out = io.StringIO()
    begun_s, code, broke = time.monotonic(), 1, ""
    argv, sys.argv = sys.argv, ["runner.py", *map(str, arguments)]
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    before = signal.signal(signal.SIGALRM, _hangs)
    # again and again: what swallowed the first must not wait for ever
    signal.setitimer(signal.ITIMER_REAL, HANGS_S, 1)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = make_cli(runner.ANALYSIS)()
    except (Exception, Hangs):
        broke = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.argv = argv
    return Ended(int(code), out.getvalue(), time.monotonic() - begun_s, broke)


class Hangs(BaseException):
    """A command did not end. Nothing that it catches."""


def _hangs(*_: object) -> None:
    raise Hangs(f"not ended after {HANGS_S} s")


def copied(session: Path, folder: Path) -> Path:
    """A copy of a session below a results folder, without what can be made again."""
    there = folder / "results" / "copied" / session.name
    return Path(shutil.copytree(session, there, ignore=shutil.ignore_patterns("derived")))


def unvouched(session: Path) -> Path:
    """The session as if nobody had kept a hash: what its files hold is all there is to go by."""
    (session / "journal.jsonl").unlink(missing_ok=True)
    for path in session.rglob("manifest.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "files": {}}, indent=1))
    return session


@contextlib.contextmanager
def spoilt(path: Path, damage: Callable[[Path], object]) -> Iterator[None]:
    """The file damaged, and whole again afterwards."""
    whole = path.read_bytes()
    try:
        damage(path)
        yield
    finally:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.write_bytes(whole)


def files(session: Path) -> Sequence[Path]:
    """The session's own files, and those of one attempt of each kind."""
    own = [path for path in sorted(session.iterdir()) if path.is_file() and path.name != "lock"]
    trial = sorted(session.glob("trials/*"))[-1]
    attempt = sorted(trial.glob("attempt-*"))[-1]
    rest = [trial / "plan.json", *sorted(path for path in attempt.rglob("*") if path.is_file())]
    calibration = [*sorted(session.glob("calibration/stack-1/*.json"))]
    null = session / "calibration" / "null" / "attempt-1"
    calibration += [null / "manifest.json", null / "load" / "completions.csv"]
    return [path for path in [*own, *rest, *calibration] if path.exists()]


# the table


@dataclass
class Table:
    """Files x damages x commands: how many there were, and every one that ended wrongly."""

    cases: int = 0
    runs: int = 0
    slowest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def tried(self, case: str, ended: Ended, wrong: str = "") -> None:
        """Counts a run; `wrong`: what it should not have said."""
        self.runs += 1
        self.slowest_s = max(self.slowest_s, ended.took_s)
        if ended.broke or wrong:
            last = ended.broke.strip().splitlines()[-1:] or [wrong]
            self.wrong.append(f"{case}: {last[0]}")

    def __str__(self) -> str:
        return f"{self.cases} cases, {self.runs} runs, the slowest {self.slowest_s:.2f} s"


class Bench:
    """A session to damage, one to compare it with, and what commands say of both undamaged."""

    def __init__(self, session: Path, folder: Path, commands: Sequence[str]) -> None:
        self.session = copied(session, folder)
        self._other = copied(session, folder / "other")
        self._whole = copied(session, folder / "whole")
        self._before = {command: self._run(command) for command in commands}
        for ended in self._before.values():
            assert not ended.broke, ended.broke

    def _run(self, command: str) -> Ended:
        of = [self._other, self.session] if command == "compare" else [self.session]
        ended = run(command, *of)
        shutil.rmtree(self.session / "derived", ignore_errors=True)
        if command == "resume":
            shutil.rmtree(self.session)
            shutil.copytree(self._whole, self.session)
        return ended

    def damage(self, path: Path, name: str, change: Callable[[Path], object], table: Table) -> None:
        """Every command on one damage: the same answer as before, or the file's name in it."""
        table.cases += 1
        for command, before in self._before.items():
            whole = path.read_bytes()
            with spoilt(path, change):
                touched = path.is_symlink() or not path.is_file() or path.read_bytes() != whole
                ended = self._run(command)
            same = (ended.code, ended.said) == (before.code, before.said)
            named = path.name in ended.said
            missed = command == "verify" and same and touched and not harmless(path, name)
            wrong = "" if (same or named) and not missed else f"says {ended.said[-200:]!r}"
            where = path.relative_to(self.session)
            table.tried(f"{command}, {where}, {name}", ended, wrong)

    def number(self, path: Path, name: str, change: Callable[[Path], object], table: Table) -> None:
        """Every command on one number that nobody vouches for: no traceback, and no inf or nan."""
        table.cases += 1
        for command in self._before:
            with spoilt(path, change):
                ended = self._run(command)
            # what names the file may quote it, on the lines after its first, too
            lines = re.sub(r"\n {2,}", " ", ended.said).splitlines()
            rest = [line for line in lines if path.name not in line]
            odd = re.search(r"\b(?:inf|nan)\b", "\n".join(rest))
            where = path.relative_to(self.session)
            table.tried(f"{command}, {where}, {name}", ended, odd[0] if odd else "")


def harmless(path: Path, damage: str) -> bool:
    """What changes nothing that `verify` covers, as no older journal has a hash of the schedule."""
    return path.name == "schedule.csv" and damage in ("an extra column", "rows twice")
