"""What an error message quotes of a role's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from rig.backends.base import Running, tail


@dataclass(frozen=True)
class Said:
    lines: list[str]

    def log_lines(self) -> list[str]:
        return self.lines


def quoted(*lines: str) -> str:
    return tail(cast(Running, cast(Any, Said(list(lines)))))


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
