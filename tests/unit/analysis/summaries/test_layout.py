"""Which factor goes where, and how a cell is called."""

from collections.abc import Mapping
from pathlib import Path

from analysis.reading.session_files import read_session
from analysis.summaries.layout import Layout, layout_of
from rig.model import Level
from tests.unit.analysis.sessions import BASE, Made, make


def of(tmp_path: Path, *levels: Mapping[str, Level], extra: Mapping[str, Level] | None = None
       ) -> Layout:  # fmt: skip
    trials = [Made(at) for at in levels] + ([Made(extra, because="asked")] if extra else [])
    return layout_of(read_session(make(tmp_path / "s", trials)))


def test_the_study(tmp_path: Path) -> None:
    layout = of(
        tmp_path,
        *({"target": t, "delay_ms": d} for t in ("sync", "async") for d in (0, 100)),
        extra={"target": "async", "delay_ms": 100, "pooler": "pgbouncer"},
    )
    parts = (layout.panel, layout.x, layout.colour)
    assert [part and part.name for part in parts] == ["route", "delay_ms", "target"]
    extra = {**BASE, "target": "async", "delay_ms": 100, "pooler": "pgbouncer"}
    assert layout.series(extra) == "async, pgbouncer"
    assert layout.series({**BASE, "target": "async"}) == "async"
    assert layout.group(extra) == "io_create · added delay 100 ms"
    assert layout.is_extra(extra)
    assert not layout.is_extra(BASE)
    assert "max_connections 100" in layout.everywhere


def test_another_number_goes_along_x_where_the_delay_does_not_vary(tmp_path: Path) -> None:
    layout = of(tmp_path, {"app_workers": 1}, {"app_workers": 4})
    assert layout.x is not None
    assert layout.x.name == "app_workers"
    assert "added delay 100 ms" in layout.everywhere


def test_a_number_that_only_an_extra_cell_changes_is_no_axis(tmp_path: Path) -> None:
    layout = of(tmp_path, {}, extra={"max_connections": 1000})
    assert layout.x is None
    assert layout.series({**BASE, "max_connections": 1000}) == "max_connections 1000"


def test_words_that_vary_are_always_said(tmp_path: Path) -> None:
    layout = of(tmp_path, {"connections": "per_request"}, {"connections": "pool"})
    assert layout.series({**BASE, "connections": "per_request"}) == "per_request"


def test_one_cell_is_called_by_its_target(tmp_path: Path) -> None:
    assert of(tmp_path, {}).series(BASE) == "sync"
