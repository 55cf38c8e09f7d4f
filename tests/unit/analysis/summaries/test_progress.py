from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.reading.session_files import read_session
from analysis.summaries.progress import progress_of
from analysis.summaries.trials import results
from rig.model import Verdict
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made

UNTIL = {"within": 0.1, "at_least": 4}
SEARCH = {"factor": "delay_ms", "between": [0, 20]}


def blocks(count: int, missing: int = 0, skipped: int = 0) -> list[Made]:
    """Two cells a block. The last `missing` trials have no attempt; those before were skipped."""
    made = [
        Made({"target": target}, (), Verdict.FAILED, replicate=block)
        for block in range(1, count + 1)
        for target in ("sync", "async")
    ]
    at = len(made) - missing
    for place in range(at - skipped, at):
        made[place] = Made(made[place].levels, replicate=made[place].replicate, skip="not served")
    for place in range(at, len(made)):
        made[place] = Made(made[place].levels, replicate=made[place].replicate)
    return made


@pytest.mark.parametrize(
    ("made", "about", "said"),
    [
        (blocks(4), {"repeats": 4}, "4 of 4 blocks, ended"),
        (blocks(4, skipped=2), {"repeats": 4}, "4 of 4 blocks, ended"),
        (blocks(4, missing=1), {"repeats": 4}, "3 of 4 blocks"),
        (blocks(3), {"repeats": 8}, "3 of 8 blocks"),
        (blocks(4), {}, "8 of 8 trials, ended"),
        (blocks(1), {"repeats": 1}, "2 of 2 trials, ended"),
        (blocks(1, missing=1), {"repeats": 1}, "1 of 2 trials"),
        (blocks(5), {"repeats": 8, "until": UNTIL}, "5 of 8 blocks, ended"),
        (blocks(5, missing=1), {"repeats": 8, "until": UNTIL}, "4 of 8 blocks"),
        (blocks(3), {"repeats": 8, "until": UNTIL}, "3 of 8 blocks"),
        (blocks(3), {"repeats": 1, "search": SEARCH}, "6 of 6 trials, ended"),
        (blocks(3, missing=2), {"repeats": 1, "search": SEARCH}, "4 of 6 trials"),
    ],
)
def test_a_session_has_ended_with_all_that_it_planned(
    tmp_path: Path, made: list[Made], about: Mapping[str, Any], said: str
) -> None:
    session = read_session(sessions.make(tmp_path / "s", made, **about))
    found = progress_of(session, results(session))
    end = ", ended" if found.ended else ""
    assert f"{found.done} of {found.planned} {found.unit}{end}" == said
    assert str(found) == f"{said.removesuffix(', ended')} are done"
