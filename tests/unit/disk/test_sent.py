"""Which of the requests were sent in the window, and what became of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.disk.sent import Sent, read_sent, together
from rig.load.counting.completions import Completions
from rig.load.counting.recorder import Recorder
from rig.model import DamagedFile

RAMP_S, END_S = 2.0, 12.0

Ended = tuple[float, float, str]
"""When it was sent, and when and how it ended."""


def written(folder: Path, ended: list[Ended], waiting: list[float], dropped: int = 0) -> Path:
    """The files of a load."""
    recorder, completions = Recorder(RAMP_S, END_S, is_open=True), Completions("cpu")
    for sent_s, ended_s, outcome in sorted(ended, key=lambda one: one[1]):
        recorder.finish(recorder.start(sent_s), ended_s, "cpu", outcome)
    for sent_s in waiting:
        recorder.start(sent_s)
    for _ in range(dropped):
        recorder.drop(5.0)
    left = recorder.freeze(END_S)
    completions.add("load-1", recorder.drain())
    completions.close("load-1", 0, "load-1", left)
    completions.write(folder, RAMP_S, END_S)
    return folder


def counted(sent: Sent) -> tuple[int, int, int]:
    of = (sent.answered, sent.failed, sent.given_up)
    found = [sum(count for _, count in counts) for counts in of]
    return found[0], found[1], found[2]


def test_what_was_sent_before_the_window_does_not_count(tmp_path: Path) -> None:
    early = [(1.5, 2.5, "ok"), (0.5, 1.0, "ok"), (1.9, 8.0, "app_error")]
    fine = [(2.0, 2.1, "ok"), (3.0, 9.5, "ok"), (4.0, 5.0, "app_error"), (4.0, 6.0, "timeout")]
    late = [(11.0, 12.5, "ok")]
    sent = read_sent(written(tmp_path / "load", early + fine + late, [1.0, 9.0, 11.9], 3), RAMP_S)
    assert counted(sent) == (3, 1, 1)
    assert sent.waiting_us == (100_000, 3_000_000)
    assert (sent.dropped, sent.unanswered) == (3, 3)
    assert sum(count for _, count in sent.ended) == 5
    assert sent.answered[-1][0] == pytest.approx(6_500_000, rel=0.001)


def test_a_queue_of_one_round_is_told_apart_to_the_request(tmp_path: Path) -> None:
    """150 users in the ramp, one answer every 80 ms: what came in the window was sent before it."""
    turns = [(0.01 * n, 0.08 * (n + 1)) for n in range(150)]
    again = [(end_s, end_s + 12) for _, end_s in turns]
    done = [(begin, end, "ok") for begin, end in turns if end < END_S]
    waiting = [begin for begin, end in [*turns, *again] if begin < END_S <= end]
    sent = read_sent(written(tmp_path / "load", done, waiting), RAMP_S)
    assert counted(sent) == (0, 0, 0)
    assert len(sent.waiting_us) == sum(begin >= RAMP_S for begin in waiting)


def test_where_it_is_open_which_were_sent_in_the_window_both_ends_are_kept(tmp_path: Path) -> None:
    """Both came in the window's first second, and one of them was sent before it."""
    ended = [(1.9, 2.1, "ok"), (2.05, 2.6, "ok")]
    sent = read_sent(written(tmp_path / "load", ended, []), RAMP_S)
    assert sent.answered[0][0] == pytest.approx(200_000, rel=0.001)
    assert sent.slowest[0][0] == pytest.approx(550_000, rel=0.001)
    assert len(sent.answered) == len(sent.slowest) == 1


def test_windows_of_one_cell_together() -> None:
    one = Sent([(1, 2), (5, 1)], [(1, 1), (5, 2)], waiting_us=[7], dropped=1)
    other = Sent([(1, 1), (3, 1)], [(3, 2)], [(2, 2)], [(9, 1)], (4, 8))
    fastest, slowest = ((1, 3), (3, 1), (5, 1)), ((1, 1), (3, 2), (5, 2))
    expected = Sent(fastest, slowest, ((2, 2),), ((9, 1),), (4, 7, 8), 1)
    assert together([one, other]) == expected
    assert together([]) == Sent()


@pytest.mark.parametrize("name", ["seconds.csv", "unanswered.csv", "completions.csv"])
def test_a_missing_table_is_named(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path / "load", [(3.0, 3.1, "ok")], [])
    (folder / name).unlink()
    with pytest.raises(DamagedFile, match=name):
        read_sent(folder, RAMP_S)
