"""Seeded clusters in the engine's volume, by the scripts that run there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rig.backends import cache_bound
from rig.backends.docker.clusters import CACHE_VOLUME, EngineClusters
from rig.backends.docker.engine import HERE

DOCKER = """#!/bin/sh
for last; do :; done
case "$1 $2" in
  "volume ls") [ -d ROOT ] && echo VOLUME; true;;
  "volume rm") rm -r ROOT;;
  "image ls") cat IMAGE;;
  run*) exec sh -c "$(echo "$last" | sed s#/clusters#ROOT#g)";;
  *) exit 9;;
esac
"""


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the volume's place, in which a `docker` of ours runs the scripts."""
    root, image, program = tmp_path / "volume", tmp_path / "image", tmp_path / "docker"
    root.mkdir()
    image.write_text("sha256:1\n")
    script = DOCKER.replace("ROOT", str(root)).replace("IMAGE", str(image))
    program.write_text(script.replace("VOLUME", CACHE_VOLUME))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv(cache_bound.MAX_GB, raising=False)
    return root


def put(volume: Path, key: str, used_at_s: int = 0, whole: bool = True) -> None:
    (volume / key).mkdir()
    (volume / key / "1259").write_bytes(os.urandom(1 << 20))
    if whole:
        (volume / f"{key}.complete").touch()
        os.utime(volume / f"{key}.complete", (used_at_s, used_at_s))


def inside(path: str, volume: Path) -> Path:
    return Path(path.replace("/clusters", str(volume)))


def test_what_is_kept_is_found_again(volume: Path) -> None:
    one = EngineClusters(HERE)
    assert one.get("a1") == ""
    made = inside(one.allocate("a1", 1), volume)
    (made / "1259").write_bytes(b"x")
    one.commit("a1")
    found = EngineClusters(HERE).get("a1")
    assert (inside(found, volume) / "1259").read_bytes() == b"x"


def test_least_recently_used_clusters_go_first_and_this_sessions_stay(
    volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at_s, key in enumerate(("a1", "b2", "c3"), start=1):
        put(volume, key, at_s)
    one = EngineClusters(HERE)
    assert one.get("a1")
    assert one.get("d4") == ""
    put(volume, "d4", 0, whole=False)
    monkeypatch.setenv(cache_bound.MAX_GB, "0.0035")
    one.commit("d4")
    assert sorted(found.key for found in EngineClusters(HERE).listed()) == ["a1", "c3", "d4"]
    monkeypatch.setenv(cache_bound.MAX_GB, "0")
    one.commit("d4")
    assert sorted(os.listdir(volume)) == ["a1", "a1.complete", "d4", "d4.complete"]


def test_a_trials_cluster_and_half_made_ones_are_left_behind(volume: Path) -> None:
    put(volume, "a1")
    put(volume, "b2", whole=False)
    put(volume, "trial", whole=False)
    assert EngineClusters(HERE).remove_left_behind() == [
        f"b2 in volume {CACHE_VOLUME}", f"trial in volume {CACHE_VOLUME}",
    ]  # fmt: skip
    assert EngineClusters(HERE).remove_left_behind() == []
    assert [found.key for found in EngineClusters(HERE).listed()] == ["a1"]


def test_it_says_how_much_is_kept_and_where(volume: Path, tmp_path: Path) -> None:
    place = f"in volume {CACHE_VOLUME}"
    assert (
        EngineClusters(HERE).summary()
        == f"0 seeded clusters, 0.00 of at most 4 GB (RIG_CACHE_MAX_GB), {place}"
    )
    put(volume, "a1")
    assert EngineClusters(HERE).summary().startswith("1 seeded cluster, 0.00 of at most 4 GB")
    (tmp_path / "image").write_text("")
    assert "once the images are built" in EngineClusters(HERE).summary()
    assert EngineClusters(HERE).remove_left_behind() == []


def test_clearing_removes_the_volume(volume: Path) -> None:
    put(volume, "a1")
    assert EngineClusters(HERE).clear() == [f"volume {CACHE_VOLUME}"]
    assert EngineClusters(HERE).clear() == []
    assert EngineClusters(HERE).summary().startswith("0 seeded clusters")
