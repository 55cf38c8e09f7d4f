"""A report's first words: who answers how much, how sure that is, why, and what not to conclude."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.report.claimed_pairs import few_numbers
from analysis.report.inputs import read_inputs
from analysis.report.opening import Opening, opening_of
from analysis.report.write import report
from rig.model import ExitCode, Level, Verdict
from tests.shares import every
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made, steady
from tests.unit.sentences import long_sentences

pytestmark = pytest.mark.usefixtures("undrawn")

AUDITED: Mapping[tuple[str, int], tuple[float, float, float]] = {
    ("cpu", 0): (240, 236, 0.0),
    ("cpu", 100): (9.5, 213, 0.0),
    ("io_create", 0): (128, 311, 0.09),
    ("io_create", 100): (1.23, 182, 0.24),
    ("io_read", 0): (85.1, 133, 0.03),
    ("io_read", 100): (1.09, 128, 0.38),
}
"""sync's and async's answers a second, and the share of async's that failed."""


def trials(
    rates: Mapping[tuple[str, int], tuple[float, float, float]], repeats: int = 1
) -> list[Made]:
    return [
        Made(
            {"target": target, "route": route, "delay_ms": delay},
            steady(rate * (1 + 0.01 * replicate), failed=failed, why="db_too_many_connections"),
            replicate=replicate,
        )
        for replicate in range(1, repeats + 1)
        for (route, delay), (sync, fast, share) in rates.items()
        for target, rate, failed in (("sync", sync, 0.0), ("async", fast, share))
    ]


def opened(folder: Path, made: Sequence[Made], **about: Any) -> Opening:
    inputs = read_inputs(sessions.make(folder / "s", made, **about))
    assert inputs.session.claim is not None
    assert inputs.answer is not None
    opening = opening_of(inputs, inputs.session.claim, inputs.answer)
    assert [long for line in opening.lines for long in long_sentences(line)] == []
    return opening


def calibrated(folder: Path, s0_ms: float, n: float) -> Opening:
    """Of one pair at 100 ms, whose sync was asked without load."""
    made = sessions.make(folder / "s", trials({("io_create", 100): (8, 80, 0.0)}))
    stack = {"levels": {"target": "sync"}, "route": "io_create", "servers": 1, "unloaded": [],
             "s0_ms": s0_ms, "n": n, "hold_s0_ms": 20.0, "hold_n": 1.0, "why": ""}  # fmt: skip
    calibration = {"null_rps": 5000.0, "load_workers": 2, "stacks": [stack], "why": ""}
    (made / "calibration.json").write_text(json.dumps(calibration))
    inputs = read_inputs(made)
    assert inputs.session.claim is not None
    assert inputs.answer is not None
    return opening_of(inputs, inputs.session.claim, inputs.answer)


def test_the_audited_session(tmp_path: Path) -> None:
    opening = opened(tmp_path, trials(AUDITED))
    said = [bold for bold, _ in opening.answer]
    assert said == [
        "Probably yes at cpu · added delay 100 ms.",
        "Probably no at cpu · added delay 0 ms.",
        "No verdict at io_create · added delay 0 ms, io_create · added delay 100 ms and 1 more: "
        "the side it would favour failed more than 5 %.",
        "Open at io_read · added delay 0 ms.",
    ]
    rates = [more for _, more in opening.answer]
    assert rates[0].startswith("Correct answers a second: 21")
    assert rates[0].endswith(" with async, 9.56 with sync.")
    assert opening.how_sure[0] == "One run of each, so how much runs differ was not seen."
    assert "Four repeats or more" in " ".join(opening.how_sure)
    before = " ".join(opening.before_acting)
    assert before.startswith("Async failed 38 %, 24 % and 8.99 % of its answers (io_read · added ")
    assert "perhaps decisive: connections per_request" in before


def test_what_the_logs_say_stands_with_a_side_that_failed(tmp_path: Path) -> None:
    made = sessions.make(
        tmp_path / "s",
        [
            Made({"target": "sync", "route": "cpu"}, steady(20)),
            Made({"target": "async", "route": "cpu"}, steady(100, failed=0.4, why="app_error")),
        ],
    )
    for attempt in made.glob("trials/*/attempt-1"):
        (attempt / "logs").mkdir()
        refused = "[7] FATAL:  sorry, too many clients already\n"
        (attempt / "logs" / "database.log").write_text(refused * 129)
    inputs = read_inputs(made)
    assert inputs.session.claim is not None
    assert inputs.answer is not None
    before = " ".join(opening_of(inputs, inputs.session.claim, inputs.answer).before_acting)
    said = "while Postgres refused 129 connections: too many clients already."
    assert f"Its logs say: app_error: 5xx of the app, {said}" in before


