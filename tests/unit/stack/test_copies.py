"""A trial's cluster is its template again, whatever the trial before has done to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stack.database.copies import refresh


@pytest.fixture
def template(tmp_path: Path) -> Path:
    made = tmp_path / "template"
    for name in ("PG_VERSION", "base/1/1259", "base/16384/2601", "pg_wal/0001"):
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (made / "pg_twophase").mkdir()
    return made


@pytest.fixture
def cluster(template: Path) -> Path:
    copy = template.with_name("trial")
    refresh(template, copy)
    return copy


def contents(folder: Path) -> dict[str, str | None]:
    paths = {str(path.relative_to(folder)): path for path in folder.rglob("*")}
    return {name: None if path.is_dir() else path.read_text() for name, path in paths.items()}


def test_the_first_copy_is_whole_and_its_owner_s_alone(template: Path, cluster: Path) -> None:
    assert contents(cluster) == contents(template)
    assert {path.stat().st_mode & 0o077 for path in [cluster, *cluster.rglob("*")]} == {0}


def grow(cluster: Path) -> None:
    with (cluster / "base/1/1259").open("a") as file:
        file.write("a row")


def overwrite_as_if_nothing_happened(cluster: Path) -> None:
    path = cluster / "base/1/1259"
    before = path.stat()
    path.write_text(path.read_text().upper())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(cluster: Path) -> None:
    other = cluster / "base/1/other"
    other.write_text("base/1/0000")
    other.replace(cluster / "base/1/1259")


def add(cluster: Path) -> None:
    (cluster / "pg_wal/0002").write_text("more")
    (cluster / "base/pgsql_tmp").mkdir()
    (cluster / "base/pgsql_tmp/1").write_text("sorted")


def remove(cluster: Path) -> None:
    shutil.rmtree(cluster / "base/16384")
    (cluster / "pg_twophase").rmdir()


def swap_kinds(cluster: Path) -> None:
    (cluster / "PG_VERSION").unlink()
    (cluster / "PG_VERSION").mkdir()
    (cluster / "pg_twophase").rmdir()
    (cluster / "pg_twophase").write_text("")


def link(cluster: Path) -> None:
    away = cluster.parent / "away"
    away.mkdir()
    (away / "1259").write_text("not ours")
    shutil.rmtree(cluster / "base/1")
    (cluster / "base/1").symlink_to(away)
    (cluster / "PG_VERSION").unlink()
    (cluster / "PG_VERSION").symlink_to(away / "1259")


def take_away(cluster: Path) -> None:
    shutil.rmtree(cluster)


def tear_the_listing(cluster: Path) -> None:
    grow(cluster)
    listing = cluster.with_name("trial.copied")
    listing.write_text(listing.read_text()[:40])


CHANGES = (grow, overwrite_as_if_nothing_happened, replace, add, remove, swap_kinds, link)


@pytest.mark.parametrize("change", [*CHANGES, take_away, tear_the_listing])
def test_it_is_the_template_again(
    template: Path, cluster: Path, change: Callable[[Path], None]
) -> None:
    change(cluster)
    assert contents(cluster) != contents(template) if cluster.exists() else True
    refresh(template, cluster)
    assert contents(cluster) == contents(template)
    assert not any(path.is_symlink() for path in cluster.rglob("*"))


def test_it_is_another_template(template: Path, cluster: Path) -> None:
    other = Path(shutil.copytree(template, template.with_name("other")))
    (other / "PG_VERSION").write_text("18")
    (template / "PG_VERSION").write_text("none of this")
    refresh(other, cluster)
    assert contents(cluster) == contents(other)


def test_the_template_has_changed_since(template: Path, cluster: Path) -> None:
    (template / "PG_VERSION").write_text("new passwds")
    refresh(template, cluster)
    assert contents(cluster) == contents(template)


def test_what_nobody_changed_stays(template: Path, cluster: Path) -> None:
    untouched, changed = cluster / "pg_wal/0001", cluster / "base/1/1259"
    before = untouched.stat()
    grow(cluster)
    refresh(template, cluster)
    after = untouched.stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)
    assert changed.stat().st_ctime_ns > before.st_ctime_ns


def test_a_copy_that_was_cut_short_is_made_whole(template: Path, cluster: Path) -> None:
    cluster.with_name("trial.copied").unlink()
    (cluster / "base/1/1259").write_text("half of it.")
    refresh(template, cluster)
    assert contents(cluster) == contents(template)
