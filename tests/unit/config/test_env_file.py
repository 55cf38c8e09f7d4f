"""A `.env` file: values as they are."""

from __future__ import annotations

import pytest

from rig.config.env_file import NoEnvFile, variables


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A = two words  # said", "two words"),
        ("A=abc#def", "abc#def"),
        ("A=", ""),
        ("A= # nothing", ""),
        ('A=""', ""),
        ("A='it''s'", None),
        ('A="say \\"so\\" # and\\n" # said', 'say "so" # and\n'),
        ("A='$HOME {x} \\n'", "$HOME {x} \\n"),
        ("A=$HOME/{x}", "$HOME/{x}"),
        ("A=postgres://u:p%20@h:5/d?x=y", "postgres://u:p%20@h:5/d?x=y"),
        ("A='two\nlines'", "two\nlines"),
        ("A=1\r\n", "1"),
    ],
)
def test_a_value(line: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(NoEnvFile, match=r"line 1 is no `NAME=value`"):
            variables(line)
    else:
        assert variables(line) == {"A": value}


def test_comments_and_blank_lines_say_nothing_and_the_last_value_counts() -> None:
    assert variables("\n# a\n\n  A=1\n \t\nB=2\nA=3") == {"A": "3", "B": "2"}


@pytest.mark.parametrize(("text", "line"), [("A=1\nnothing\n", 2), ('A="open\n', 1), ("=x", 1)])
def test_a_line_that_is_none_is_named(text: str, line: int) -> None:
    with pytest.raises(NoEnvFile, match=f"line {line} is no `NAME=value`"):
        variables(text)
