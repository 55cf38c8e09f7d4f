"""Text from outside on a terminal: shown as it is, never obeyed, never read as markup."""

from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest
from rich.table import Table
from rich.text import Text

from rig.backends.base import LoadProgress
from rig.cli.terminal import Screen
from rig.cli.watch import Terminal
from rig.model import Phase, Verdict, printable
from tests.hostile import steering, strings, without_own
from tests.unit.plans import record, trial

HOSTILE = strings("http://127.0.0.1:9/")


def screen(**options: bool) -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(file=out, width=1000, **options), out


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_is_said_whole_and_steers_nothing(text: str, terminal: bool) -> None:
    console, out = screen(force_terminal=terminal)
    console.say(text)
    assert out.getvalue() == printable(text) + "\n"


def test_nobody_s_words_pass_for_a_line_of_the_rig() -> None:
    console, out = screen()
    console.say_line("DIFFERS a\nnothing differs\r\n")
    assert out.getvalue() == "DIFFERS a\\nnothing differs\\r\\n\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_whoever_makes_what_is_printed_it_steers_nothing(text: str) -> None:
    console, out = screen(force_terminal=True)
    grid = Table.grid()
    grid.add_row(text, Text(text, style="bold"))
    console.print(grid, Text(text))
    assert steering(without_own(out.getvalue())) == set()


def test_a_live_view_of_hostile_text_steers_nothing() -> None:
    console, out = screen(force_terminal=True)
    view = Terminal(console)
    for text in HOSTILE:
        one = replace(trial(skip=text), slug=text)
        view.planned([one], text)
        view.skipped(one)
        view.began(one)
        view.phase(Phase.LOAD)
        view.progress(LoadProgress(1.0, 7, 123, 4, {"ok": 200, text: 5}))
        console.print(view._view())
        view.message(text)
        view.ended(one, replace(record(), verdict=Verdict.FAILED, why=text))
        view.retrying(one, record())
    view.close()
    shown = out.getvalue()
    assert steering(without_own(shown)) == set()
    assert "\\x1b]8;;" in shown
    assert "[/red] x [link=" in shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_encoding_that_lacks_a_sign_shows_its_number(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    Screen().say("1.24× 日本 \ud800")
    sys.stdout.flush()
    times = "×".encode(encoding, "backslashreplace")
    assert raw.getvalue() == b"1.24" + times + b" \\u65e5\\u672c \\ud800\n"


def test_without_a_standard_output_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    Screen().say("anything")
