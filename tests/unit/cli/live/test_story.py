"""What the page is told, and what a tab that comes late is told again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from rig.backends.base import LoadProgress
from rig.cli.live import history
from rig.cli.live.history import Event, History
from rig.cli.live.story import Story
from rig.load.counting.hlog import encode, tally
from rig.model import JSON, Phase, Verdict
from tests.unit.plans import record, trial


class Clocks:
    """Both clocks of a test."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def told(events: Iterable[Event]) -> list[tuple[str, dict[str, JSON]]]:
    return [(event.kind, dict(event.data)) for event in events]


def begun() -> tuple[Story, Clocks]:
    """A story within a trial's load, which began at 100 s."""
    clocks = Clocks()
    story = Story(clocks, lambda: 1000.0)
    for events in (story.planned([trial()] * 2, ""), story.began(trial()), story.phase(Phase.LOAD)):
        list(events)
    return story, clocks


def test_a_second_is_told_once_with_its_percentiles() -> None:
    story, _ = begun()
    responses = [encode(tally([1000] * 90 + [50_000] * 10)), encode(tally([2000] * 100))]
    seen = LoadProgress(5.2, 7, 200, 3, {"ok": 900, "timeout": 5}, 3, responses)
    ((kind, data),) = told(story.progress(seen))
    assert kind == "second"
    assert data.pop("p50_ms") == pytest.approx(2, rel=1e-2)
    assert data.pop("p99_ms") == pytest.approx(50, rel=1e-2)
    assert data.pop("p95_ms") == pytest.approx(2, rel=1e-2)
    assert data == {
        "at_s": 3, "correct": 200, "failed": 3, "users": 7, "failures": {"timeout": 5},
    }  # fmt: skip
    assert told(story.progress(replace(seen, elapsed_s=5.7))) == []
    assert told(story.progress(LoadProgress(0.3, 1, 0, 0, {}))) == []


def test_histograms_that_are_none_cost_their_percentiles_only() -> None:
    story, _ = begun()
    ((_, data),) = told(story.progress(LoadProgress(5.2, 7, 200, 3, {}, 3, ["nonsense"])))
    assert data["correct"] == 200
    assert "p50_ms" not in data


def processes(at_s: float, **cpu_s: float) -> list[tuple[Any, ...]]:
    return [(at_s, role, 0, 1, used, 1, 0, 0, None) for role, used in cpu_s.items()]


def test_cpus_are_of_the_time_between_two_samples() -> None:
    story, _ = begun()
    assert told(story.sampled("processes", processes(101, app=1.0, database=0.5))) == []
    later = [*processes(103, app=2.0, database=0.6), *processes(103, app=3.0)]
    assert told(story.sampled("processes", later)) == [
        ("cpu", {"at_s": 3.0, "app": 2.0, "database": 0.05})
    ]


def test_connections_of_each_kind() -> None:
    story, _ = begun()
    assert told(story.sampled("app_sockets", [(102, 20, 3, 128)])) == [
        ("connections", {"at_s": 2.0, "to the app": 20.0})
    ]
    (event,) = story.sampled("postgres", [(102, "9", "4", *"1234567")])
    assert event.data == {"at_s": 2.0, "to Postgres": 9.0, "active in Postgres": 4.0}
    assert told(story.sampled("host", [(102, 1, 2, 3, 4, 5, 6, 7)])) == []
    assert told(story.sampled("app_workers", [])) == []


def test_nothing_is_shown_of_what_is_measured_before_the_first_trial() -> None:
    story = Story(Clocks(), Clocks())
    assert told(story.progress(LoadProgress(5.2, 7, 200, 3, {}, 3))) == []
    assert told(story.sampled("app_sockets", [(102, 20, 3, 128)])) == []


def test_the_end_says_whether_it_was_early() -> None:
    story, clocks = begun()
    clocks.now_s = 108.0
    (_, ended), (_, matrix) = told(story.ended(trial(), replace(record(), verdict=Verdict.VALID)))
    assert (ended["correct"], ended["failed"], ended["took_s"]) == (39, 1, 8.0)
    assert matrix == {"done": 1, "total": 2, "ends_at_s": 1000 + 6 + 2}
    assert told(story.over()) == [
        ("over", {"text": "The session has ended early, after 1 of 2 trials: 1 valid."})
    ]
    list(story.ended(trial(), replace(record(), verdict=Verdict.INVALID)))
    ((_, over),) = told(story.over())
    assert over == {"text": "The session has ended: 1 invalid, 1 valid."}


def test_a_late_tab_is_told_what_still_counts() -> None:
    kept = History()
    for kind, data in [
        ("session", 1), ("matrix", 1), ("began", 1), ("second", 1), ("ended", 1), ("matrix", 2),
        ("message", 1), ("began", 2), ("phase", 2), ("second", 2), ("cpu", 2), ("second", 3),
    ]:  # fmt: skip
        kept.add(Event(kind, {"n": data}))
    assert [(event.kind, event.data["n"]) for event in kept.replay()] == [
        ("session", 1), ("matrix", 2), ("ended", 1), ("message", 1),
        ("began", 2), ("phase", 2), ("second", 2), ("cpu", 2), ("second", 3),
    ]  # fmt: skip


def test_the_longest_session_is_kept_within_bounds() -> None:
    kept = History()
    for number in range(history.MOST_OF_A_TRIAL + 100):
        kept.add(Event("second", {"n": number}))
        kept.add(Event("ended", {"n": number}))
    kept.add(Event("over", {}))
    assert len(list(kept.replay())) == history.MOST_TRIALS + 1


def test_an_event_on_the_wire_is_one_whatever_it_says() -> None:
    wire = Event("message", {"text": "a\n\nevent: over\r\ndata: {}"}).to_wire().decode()
    head, data, *rest = wire.split("\n")
    assert (head, rest) == ("event: message", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {"text": "a\n\nevent: over\r\ndata: {}"}
