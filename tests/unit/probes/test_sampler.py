"""A probe may be broken or stuck; the others go on, and the trial goes on."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rig.endpoints import Endpoints
from rig.probes import sampler
from rig.probes.base import Row, Simple
from rig.probes.sampler import sampling

SEEN = Endpoints()


class Counting(Simple):
    """Tells one row a sample, and one at the end."""

    name = "app_workers"

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.turn, self._fails, self.closed = 0, fails, False
        self.enough = threading.Event()

    def sample(self, at_s: float) -> Iterable[Row]:
        self.turn += 1
        if self.turn >= 4:
            self.enough.set()
        if self._fails(self.turn):
            raise RuntimeError(f"turn {self.turn}\n broke")
        return [(self.turn, at_s, None, None)]

    def rest(self) -> Iterable[Row]:
        return [("the end", 0.0, 0.0, 0.0)]

    def close(self) -> None:
        self.closed = True


SHIPPED_INTERVAL_S = sampler.INTERVAL_S


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "INTERVAL_S", 0.01)
    monkeypatch.setattr(sampler, "LAST_DEADLINE_S", 0.3)


@pytest.mark.parametrize("period_ms", range(100, 2001, 100))
def test_samples_keep_no_step_with_users(period_ms: int) -> None:
    """Thirty of them leave no half of a response time unseen, however round it is."""
    phases_ms = sorted(round(1000 * SHIPPED_INTERVAL_S) * n % period_ms for n in range(30))
    around = zip(phases_ms, [*phases_ms[1:], phases_ms[0] + period_ms], strict=True)
    assert max(after - before for before, after in around) < period_ms / 2


def using(monkeypatch: pytest.MonkeyPatch, **probes: Any) -> None:
    """These probes, whatever is seen: made, or an error in place of one."""

    def made(probe: Any) -> Any:
        if isinstance(probe, Exception):
            raise probe
        return probe

    found = [(name, lambda probe=probe: made(probe)) for name, probe in probes.items()]
    monkeypatch.setattr(sampler, "probes_of", lambda _: found)


def written(folder: Path, name: str = "app_workers") -> list[list[str]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        return list(csv.reader(file))


def failed(folder: Path) -> Any:
    return json.loads((folder / "failed.json").read_text())


def test_samples_from_before_the_context_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Counting()
    using(monkeypatch, app_workers=probe)
    with sampling(lambda: SEEN, tmp_path / "probes"):
        assert probe.turn >= 1
        assert probe.enough.wait(10)
    heading, *rows, last = written(tmp_path / "probes")
    assert heading == ["pid", "first_at_s", "last_at_s", "looked_at_s"]
    assert [int(row[0]) for row in rows] == list(range(1, probe.turn + 1))
    times_s = [float(row[1]) for row in rows]
    assert times_s == sorted(times_s)
    assert rows[0][2] == ""
    assert last == ["the end", "0.000000", "0.000000", "0.000000"]
    assert probe.closed
    assert failed(tmp_path / "probes") == {}


def test_each_probe_looks_once_more_when_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "INTERVAL_S", 30.0)
    probe = Counting()
    using(monkeypatch, app_workers=probe)
    with sampling(lambda: SEEN, tmp_path):
        assert probe.turn == 1
    assert probe.turn == 2
    assert [row[0] for row in written(tmp_path)[1:]] == ["1", "2", "the end"]


def test_a_last_look_that_is_stuck_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()

    class StuckAtTheEnd(Counting):
        def sample(self, at_s: float) -> Iterable[Row]:
            self.turn += 1
            if self.turn > 1:
                free.wait(30)
            return []

    monkeypatch.setattr(sampler, "INTERVAL_S", 30.0)
    using(monkeypatch, app_workers=StuckAtTheEnd())
    try:
        with sampling(lambda: SEEN, tmp_path):
            pass
        assert failed(tmp_path) == {"app_workers": "did not end in time"}
    finally:
        free.set()


def test_a_sample_that_fails_is_told_and_the_next_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Counting(lambda turn: turn == 2)
    using(monkeypatch, app_workers=probe)
    with sampling(lambda: SEEN, tmp_path):
        assert probe.enough.wait(10)
    turns = [row[0] for row in written(tmp_path)[1:-1]]
    assert turns[:3] == ["1", "3", "4"]
    assert failed(tmp_path) == {
        "app_workers": f"1 of {probe.turn} samples failed: RuntimeError: turn 2 broke"
    }


def test_a_probe_that_only_fails_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampler, "GIVE_UP_S", 0.0)
    broken, fine = Counting(lambda _: True), Counting()
    fine.name = "host"
    using(monkeypatch, app_workers=broken, host=fine)
    with sampling(lambda: SEEN, tmp_path):
        assert fine.enough.wait(10)
    assert broken.turn == 1
    assert broken.closed
    said = "1 of 1 samples failed, and no more were taken: RuntimeError: turn 1 broke"
    assert failed(tmp_path) == {"app_workers": said}


def test_a_probe_that_cannot_be_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = Counting()
    using(monkeypatch, host=OSError("not here"), app_workers=fine)
    with sampling(lambda: SEEN, tmp_path):
        pass
    assert failed(tmp_path) == {"host": "OSError: not here"}
    assert len(written(tmp_path)) >= 3


def test_a_stuck_probe_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, fine = threading.Event(), Counting()

    class Stuck(Counting):
        name = "host"

        def sample(self, at_s: float) -> Iterable[Row]:
            free.wait(30)
            return []

    monkeypatch.setattr(sampler, "FIRST_DEADLINE_S", 0.1)
    using(monkeypatch, host=Stuck(), app_workers=fine)
    try:
        with sampling(lambda: SEEN, tmp_path):
            assert fine.enough.wait(10)
        assert failed(tmp_path) == {"host": "did not end in time"}
        assert len(written(tmp_path)) >= 5
    finally:
        free.set()


def test_a_stack_that_cannot_be_seen_ends_no_trial(tmp_path: Path) -> None:
    def look() -> Endpoints:
        raise OSError("the engine is gone")

    ran = []
    with sampling(look, tmp_path / "probes"):
        ran.append(True)
    assert ran
    assert failed(tmp_path / "probes") == {"sight": "OSError: the engine is gone"}


def test_where_there_is_nothing_to_see_nothing_is_written(tmp_path: Path) -> None:
    with sampling(Endpoints, tmp_path / "probes"):
        pass
    assert not (tmp_path / "probes").exists()


def test_what_breaks_meanwhile_passes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = Counting()
    using(monkeypatch, app_workers=probe)
    with pytest.raises(KeyboardInterrupt), sampling(lambda: SEEN, tmp_path):
        raise KeyboardInterrupt
    assert probe.closed
    assert failed(tmp_path) == {}
