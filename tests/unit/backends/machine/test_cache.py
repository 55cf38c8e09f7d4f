"""Seeded clusters between sessions: whose they are, how many, and what is never touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rig.backends import cache_bound
from rig.backends.local.cluster_cache import LocalClusterCache
from rig.backends.machine import cache
from rig.model import DamagedFile, StorageError, UsageError

STRANGER = 65534
KEY, OTHER = "a" * 64, "b" * 64
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(cache_bound.MAX_GB, raising=False)
    return cache.cache_folder()


def cluster(at: Path, size_bytes: int = 10) -> Path:
    """What stands for a seeded cluster."""
    (at / "base" / "1").mkdir(parents=True, mode=0o700)
    (at / "base").chmod(0o700)
    (at / "base" / "1" / "1259").write_bytes(os.urandom(size_bytes))
    (at / "postgresql.auto.conf").write_text("# nothing\n")
    (at / "base" / "1" / "1259").chmod(0o600)
    at.chmod(0o700)
    return at


def contents(of: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(of)): path.read_bytes() for path in of.rglob("*") if path.is_file()
    }


@pytest.fixture
def commit(tmp_path: Path) -> Callable[..., Path]:
    """keep(key, size): keeps a cluster of that size; where the original is."""

    def put(key: str = KEY, size_bytes: int = 10) -> Path:
        source = cluster(tmp_path / f"source-{key[:4]}-{size_bytes}", size_bytes)
        cache.commit(key, source, os.geteuid())
        return source

    return put


Keep = Callable[..., Path]


@pytest.fixture
def clusters(tmp_path: Path) -> tuple[LocalClusterCache, list[str]]:
    """A session's shelf, and the lines it says."""
    said: list[str] = []
    (tmp_path / "scratch").mkdir()
    return LocalClusterCache(tmp_path / "scratch", os.geteuid(), said.append), said


ClusterCache = tuple[LocalClusterCache, list[str]]


def test_what_is_kept_comes_back_whole(commit: Keep, clusters: ClusterCache) -> None:
    source = commit()
    copied = clusters[0].get(KEY)
    assert contents(Path(copied)) == contents(source)
    assert clusters == (clusters[0], [])


def test_without_a_kept_cluster_nothing_is_said(clusters: ClusterCache) -> None:
    assert clusters[0].get(KEY) == ""
    assert clusters[1] == []


def test_a_session_keeps_what_it_made(clusters: ClusterCache, folder: Path) -> None:
    made, said = Path(clusters[0].allocate(KEY, 1)), clusters[1]
    cluster(made)
    clusters[0].commit(KEY)
    assert contents(folder / KEY / "cluster") == contents(made)
    assert [*said, *(one.key for one in cache.listed())] == [KEY]


@as_root
def test_a_copy_belongs_to_the_roles_user_and_to_nobody_else(
    commit: Keep, tmp_path: Path, folder: Path
) -> None:
    commit()
    assert cache.get(KEY, tmp_path / "copy", STRANGER)
    for path in (tmp_path / "copy", *(tmp_path / "copy").rglob("*")):
        assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (STRANGER, 0)
    cache.commit(OTHER, tmp_path / "copy", STRANGER)
    assert {path.stat().st_uid for path in (folder / OTHER).rglob("*")} == {0}


# what is not ours alone


def plant(kind: str, kept_at: Path, tmp_path: Path) -> None:
    """Makes one thing of a kept cluster another's, or another kind."""
    victim = kept_at / "cluster" / "postgresql.auto.conf"
    secret = tmp_path / "secret"
    secret.write_text("secret")
    if kind == "owner of a file":
        os.chown(victim, STRANGER, STRANGER)
    elif kind == "owner of a folder":
        os.chown(victim.parent / "base", STRANGER, STRANGER)
    elif kind == "owner of all":
        os.chown(kept_at, STRANGER, STRANGER)
    elif kind == "mode of a file":
        victim.chmod(0o666)
    elif kind == "mode of a folder":
        (victim.parent / "base").chmod(0o777)
    elif kind == "mode of all":
        kept_at.chmod(0o777)
    elif kind == "folder link":
        (victim.parent / "pg_tblspc").symlink_to(tmp_path)
    else:
        victim.unlink()
        if kind == "link":
            victim.symlink_to(secret)
        elif kind == "second name":
            os.link(secret, victim)
        elif kind == "fifo":
            os.mkfifo(victim)
        elif kind == "device":
            os.mknod(victim, 0o600 | 0o020000, os.makedev(1, 5))


