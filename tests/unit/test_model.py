"""Names, durations and errors."""

from __future__ import annotations

import pytest

from rig import model


@pytest.mark.parametrize(
    ("text", "wanted_s"),
    [("81s", 81), ("500ms", 0.5), ("2m", 120), ("1.5 h", 5400), (" 0s ", 0)],
)
def test_durations(text: str, wanted_s: float) -> None:
    assert model.seconds(text) == pytest.approx(wanted_s)


@pytest.mark.parametrize("text", ["", "81", "s", "-1s", "1d", "1s 2s", "1e3s", "1s\n2"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        model.seconds(text)


@pytest.mark.parametrize(
    ("said", "cpus"),
    [([], ()), (["0"], (0,)), (["0-2,5", "1"], (0, 1, 2, 5)), ([3, 4], (3, 4)), (["x", "-"], ()),
     (["0-99999999"], tuple(range(4097)))],
)  # fmt: skip
def test_the_kernels_lists_of_cpus(said: list[object], cpus: tuple[int, ...]) -> None:
    assert model.cpus_of(said) == cpus


@pytest.mark.parametrize(
    ("share", "written"),
    [(0, "0 %"), (0.05, "5 %"), (0.38461, "38.5 %"), (1, "100 %"), (12.345, "1234 %"),
     (0.000004, "0.0004 %"), (-0.005, "-0.5 %")],
)  # fmt: skip
def test_a_share_is_written_in_one_way(share: float, written: str) -> None:
    assert model.percent(share) == written


def test_exit_codes_are_distinct_and_as_documented() -> None:
    codes = {code.name: int(code) for code in model.ExitCode}
    assert codes == {
        "OK": 0, "BUG": 1, "USAGE": 2, "BAD_YAML": 3, "SOME_INVALID": 4, "SOME_FAILED": 5,
        "NO_STACK": 6, "DIFFERS": 7, "CONTRADICTED": 8, "UNDECIDED": 9, "SLOWER": 10,
        "STORAGE": 11, "DAMAGED": 12,
        "INTERRUPTED": 130,
    }  # fmt: skip


def test_an_error_says_what_and_then_what_to_do() -> None:
    assert str(model.UsageError("no such session", "run one first")) == (
        "no such session\n  run one first"
    )
    assert str(model.StackError("gone")) == "gone"


def test_bad_yaml_lists_every_problem() -> None:
    problems = [model.Problem("a:1", "x", "try y"), model.Problem("a:2", "z")]
    assert str(model.BadYaml(problems)) == "a:1: x; try y\na:2: z"


def test_ok_is_no_failure_class() -> None:
    assert model.OUTCOME_OK not in model.FAILURE_CLASSES


@pytest.mark.parametrize(
    ("text", "said"),
    [("a\x1b[2Jb", "a\\x1b[2Jb"), ("\x9b2J", "\\x9b2J"), ("a\r\x08\x7f", "a\\r\\x08\\x7f"),
     ("a\u202eb\u2066", "a\\u202eb\\u2066"), ("\ud800\udc9b", "\\ud800\\udc9b"),
     ("\u2028\u200b\ufeff\u00ad", "\\u2028\\u200b\\ufeff\\xad"), ("\U000e0041", "\\U000e0041")],
)  # fmt: skip
def test_what_would_steer_a_terminal_is_spelt_out(text: str, said: str) -> None:
    assert model.printable(text) == said


@pytest.mark.parametrize("text", ["", "a\tb\nc", "1.24× — ünï\u00a0\u202fcode 日本 🎉", "\\x1b[2J"])
def test_what_only_shows_is_shown(text: str) -> None:
    assert model.printable(text) == text
