"""What the verdict hangs on, if it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.comparisons.sensitivity import Turn
from analysis.inference import ClaimResult
from analysis.report.inputs import read_inputs
from analysis.report.opening import opening_of
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Answer, Made, steady
from tests.unit.sentences import long_sentences

Rates = Sequence[tuple[float, float]]
"""sync's and async's answers a second in each block."""


def trials(rates: Rates, shaped: Callable[[float], Sequence[Answer]] = steady) -> list[Made]:
    return [
        Made({"target": target}, shaped(rate), replicate=block)
        for block, both in enumerate(rates, start=1)
        for target, rate in zip(("sync", "async"), both, strict=True)
    ]


def turned(folder: Path, made: Sequence[Made], **about: Any) -> tuple[Turn, ...]:
    inputs = read_inputs(sessions.make(folder / "s", made, **about))
    assert inputs.session.claim is not None
    assert inputs.answer is not None
    said = " ".join(opening_of(inputs, inputs.session.claim, inputs.answer).how_sure)
    assert ("The verdict would be" in said) == bool(inputs.turns)
    assert not long_sentences(said)
    return inputs.turns


CLEAR: Rates = [(20, 100), (20, 102), (20, 98), (20, 101), (20, 99), (20, 100)]


def test_what_is_clear_turns_by_nothing(tmp_path: Path) -> None:
    assert turned(tmp_path, trials(CLEAR)) == ()


def test_half_the_window(tmp_path: Path) -> None:
    def fading(rate: float) -> list[Answer]:
        """From the middle of the window on a tenth, of async alone."""
        found = steady(rate)
        return [one for at, one in enumerate(found) if rate < 50 or one.at_s < 7 or at % 10 == 0]

    found = turned(tmp_path, trials(CLEAR, fading))
    assert found == (Turn("by the window's second half", ClaimResult.CONTRADICTED),)


def test_half_the_window_tells_nothing_of_response_times(tmp_path: Path) -> None:
    claim: Mapping[str, Any] = {**sessions.CLAIM, "of": "p50_ms", "at_least": 0.5}
    assert turned(tmp_path, trials(CLEAR), claim=claim) == ()


def test_without_one_block(tmp_path: Path) -> None:
    rates = [*CLEAR[:4], (20, 15)]
    assert turned(tmp_path, trials(rates)) == (Turn("without block 5", ClaimResult.SUPPORTED),)


def test_of_three_blocks_none_is_left_out(tmp_path: Path) -> None:
    assert turned(tmp_path, trials([(20, 100), (20, 60), (20, 90)])) == ()


def test_by_ranks(tmp_path: Path) -> None:
    # one trial in eight is hundreds of times too fast: Student's t sees a scatter, ranks do not
    rates = [*[(20.0, 50.0 + at) for at in range(7)], (0.5, 200.0)]
    found = turned(tmp_path, trials(rates))
    assert Turn("by ranks, not Student's t", ClaimResult.SUPPORTED) in found