KINDS = [
    *("mode of a file", "mode of a folder", "mode of all"),
    *("link", "folder link", "second name", "fifo"),
    *(
        pytest.param(kind, marks=as_root)
        for kind in ("owner of a file", "owner of a folder", "owner of all", "device")
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_cluster_that_is_not_ours_alone_is_made_anew_with_a_line(
    kind: str, commit: Keep, clusters: ClusterCache, folder: Path, tmp_path: Path
) -> None:
    source = commit()
    plant(kind, folder / KEY, tmp_path)
    assert clusters[0].get(KEY) == ""
    (line,) = clusters[1]
    assert line.startswith(f"a seeded cluster is not taken but made anew: {folder / KEY}")
    # and the new one takes its place
    cluster(Path(clusters[0].allocate(KEY, 1)))
    clusters[0].commit(KEY)
    assert clusters[1] == [line]
    assert cache.get(KEY, tmp_path / "again", os.geteuid())
    assert contents(tmp_path / "again").keys() == contents(source).keys()
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "of all" not in str(kind)])
def test_what_the_roles_planted_is_not_kept(
    kind: str, clusters: ClusterCache, folder: Path, tmp_path: Path
) -> None:
    made = Path(clusters[0].allocate(KEY, 1))
    made.rmdir()
    (tmp_path / "entry").mkdir()
    cluster(tmp_path / "entry" / "cluster")
    plant(kind, tmp_path / "entry", tmp_path)
    (tmp_path / "entry" / "cluster").rename(made)
    clusters[0].commit(KEY)
    (line,) = clusters[1]
    assert line.startswith(f"the seeded cluster is not kept for later: {made}")
    assert os.listdir(folder) == ["lock"]


def test_a_tree_without_end_is_not_kept(clusters: ClusterCache, folder: Path) -> None:
    below = Path(clusters[0].allocate(KEY, 1))
    for _ in range(200):
        below = below / "deeper"
        below.mkdir(mode=0o700)
    clusters[0].commit(KEY)
    assert "holds more than a cluster does" in clusters[1][0]
    assert os.listdir(folder) == ["lock"]


@as_root
def test_a_strangers_folder_in_a_shared_place_is_not_used(
    clusters: ClusterCache, folder: Path
) -> None:
    folder.mkdir(parents=True)
    cluster(folder / KEY / "cluster")
    (folder / KEY / "complete").touch()
    os.chown(folder, STRANGER, STRANGER)
    assert clusters[0].get(KEY) == ""
    cluster(Path(clusters[0].allocate(KEY, 1)))
    clusters[0].commit(KEY)
    assert [line.partition(": ")[2] for line in clusters[1]] == [
        f"{folder} belongs to user {STRANGER}"
    ] * 2
    assert sorted(os.listdir(folder)) == [KEY]


@as_root
def test_a_strangers_link_in_a_shared_place_is_not_followed(
    folder: Path, tmp_path: Path, commit: Keep
) -> None:
    folder.parent.mkdir()
    (tmp_path / "precious").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "precious")
    os.chown(folder, STRANGER, STRANGER, follow_symlinks=False)
    with pytest.raises(DamagedFile, match="is a link of another user's"):
        commit()
    assert os.listdir(tmp_path / "precious") == []


def test_a_link_of_our_own_may_lead_to_a_larger_disk(
    folder: Path, tmp_path: Path, commit: Keep
) -> None:
    folder.parent.mkdir()
    (tmp_path / "large").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "large")
    commit()
    assert [one.key for one in cache.listed()] == [KEY]


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_what_others_could_write_to_is_emptied_and_made_our_own(
    mode: int, folder: Path, commit: Keep, clusters: ClusterCache
) -> None:
    commit()
    folder.chmod(mode)
    assert clusters[0].get(KEY) == ""
    assert clusters[1][0].endswith(f"{folder} can be written by others")
    commit(OTHER, 20)
    assert [one.key for one in cache.listed()] == [OTHER]
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["file", "fifo", "dangling", "loop"])
def test_something_else_in_the_folders_place_is_one_line(
    kind: str, folder: Path, clusters: ClusterCache
) -> None:
    folder.parent.mkdir()
    if kind == "file":
        folder.touch()
    elif kind == "fifo":
        os.mkfifo(folder)
    else:
        folder.symlink_to(folder if kind == "loop" else "nowhere")
    assert clusters[0].get(KEY) == ""
    cluster(Path(clusters[0].allocate(KEY, 1)))
    clusters[0].commit(KEY)
    assert str(folder) in clusters[1][-1]
    assert all("\n" not in line for line in clusters[1])


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_something_else_in_the_locks_place_is_one_line(
    kind: str, folder: Path, commit: Keep, clusters: ClusterCache, tmp_path: Path
) -> None:
    commit()
    (folder / "lock").unlink()
    if kind == "link":
        (folder / "lock").symlink_to(tmp_path / "made")
    elif kind == "fifo":
        os.mkfifo(folder / "lock")
    else:
        (folder / "lock").mkdir()
    clusters[0].get(KEY)
    assert not (tmp_path / "made").exists()
    assert all(str(folder / "lock") in line for line in clusters[1])


