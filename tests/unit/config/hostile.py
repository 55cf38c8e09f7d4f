"""What may stand in a file that somebody made by mistake, or on purpose: values, texts, paths."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

DEADLINE_S = 30
"""Against hanging alone: nothing here takes a second on a machine that has nothing else to do."""

VALUES = (
    # numbers
    *("1e308", "1e-308", "5e-324", "-1e308", "1e400", ".inf", "-.inf", ".nan", "-1", "-0.0", "0"),
    *("1", "0x10", "0o17", "010", "1_0", "1:30", "9" * 18, "9" * 19, "9" * 5000, "0." + "9" * 5000),
    *("1000000001", "999999", "0.5", "\u0663"),
    # durations
    *("0s", "1e9s", "99999999h", "0.0000001ms", "9" * 400 + "s", "-5s", "81 years"),
    # nothing, and other kinds
    *("", "~", "''", "[]", "{}", "[[]]", "[{}]", "{a: {b: []}}", "[~]", "true", "off"),
    # what YAML has beside
    *("!!binary aGk=", "!!python/object/apply:os.system [id]", "!x 1", "&a 1", "*a", "<<", "="),
    *("?", "'%'", "|", ">-", "{<<: 1}", "'''", '"', "[", "}", "- 1", "@x", "`x`", "2020-01-01"),
    # characters
    *('"\\ud800"', '"\\ud83d\\ude00"', '"\\0"', '"\\e[2J"', '"\\x9b2J"', '"\\UFFFFFFFF"'),
    *('"\\U00110000"', '"\\u2028"', '"a\\rb"', "\u202egnp", "a\u200bb", "\ufeff", "ünïcödé"),
    *("\U0001f525", "\u0441ync"),
    # names and paths
    *("x" * 300, "..", "../..", "/", "a/b", "-rf", ".", "CON", "a:b", "a\\b", "~root", "$(id)"),
    *("a b", "{posts}", "{nothing}", "{length:ten}", "{", "%s", "[bold]x[/]", "/" + "x" * 3000),
    *("//x", "/ä/ß?ö", "/a\tb", "file:///etc/passwd", "http://example.invalid/"),
)  # fmt: skip


@contextmanager
def deadline(what: str) -> Iterator[None]:
    """Fails what takes so long that it may never end."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"not within {DEADLINE_S} s: {what[:300]!r}")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(DEADLINE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
