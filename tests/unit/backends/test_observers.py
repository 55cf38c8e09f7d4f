"""What several observers wrote is one attempt's, whatever became of one of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rig.backends.observers import merge
from rig.backends.role_facts import machine
from rig.evidence.probes import COLUMNS
from rig.model import DamagedFile
from tests.runs import read_csv


def wrote(folder: Path, failed: dict[str, str] | None = None, **lines: list[str]) -> Path:
    folder.mkdir()
    for name, rows in lines.items():
        text = "\n".join([",".join(COLUMNS[name]), *rows])
        (folder / f"{name}.csv").write_text(f"{text}\n")
    if failed is not None:
        (folder / "failed.json").write_text(json.dumps(failed))
    return folder


def test_lines_stand_in_the_order_of_their_moments(tmp_path: Path) -> None:
    one = wrote(tmp_path / "one", {}, clock=["1.5,sut,0,0", "10.5,sut,0,0"])
    other = wrote(tmp_path / "other", {}, clock=["9.0,load,1,0"])
    merge([one, other], tmp_path / "probes")
    rows = read_csv(tmp_path / "probes" / "clock.csv")
    assert [(row["at_s"], row["node"]) for row in rows] == [
        ("1.5", "sut"), ("9.0", "load"), ("10.5", "sut"),
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "probes").iterdir()) == [
        "clock.csv", "failed.json",
    ]  # fmt: skip


def test_every_reason_is_kept(tmp_path: Path) -> None:
    outs = [
        wrote(tmp_path / "one", {"host": "no /proc"}),
        wrote(tmp_path / "two", {"host": "no stat", "postgres": "refused"}),
        wrote(tmp_path / "three", clock=["1,db,0,0"]),
    ]
    merge(outs, tmp_path / "probes")
    assert json.loads((tmp_path / "probes" / "failed.json").read_text()) == {
        "host": "no /proc; no stat",
        "postgres": "refused",
        "three": "the observer did not come to its end",
    }
    assert len(read_csv(tmp_path / "probes" / "clock.csv")) == 1


def test_without_observers_nothing_is_written(tmp_path: Path) -> None:
    merge([], tmp_path / "probes")
    assert not (tmp_path / "probes").exists()


def test_what_is_no_object_of_reasons_is_damaged(tmp_path: Path) -> None:
    out = wrote(tmp_path / "one")
    (out / "failed.json").write_text("[]")
    with pytest.raises(DamagedFile, match=r"failed\.json"):
        merge([out], tmp_path / "probes")


def test_a_machine_is_what_its_shell_says() -> None:
    said = "0b1c-2d\n6.1.0-18-amd64\nmodel name\t: AMD EPYC  7B13\n"
    assert machine(said, {"front": 1450}, "28.5.0") == {
        "boot_id": "0b1c-2d",
        "kernel": "6.1.0-18-amd64",
        "cpu": "AMD EPYC 7B13",
        "engine": "28.5.0",
        "mtu": {"front": 1450},
    }
    # another kind of processor has no such line, and `uname -m` stands there
    assert machine("0b1c\n6.1\naarch64\n", {})["cpu"] == "aarch64"
    assert machine("", {})["boot_id"] == ""
