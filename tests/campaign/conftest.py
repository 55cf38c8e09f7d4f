"""What the campaigns share, and how many kills and signals they had: a line each at the end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.campaign.killing import Fleet, fleet

COUNTED = "counted"


@pytest.fixture(scope="session")
def seed() -> int:
    """Of all that is random: SEED, or another one each time."""
    return int(os.environ.get("SEED") or int.from_bytes(os.urandom(4), "big"))


@pytest.fixture(scope="session")
def warm() -> Iterator[Fleet]:
    """Processes that have imported everything."""
    with fleet() as idle:
        yield idle


@pytest.fixture
def judge(
    record_property: Callable[[str, object], None], seed: int
) -> Callable[[str, Sequence[Sequence[str]]], None]:
    """Counts what became of each kill, and fails where there is a fault."""

    def judged(what: str, of_each: Sequence[Sequence[str]]) -> None:
        said = [fault for faults in of_each for fault in faults]
        kinds = [kind for faults in of_each for kind in {fault.split(":")[0] for fault in faults}]
        bad = ", ".join(f"{kinds.count(kind)} with {kind}" for kind in sorted({*kinds}))
        record_property(COUNTED, f"{len(of_each)} {what}, SEED={seed}: {bad or 'no fault'}")
        assert not said, f"SEED={seed}: {len(said)} faults\n" + "\n".join(said[:40])

    return judged


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line per campaign."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, said in report.user_properties:
            if name == COUNTED and report.when == "call":
                terminalreporter.write_line(f"CAMPAIGN {said} ({report.duration:.0f} s)")