def test_one_pair_needs_no_place(tmp_path: Path) -> None:
    opening = opened(tmp_path, trials({("cpu", 0): (20, 100, 0.0)}, repeats=4))
    (answer,) = opening.answer
    assert answer[0] == "Yes."
    assert answer[1].startswith("Correct answers a second: 10")
    sure, another = opening.how_sure
    assert sure == "4 runs of each; “yes” and “no” are wrong in at most 1 of 20 such sessions."
    # wider than the interval of the mean, by √(4 + 1)
    assert another.startswith("One more run of each here may be expected to give 4.")
    assert opening.why == ()


def test_no_everywhere(tmp_path: Path) -> None:
    rates = {(route, 0): (100.0, 90.0, 0.0) for route in ("cpu", "io_read")}
    opening = opened(tmp_path, trials(rates, repeats=4))
    assert opening.answer[0][0] == "No in all 2 comparisons."


def test_it_depends_on_what_parts_them(tmp_path: Path) -> None:
    rates = {
        (route, delay): (100.0, 90.0 if delay == 0 else 600.0, 0.0)
        for route in ("cpu", "io_read")
        for delay in (0, 100)
    }
    opening = opened(tmp_path, trials(rates, repeats=4))
    assert [bold for bold, _ in opening.answer] == [
        "Yes at added delay 100 ms.",
        "No at added delay 0 ms.",
    ]


def test_what_was_not_measured_is_named_with_its_reason(tmp_path: Path) -> None:
    made = trials({("cpu", 0): (20, 100, 0.0)}, repeats=4)
    at: dict[str, Level] = {"route": "io_read", "delay_ms": 0}
    made += [
        Made({**at, "target": "sync"}, steady(10), Verdict.INVALID, "off"),
        Made({**at, "target": "async"}, steady(10)),
    ]
    opening = opened(tmp_path, made)
    assert ("Not measured at io_read.", "") in opening.answer
    assert "io_read: sync has no valid trial." in opening.before_acting


def test_the_model_stands_beside_what_was_measured(tmp_path: Path) -> None:
    opening = calibrated(tmp_path, s0_ms=10.0, n=9.0)
    # 1 ÷ (20 ms + 1 · 100 ms) = 8.33 a second
    ((side, cause),) = opening.why
    assert side == "Sync."
    assert cause.startswith(
        "Each of its servers takes one request at a time, and waits with it. "
        "A request keeps its server for 0.12 s. Predicted 8.33 a second, measured 8."
    )
    assert f"- {side} {cause}" in opening.lines
    assert "The goodput of 1 of these cells is not explained" in " ".join(opening.before_acting)


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        (
            (40, 45, 38, 46),
            r"\d+ to (\d+) repeats \(--repeats \1\) would decide what is open in four",
        ),
        ((40, 46), r"\d+ repeats might decide what is open, or even 200 not\."),
    ],
)
def test_repeats_are_asked_for_as_a_range(tmp_path: Path, rates: Sequence[int], says: str) -> None:
    made = [
        Made({"target": target}, steady(rate), replicate=replicate)
        for replicate, fast in enumerate(rates, 1)
        for target, rate in (("sync", 20), ("async", fast))
    ]
    said = " ".join(opened(tmp_path, made).how_sure)
    assert re.search(says, said), said


@pytest.mark.parametrize("of", ["p50_ms", "max_goodput_rps"])
def test_any_claim(tmp_path: Path, of: str) -> None:
    claim = {**sessions.CLAIM, "of": of}
    opening = opened(tmp_path, trials({("cpu", 0): (20, 100, 0.0)}), claim=claim)
    ((_, rates),) = opening.answer
    if of == "p50_ms":
        assert rates.startswith("Median response time: ")
        assert " ms with async, " in rates
    else:
        assert rates.startswith("Correct answers a second in the best 5 s: ")


def test_a_claim_of_another_factor(tmp_path: Path) -> None:
    claim = {**sessions.CLAIM, "factor": "max_connections", "numerator": 1000, "denominator": 100}
    made = [
        Made({"target": target, "max_connections": cap}, steady(rate), replicate=replicate)
        for replicate in (1, 2, 3, 4)
        for target in ("sync", "async")
        for cap, rate in ((100, 20), (1000, 60 + replicate))
    ]
    opening = opened(tmp_path, made, claim=claim)
    bold, rates = opening.answer[0]
    assert bold == "Yes in all 2 comparisons."
    assert " with max_connections 1000, 20" in rates
    assert rates.endswith(" with max_connections 100.")


