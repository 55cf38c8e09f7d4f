"""When the seeded cluster may be used again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.local.shelf import cache_folder
from rig.backends.templates import key
from rig.plan import Data, Delay, Plan
from tests.unit.plans import PLAN


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "models.py").write_text("a = 1\n")
    (folder / "views.py").write_text("b = 1\n")
    target = replace(PLAN.bound_target(), folder=str(folder), content=("models.py",))
    return replace(PLAN, target=target)


def test_what_does_not_touch_the_rows_does_not_touch_the_key(plan: Plan) -> None:
    (Path(plan.bound_target().folder) / "views.py").write_text("b = 2\n")
    other = replace(plan, delay=Delay(100.0), max_connections=10, pooler="pgbouncer")
    assert key(other, "18.0") == key(plan, "18.0")


def test_targets_with_the_same_content_share_a_cluster(plan: Plan) -> None:
    other = replace(plan, target=replace(plan.bound_target(), name="other", env={}))
    assert key(other, "18.0") == key(plan, "18.0")


def test_what_touches_the_rows_changes_the_key(plan: Plan) -> None:
    target = plan.bound_target()
    keys = {
        key(plan, "18.0"),
        key(plan, "16.0"),
        key(replace(plan, data=Data(101, 10)), "18.0"),
        key(replace(plan, target=replace(target, seed=("other",))), "18.0"),
        key(replace(plan, target=replace(target, migrate=("other",))), "18.0"),
    }
    (Path(target.folder) / "models.py").write_text("a = 2\n")
    assert len({*keys, key(plan, "18.0")}) == 6


def test_without_content_the_whole_folder_decides(plan: Plan) -> None:
    loose = replace(plan, target=replace(plan.bound_target(), content=()))
    before = key(loose, "18.0")
    (Path(plan.bound_target().folder) / "views.py").write_text("b = 2\n")
    assert key(loose, "18.0") != before


def test_the_cache_stands_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / ".cache"
