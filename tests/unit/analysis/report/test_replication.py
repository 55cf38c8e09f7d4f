"""The original's claims, tested on sessions made for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.report import report
from rig.model import Level
from tests.shares import every
from tests.unit.analysis import sessions
from tests.unit.analysis.report.test_sections import ORM, WIDER
from tests.unit.analysis.sessions import Made, steady

pytestmark = pytest.mark.usefixtures("undrawn")

ROUTES: tuple[Level, ...] = ("cpu", "io_create", "io_read")


@pytest.mark.parametrize(
    ("rps", "word"),
    every(3, [(41.0, "not decided"), (60.0, "reproduced"), (30.0, "not reproduced")]),
)
def test_a_claim_that_rests_on_nearly_equal_rates_is_not_decided(
    tmp_path: Path, rps: float, word: str
) -> None:
    trials = [
        Made({**ORM, "target": target, "route": route, "delay_ms": delay}, steady(rate))
        for route in ROUTES
        for delay in (0, 100, 200)
        for target, rate in (("sync", 40.0), ("async", rps))
    ]
    written = report(sessions.make(tmp_path / "s", trials, WIDER))
    text = written.markdown.read_text(encoding="utf-8")
    (line,) = re.findall(r"^.*Async serves more on I/O routes even without.*$", text, re.MULTILINE)
    assert line.rstrip(" |").endswith(f"| **{word}**")
