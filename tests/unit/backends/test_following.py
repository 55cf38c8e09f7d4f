"""What is told of a load while its master writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from rig.backends import following
from rig.backends.base import LoadProgress
from rig.load.counting.report import RESPONSES
from rig.model import LoadError

Step = Callable[[], None]


def lines(*told: tuple[float, int]) -> str:
    """Lines of progress: when each was written, and of which second it is."""
    return "".join(
        json.dumps({"elapsed_s": at_s, "users": 3, "goodput_rps": second, "failed_rps": 0,
                    "outcomes": {}, "second": second}) + "\n"
        for at_s, second in told
    )  # fmt: skip


def followed(folder: Path, steps: Sequence[Step], why: str = "") -> list[LoadProgress]:
    """All that was told while a master takes these steps, one before each look."""
    left: Iterator[Step] = iter(steps)
    told: list[LoadProgress] = []

    def out() -> Path:
        next(left, lambda: None)()
        return folder

    following._until_written(out, "load.json", 5.0, told.append, lambda: why)
    return told


def test_every_second_is_told_once_and_the_last_ones_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOKS_EVERY_S", 0.001)
    log = tmp_path / "progress.jsonl"

    def writes(*told: tuple[float, int], **responses: Sequence[str]) -> Step:
        def step() -> None:
            with log.open("a") as file:
                file.write(lines(*told))
            if responses:
                by_second: Mapping[str, Sequence[str]] = {
                    name.removeprefix("s"): texts for name, texts in responses.items()
                }
                (tmp_path / RESPONSES).write_text(json.dumps(by_second))

        return step

    def ends() -> None:
        writes((5.0, 3), (5.0, 4), s3=["c"], s4=["d"])()
        (tmp_path / "load.json").write_text("{}")

    steps = [writes((1.0, -1)), lambda: None, writes((3.0, 1), (3.5, 1)), writes((4.0, 2)), ends]
    told = followed(tmp_path, steps)
    assert [one.second for one in told] == [-1, 1, 1, 2, 3, 4]
    assert [one.responses for one in told[-2:]] == [("c",), ("d",)]


def test_a_load_that_ends_early_says_why(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="the load master ended early"):
        followed(tmp_path, [], why="the load master ended early: killed")
