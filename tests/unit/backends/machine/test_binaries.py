"""Which Postgres is taken: one with the contrib extensions before one without."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.backends.base import CONTRIB
from rig.backends.local import doctor
from rig.backends.machine import binaries


def server(root: Path, *, extensions: tuple[str, ...] = CONTRIB, says: str = "15.4") -> Path:
    """A Postgres as Debian lays it out below `root`, which tells its version; its `bin`."""
    programs = root / f"lib/postgresql/{says.partition('.')[0]}/bin"
    told = root / f"share/postgresql/{says.partition('.')[0]}/extension"
    for folder in (programs, told):
        folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (programs / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {says} (made)'\n")
        (programs / name).chmod(0o755)
    for name in extensions:
        (told / f"{name}.control").touch()
    return programs


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Postgres but what a test makes below the folder's `usr` and `tools`."""
    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(binaries, "TOOLS", tmp_path / "tools" / "bin")
    monkeypatch.setattr(binaries, "MACHINE", tmp_path / "usr")
    monkeypatch.setattr(binaries, "SEARCH_PATH", str(tmp_path / "path"))
    return tmp_path


def test_the_machine_s_newest_is_taken_where_it_has_all(elsewhere: Path) -> None:
    server(elsewhere / "usr", says="14.9")
    newest = server(elsewhere / "usr", says="16.2")
    server(elsewhere / "usr", says="17.1", extensions=("hstore",))
    found = binaries.find()
    assert (found.postgres_dir, found.postgres_version) == (str(newest), "16.2")
    assert found.postgres_build == "postgres (PostgreSQL) 16.2 (made)"
    assert found.counts_statements


def test_the_unpacked_one_is_run_by_its_wrappers(elsewhere: Path) -> None:
    server(elsewhere / "usr", says="16.2")
    programs = server(elsewhere / "tools" / "root" / "usr")
    (elsewhere / "tools" / "bin").symlink_to(programs)
    assert binaries.find().postgres_dir == str(elsewhere / "tools" / "bin")


def test_one_too_old_to_tell_statements_apart_is_not_taken(elsewhere: Path) -> None:
    server(elsewhere / "usr", says="13.20")
    assert "pixeltable" in binaries.find().postgres_dir


def test_the_wheel_is_better_than_nothing_and_the_doctor_says_what_it_lacks(
    elsewhere: Path,
) -> None:
    found = binaries.find()
    assert "pixeltable" in found.postgres_dir
    assert (found.extensions, found.counts_statements) == ((), False)
    said = doctor._postgres()
    assert said.fine
    assert f"without {', '.join(CONTRIB)}: make setup" in said.message
    server(elsewhere / "usr")
    assert "without" not in doctor._postgres().message
