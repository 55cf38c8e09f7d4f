"""Every damage of every file, and every hostile number, with every command."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from analysis.figures import goodput
from tests.damaged import NUMBERS, Bench, Table, copied, damages, files, hostile, unvouched
from tests.pipeline.test_damaged import GOLDEN, OPEN, SEARCH, measured

pytestmark = pytest.mark.campaign

COMMANDS = ("show", "analyse", "report", "compare", "verify", "resume")
READING = ("show", "report", "verify")
SLOWEST_S = 2.0
EVERY_NTH = int(os.environ.get("EVERY_NTH", "1"))
"""Of the damages."""
NUMBERS_NTH = 4 * EVERY_NTH - 3
"""Of the numbers: there are ten times as many."""


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawing takes most of the time and reads nothing."""
    monkeypatch.setattr(goodput, "save", lambda *_, **__: None)


def session(name: str, folder: Path) -> Path:
    return GOLDEN if name == "golden" else measured({"open": OPEN, "search": SEARCH}[name], folder)


@pytest.mark.parametrize("name", ["golden", "open", "search"])
def test_every_damage_of_every_file(name: str, tmp_path: Path) -> None:
    # the golden session was measured by targets that are not here
    commands = [one for one in COMMANDS if one != "resume" or name != "golden"]
    bench, table = Bench(session(name, tmp_path), tmp_path, commands), Table()
    every = ((path, *one) for path in files(bench.session) for one in damages(path).items())
    for path, what, change in itertools.islice(every, 0, None, EVERY_NTH):
        bench.damage(path, what, change, table)
    print(name, table)
    assert not table.wrong, "\n".join(table.wrong)


@pytest.mark.parametrize("name", ["golden", "open", "search"])
def test_every_number_of_every_file(name: str, tmp_path: Path) -> None:
    made = unvouched(copied(session(name, tmp_path), tmp_path / "made"))
    bench, table = Bench(made, tmp_path, READING), Table()
    every = (
        (path, number[:12], change)
        for path in files(bench.session)
        for number in NUMBERS
        for change in hostile(path, number)
    )
    for one in itertools.islice(every, 0, None, NUMBERS_NTH):
        bench.number(*one, table)
    print(name, table)
    assert not table.wrong, "\n".join(table.wrong)
