"""The machine's counters, and what older kernels do not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.evidence.probes import COLUMNS
from rig.probes.host import Host
from rig.probes.proc import TICK_S

STAT = "cpu  10 20 30 40 50 60 70 80 5 5\ncpu0 1 1\ncpu1 1 1\nintr 7\n"
PRESSURE = "some avg10=0.00 avg60=1.00 avg300=2.00 total=1500000\nfull avg10=0 total=9\n"


def sampled(root: Path) -> dict[str, Any]:
    (row,) = Host(root=root).sample(3.0)
    return dict(zip(COLUMNS["host"], row, strict=True))


def test_everything_there_is(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "vmstat").write_text("nr_free 1\noom_kill 2\noom_kill_other 7\n")
    (tmp_path / "pressure").mkdir()
    for kind in ("cpu", "io", "memory"):
        (tmp_path / "pressure" / kind).write_text(PRESSURE)
    row = sampled(tmp_path)
    assert row["cpu_busy_s"] == pytest.approx((10 + 20 + 30 + 60 + 70) * TICK_S)
    assert row["cpu_steal_s"] == pytest.approx(80 * TICK_S)
    assert [row[f"pressure_{kind}_s"] for kind in ("cpu", "io", "memory")] == [1.5] * 3
    assert (row["oom_kills"], row["cpus"]) == (2, 2)


def test_a_kernel_that_counts_less(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  10 20 30 40 50 60 70\ncpu0 1\n")
    (tmp_path / "vmstat").write_text("nr_free 1\n")
    row = sampled(tmp_path)
    assert row["cpu_steal_s"] is row["pressure_cpu_s"] is row["oom_kills"] is None


def test_nothing_at_all_is_a_failed_sample(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="stat"):
        sampled(tmp_path)