def test_many_places_stay_within_a_sentence(tmp_path: Path) -> None:
    rates = {
        (route, delay): (100.0, 90.0 if route == "cpu" else 600.0, 0.0)
        for route in ("cpu", "io_create", "io_read")
        for delay in (0, 100, 200)
    }
    rates["cpu", 200] = (100.0, 700.0, 0.0)
    opening = opened(tmp_path, trials(rates, repeats=4))
    assert " and 5 more." in opening.answer[0][0]


def test_cells_beside_the_claim_are_named_with_what_they_reached(tmp_path: Path) -> None:
    at: dict[str, Level] = {"target": "sync", "delay_ms": 100, "connections": "persistent"}
    beside = [
        Made({**at, "route": "cpu"}, steady(80.0), because="do kept connections close the gap?"),
        Made({**at, "route": "io_read"}, steady(40.0, failed=0.3), because="the same"),
    ]
    rates = {(route, 100): (10.0, 90.0, 0.0) for route in ("cpu", "io_read")}
    before = opened(tmp_path, [*trials(rates), *beside]).before_acting
    assert "Beside the claim, sync, persistent: 80" in " ".join(before)
    assert any(
        "80 and 28 a second, 30" in said and "failed (cpu and io_read)" in said for said in before
    )
    assert any("perhaps decisive: connections per_request" in said for said in before)


def test_no_pair_at_all(tmp_path: Path) -> None:
    opening = opened(tmp_path, [Made({"target": "sync"}, steady(10))])
    assert opening.answer[0][0].startswith("Not measured: the session has no pair")
    assert opening.lines[0] == opening.answer[0][0]


@pytest.mark.parametrize(
    ("fast", "repeats", "said", "verdict", "code"),
    every(
        2,
        [
            (21, 4, "No difference beyond 25 %.", "equivalent", ExitCode.OK),
            (25, 4, "Open.", "not decided", ExitCode.UNDECIDED),
            (40, 4, "A difference beyond 25 %.", "different", ExitCode.CONTRADICTED),
            (60, 1, "Probably a difference beyond 25 %.", "indicated", ExitCode.UNDECIDED),
        ],
    ),
)
def test_a_claim_of_no_difference(
    fast: float, repeats: int, said: str, verdict: str, code: ExitCode, tmp_path: Path
) -> None:
    claim = {**sessions.CLAIM, "at_least": None, "equivalent_within": 0.25}
    rates = {("cpu", 0): (20.0, fast, 0.0)}
    opening = opened(tmp_path, trials(rates, repeats), claim=claim)
    assert [bold for bold, _ in opening.answer] == [said]
    written = report(tmp_path / "s")
    assert written.check is code
    assert f"{verdict}: {said}" in " ".join(written.messages)
    assert "equal within 25 %" in written.markdown.read_text(encoding="utf-8")


def test_too_close_to_equal_names_the_claim_that_asks_for_it(tmp_path: Path) -> None:
    made = [
        Made({"target": target}, steady(rate), replicate=block)
        for block, fast in enumerate([99, 101, 100.5, 99.5], start=1)
        for target, rate in (("sync", 100), ("async", fast))
    ]
    opening = opened(tmp_path, made, claim={**sessions.CLAIM, "at_least": 1})
    assert "Claim equivalent_within, and they may be found equal." in opening.how_sure


def test_the_model_carries_over_and_the_ratio_does_not(tmp_path: Path) -> None:
    opening = calibrated(tmp_path, s0_ms=12.2, n=8.1)
    assert opening.before_acting[-3:] == (
        "The ratios are of this machine and this load, and do not carry over to another.",
        "What carries over is the model of a request; its times scale with the CPU's speed.",
        "Sync: s0 12.2 ms; n 8.1 round trips.",
    )


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((145, 9.25), "145 and 9.25"),
        ((125.01, 124.98), "125"),
        ((8, 3, 1, 9, 2, 7, 5), "1 to 9"),
        ((8, 8, 8, 8, 8, 8, 8), "8"),
        ((), ""),
    ],
)
def test_numbers_that_read_alike_stand_once(values: Sequence[float], says: str) -> None:
    assert few_numbers(values) == says