def test_a_note_in_the_folder_is_left_alone(folder: Path, commit: Keep) -> None:
    commit()
    (folder / "README").write_text("mine")
    assert len(cache.clear()) == 1
    assert (folder / "README").read_text() == "mine"


def test_environments_go_with_the_clusters_and_half_made_ones_before(
    folder: Path, commit: Keep
) -> None:
    commit()
    whole, half = folder / "environments" / OTHER, folder / "environments" / f"{OTHER}.xy.part"
    for path in (whole, half, folder / "pythons"):
        path.mkdir(parents=True)
    assert cache.remove_left_behind() == [str(half)]
    assert whole.exists()
    assert cache.clear() == [str(folder / KEY), str(whole), str(folder / "pythons")]
    assert not whole.exists()


# the bound


def test_least_recently_used_clusters_go_first(monkeypatch: pytest.MonkeyPatch, commit: Keep,
                                               folder: Path, tmp_path: Path) -> None:  # fmt: skip
    keys = [digit * 64 for digit in "123"]
    for at_s, key in enumerate(keys):
        commit(key, 1 << 20)
        os.utime(folder / key / "complete", (at_s, at_s))
    assert cache.get(keys[0], tmp_path / "copy", os.geteuid())
    one = cache.listed()[0].size_bytes
    monkeypatch.setenv(cache_bound.MAX_GB, str(2.5 * one / 1e9))
    commit("4" * 64, 1 << 20)
    assert [found.key[0] for found in cache.listed()] == ["1", "4"]


def test_a_cluster_above_the_bound_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, commit: Keep
) -> None:
    monkeypatch.setenv(cache_bound.MAX_GB, "0")
    commit()
    assert cache.listed() == []


def test_what_a_killed_session_was_about_to_keep_is_removed(folder: Path, commit: Keep) -> None:
    commit()
    cluster(folder / f"{KEY}.abc.part" / "cluster")
    cluster(folder / f"{KEY}.1.part" / "cluster")  # as it was called before
    assert cache.remove_left_behind() == [
        str(folder / f"{KEY}.{called}.part") for called in ("1", "abc")
    ]
    assert [one.key for one in cache.listed()] == [KEY]


def test_clearing_removes_every_cluster_and_names_it(folder: Path, commit: Keep) -> None:
    commit()
    commit(OTHER)
    assert cache.clear() == [str(folder / KEY), str(folder / OTHER)]
    assert cache.listed() == []
    assert cache.clear() == []


def test_nothing_is_removed_while_another_session_copies(
    folder: Path, commit: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit()
    script = (
        "import fcntl, os, sys\n"
        "fcntl.flock(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_SH)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    monkeypatch.setattr(cache, "WAIT_S", 0.2)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        other.stdout.readline()
        for change in (cache.clear, cache.remove_left_behind, lambda: commit(OTHER)):
            with pytest.raises(StorageError, match="is in use by another session"):
                change()
        assert len(cache.listed()) == 1
    assert len(cache.clear()) == 1


# the rule alone


def kinds(*sizes: int) -> list[cache_bound.CacheEntry]:
    return [
        cache_bound.CacheEntry(str(index), size, float(index)) for index, size in enumerate(sizes)
    ]


@pytest.mark.parametrize(
    ("most", "spared", "going"),
    [
        (60, (), ""),
        (59, (), "0"),
        (50, (), "0"),
        (49, (), "01"),
        (49, ("0",), "1"),
        (0, (), "012"),
        (0, ("2",), "01"),
    ],
)
def test_the_oldest_go_until_the_rest_fits(most: int, spared: tuple[str, ...], going: str) -> None:
    found = cache_bound.surplus(kinds(10, 20, 30), most, spared)
    assert "".join(one.key for one in found) == going


@pytest.mark.parametrize("told", ["x", "-1", "nan", "inf", "1e308", "4GB", "\x1b[2J"])
def test_a_bound_that_is_none_is_refused_in_one_line(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache_bound.MAX_GB, told)
    with pytest.raises(UsageError, match="expected gigabytes") as caught:
        cache_bound.most_bytes()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("told", "most"), [("", 4e9), ("0", 0), ("0.5", 5e8), (" 20 ", 2e10)])
def test_the_bound_is_in_gigabytes(told: str, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache_bound.MAX_GB, told)
    assert cache_bound.most_bytes() == most
