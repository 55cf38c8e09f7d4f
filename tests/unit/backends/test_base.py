"""What an error message quotes of a role's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import pytest

from rig.backends.base import LINE_CHARS, ProcessHandle, afterwards, last_error, tail
from rig.model import StackError


@dataclass(frozen=True)
class Said:
    lines: list[str]

    def log_lines(self) -> list[str]:
        return self.lines


def quoted(*lines: str) -> str:
    return tail(cast(ProcessHandle, cast(Any, Said(list(lines)))))


def test_the_last_lines() -> None:
    assert quoted("a", "b", "c", "d") == "b / c / d"


def test_silence_is_said() -> None:
    assert quoted() == "it printed nothing"


def test_the_error_above_the_last_lines_is_quoted_too() -> None:
    traceback = ["Traceback:", "ModuleNotFoundError: No module named 'articels'"]
    end = ["worker exited", "shutting down", "reason: failed to boot"]
    assert quoted(*traceback, *end) == (
        "ModuleNotFoundError: No module named 'articels' / reason: failed to boot"
    )


def test_an_error_among_the_last_lines_is_not_repeated() -> None:
    assert quoted("FATAL: no", "x", "y") == "FATAL: no / x / y"


def test_why_a_command_ended_is_its_last_error() -> None:
    said = ["Traceback:", "KeyError: 'a'", "During handling:", "ValueError: no posts", "bye"]
    assert last_error(cast(ProcessHandle, cast(Any, Said(said)))) == "ValueError: no posts"
    assert last_error(cast(ProcessHandle, cast(Any, Said(["a", "b"])))) == "a / b"


def test_an_error_is_quoted_with_the_one_that_it_was_raised_from() -> None:
    said = [
        *("ImportError: _psycopg.so: undefined symbol", ""),
        *("The above exception was the direct cause of the following exception:", ""),
        *("Traceback:", *100 * ["  ^^^"], "django.ImproperlyConfigured: Error loading psycopg2"),
    ]
    assert last_error(cast(ProcessHandle, cast(Any, Said(said)))) == (
        "django.ImproperlyConfigured: Error loading psycopg2, "
        "as ImportError: _psycopg.so: undefined symbol"
    )


def test_an_error_while_cleaning_up_does_not_hide_the_first_one() -> None:
    cleaned = []

    def clean() -> None:
        cleaned.append("once")
        raise FileExistsError("in the way")

    with pytest.raises(StackError, match="the cause") as caught, afterwards(clean):
        raise StackError("the cause")
    assert cleaned == ["once"]
    assert caught.value.__notes__ == ["afterwards: in the way"]


def test_cleaning_up_is_done_after_success_too_and_its_error_counts_then() -> None:
    def clean() -> None:
        raise FileExistsError("in the way")

    with pytest.raises(FileExistsError), afterwards(clean):
        pass


def test_a_line_without_end_is_quoted_in_part() -> None:
    assert quoted("Error: " + "x" * 10_000_000) == "Error: " + "x" * (LINE_CHARS - 7)
