"""When the seeded cluster may be used again."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rig.backends import content
from rig.backends.base import RoleSpec
from rig.backends.local.cluster_cache import LocalClusterCache
from rig.backends.machine.cache import cache_folder
from rig.backends.processes import Process
from rig.backends.templates import TargetError, Templates, key, provide
from rig.model import DamagedFile, Role, StackError
from rig.plan import Data, Delay, Plan
from tests.unit.backends.hosts import PaperHosts, secrets
from tests.unit.plans import PLAN


class Unready(PaperHosts):
    """Hosts on which no database starts."""

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Process:
        raise StackError("no database here")


@dataclass
class Shelf:
    """Keeps nothing but what is asked of it."""

    kept: str = ""
    asked: list[str] = field(default_factory=list)

    def get(self, key: str) -> str:
        return self.kept

    def allocate(self, key: str, wanted_bytes: int) -> str:
        return f"/clusters/{key}"

    def commit(self, key: str) -> None:
        self.asked.append("commit")

    def discard(self, key: str) -> None:
        self.asked.append("discard")
        raise StackError("nothing is there")


@pytest.mark.parametrize(("kept", "asked"), [("", ["discard"]), ("/clusters/key", [])])
def test_a_template_that_cannot_be_made_leaves_no_half_one(
    plan: Plan, tmp_path: Path, kept: str, asked: list[str]
) -> None:
    clusters, own = Shelf(kept), tmp_path / "own"
    own.mkdir()
    with pytest.raises(StackError, match="no database here"):
        provide(clusters, "key", plan, Unready(own), secrets(own))
    assert clusters.asked == asked


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "models.py").write_text("a = 1\n")
    (folder / "views.py").write_text("b = 1\n")
    target = replace(PLAN.target, folder=str(folder), content=("models.py",))
    return replace(PLAN, target=target)


def test_what_does_not_touch_the_rows_does_not_touch_the_key(plan: Plan) -> None:
    (Path(plan.target.folder) / "views.py").write_text("b = 2\n")
    other = replace(plan, delay=Delay(100.0), max_connections=10, pooler="pgbouncer")
    assert key(other, "18.0") == key(plan, "18.0")


def test_targets_share_a_cluster_if_they_say_so(plan: Plan) -> None:
    shared = replace(plan, target=replace(plan.target, template="posts"))
    other = replace(shared, target=replace(shared.target, name="other", env={}))
    assert key(other, "18.0") == key(shared, "18.0") != key(plan, "18.0")


def test_two_settings_of_one_project_have_clusters_of_their_own(plan: Plan) -> None:
    other = replace(plan, target=replace(plan.target, env={"DJANGO_SETTINGS_MODULE": "b"}))
    assert key(other, "18.0") != key(plan, "18.0")


def test_what_touches_the_rows_changes_the_key(plan: Plan) -> None:
    target = plan.target
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
    loose = replace(plan, target=replace(plan.target, content=()))
    before = key(loose, "18.0")
    (Path(plan.target.folder) / "views.py").write_text("b = 2\n")
    assert key(loose, "18.0") != before


def test_the_cache_stands_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().parent == tmp_path / ".cache"


def test_a_template_that_cannot_be_made_fails_once_and_says_the_same_again() -> None:
    tries = []

    def make() -> str:
        tries.append("minutes")
        raise TargetError("target made's seed failed (1): ValueError: no posts", "seed fewer")

    found = Templates()
    for _ in range(3):
        with pytest.raises(TargetError) as caught:
            found.of("key", make)
        assert str(caught.value) == (
            "target made's seed failed (1): ValueError: no posts\n  seed fewer"
        )
    assert tries == ["minutes"]
    assert found.of("other", lambda: "/a/cluster") == "/a/cluster"
    assert found.of("other", make) == "/a/cluster"


def test_a_place_is_blank_whatever_a_failed_try_has_left_there(tmp_path: Path) -> None:
    clusters = LocalClusterCache(tmp_path, os.geteuid(), print)
    first = Path(clusters.allocate("key", 1))
    (first / "PG_VERSION").write_text("18\n")
    again = Path(clusters.allocate("key", 1))
    assert again == first
    assert list(again.iterdir()) == []


def test_a_kept_cluster_takes_the_place_of_what_a_failed_try_has_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "scratch").mkdir()
    clusters = LocalClusterCache(tmp_path / "scratch", os.geteuid(), print)
    (Path(clusters.allocate("key", 1)) / "PG_VERSION").write_text("18\n")
    clusters.commit("key")
    left = Path(clusters.allocate("key", 1)) / "half"
    left.write_text("a cluster")
    assert [path.name for path in Path(clusters.get("key")).iterdir()] == ["PG_VERSION"]


def test_content_is_regular_files_and_not_without_end(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = replace(plan, target=replace(plan.target, content=("/dev/zero",)))
    with pytest.raises(DamagedFile, match="/dev/zero is no regular file"):
        key(endless, "18.0")
    monkeypatch.setattr(content, "MOST_FILES", 1)
    whole = replace(plan, target=replace(plan.target, content=()))
    with pytest.raises(StackError, match="has more than 1 files"):
        key(whole, "18.0")
