"""Locust files of a target and of the command line, as read and as planned; what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from rig.config import Instead, Matrix, cells, read_targets, with_locustfile
from rig.config.experiment import read_matrix
from rig.model import BadYaml, UsageError
from rig.plan import LocustFile, Target
from rig.route import File

CODE = "from locust import HttpUser\n"
SHOP = """\
name: shop
start: [serve]
python: requirements.txt
locustfile: load/locustfile.py
locustfiles:
  buyers:
    {file: load/locustfile.py, tags: [buy], exclude_tags: [slow], user_classes: [Buyer],
     requirements: load/more.txt, env: {SHOP_USER: ann}}
"""
LOAD = """\
experiment: x
setup: {target: shop}
vary: {route: [locustfile, buyers], delay_ms: [0, 50]}
load: {users: {from: 1, per_s: 1, to: 1}, steady: 5s}
data: {posts: 25, cpu_n: 1000}
"""
ROUTES = "routes: {front: {method: GET, path: /}, back: {method: GET, path: /b}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text("{}")
    (tmp_path / "shop" / "load").mkdir(parents=True)
    (tmp_path / "shop" / "load" / "locustfile.py").write_text(CODE)
    for name in ("requirements.txt", "load/requirements.txt", "load/more.txt"):
        (tmp_path / "shop" / name).write_text("toolz\n")
    return tmp_path


def read(folder: Path, text: str = SHOP) -> Target:
    (folder / "shop" / "target.yaml").write_text(text)
    return read_targets([folder], folder / "routes.yaml")["shop"]


def matrix(folder: Path, load: str = LOAD, text: str = SHOP) -> Matrix:
    (folder / "x.yaml").write_text(load)
    return read_matrix(folder / "x.yaml", profile=None, targets={"shop": read(folder, text)})


def test_both_forms_are_planned(folder: Path) -> None:
    target = read(folder)
    file = File("load/locustfile.py", sha256(CODE.encode()).hexdigest())
    beside, more = (
        File(name, sha256(b"toolz\n").hexdigest())
        for name in ("load/requirements.txt", "load/more.txt")
    )
    assert target.locustfiles == {
        "locustfile": LocustFile(file, requirements=beside),
        "buyers": LocustFile(file, ("buy",), ("slow",), ("Buyer",), more, {"SHOP_USER": "ann"}),
    }
    assert target.serves("buyers")
    assert target.routes_of("buyers") == ()
    assert target.session_of("buyers") == ""


def test_the_target_s_own_packages_are_not_the_load_s(folder: Path) -> None:
    (folder / "shop" / "locustfile.py").write_text(CODE)
    text = SHOP.replace("load/locustfile.py", "locustfile.py").partition("locustfiles:")[0]
    assert read(folder, text).locustfiles["locustfile"].requirements is None


def test_a_file_outside_the_target_is_named_where_it_stands(folder: Path) -> None:
    (folder / "elsewhere.py").write_text(CODE)
    target = read(folder, "name: shop\nstart: [serve]\nlocustfile: ../elsewhere.py\n")
    assert target.locustfiles["locustfile"].file.path == str(folder / "elsewhere.py")


BAD: Mapping[str, tuple[tuple[str, str], str]] = {
    "missing": (("file: load/locustfile.py", "file: load/none.py"), "7: `file` expects a file"),
    "folder": (("file: load/locustfile.py,", "file: load,"), "7: "),
    "class": (("[Buyer]", "[Bu-yer]"), "7: `user_classes` expects the name of a class"),
    "tag": (("[buy]", '["a b"]'), "7: `tags` expects a tag without spaces"),
    "requirements": (("load/more.txt", "load/none.txt"), "8: `requirements` expects a file"),
    "env": (("{SHOP_USER: ann}", "{SHOP_USER: 3}"), "8: `SHOP_USER` expects text without NUL"),
    "name": (("buyers:", "locustfile:"), "4: another one has the route's name"),
    "nothing": (
        ("locustfile" + SHOP.partition("locustfile")[2], ""),
        "1: a target needs `routes` or",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_said_at_its_line(what: str, folder: Path) -> None:
    (before, after), says = BAD[what]
    with pytest.raises(BadYaml) as caught:
        read(folder, SHOP.replace(before, after))
    assert f"target.yaml:{says}" in str(caught.value)


@pytest.mark.parametrize("code", ["def (:\n", "\0", "(" * 5000])
def test_a_file_that_is_no_python_is_said_with_its_line(code: str, folder: Path) -> None:
    (folder / "shop" / "load" / "locustfile.py").write_text(code)
    with pytest.raises(BadYaml, match=r"target.yaml:4: load/locustfile.py is no Python: "):
        read(folder)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("users: {from: 1, per_s: 1, to: 1}", "model: open, arrivals: {per_s: 9}", "no users"),
        ("steady: 5s", "steady: 5s, think_time: 1s", "`think_time` says nothing to"),
    ],
)
def test_what_a_load_cannot_have_with_one(before: str, after: str, says: str, folder: Path) -> None:
    with pytest.raises(BadYaml, match=r"x\.yaml:4: ") as caught:
        matrix(folder, LOAD.replace(before, after))
    assert says in str(caught.value)


# the command line


def test_the_command_line_s_takes_the_place_of_every_route(folder: Path) -> None:
    load = LOAD.replace("[locustfile, buyers]", "[front, back]")
    asked = matrix(folder, load, f"name: shop\nstart: [serve]\n{ROUTES}")
    (folder / "mine.py").write_text(CODE)
    told = Instead(str(folder / "mine.py"), ("buy",), ("slow",))
    changed = with_locustfile(asked, told)
    assert [cell.levels["route"] for cell in cells(changed)] == ["locustfile", "locustfile"]
    assert [cell.levels["delay_ms"] for cell in cells(changed)] == [0, 50]
    (file,) = changed.targets["shop"].locustfiles.values()
    assert (file.tags, file.exclude_tags) == (("buy",), ("slow",))
    assert file.file.path == str(folder / "mine.py")
    assert with_locustfile(asked, None) is asked


@pytest.mark.parametrize(
    ("code", "says"), [(None, "no such file"), ("def (:\n", "is no Python: line 1")]
)
def test_a_bad_file_of_the_command_line(code: str | None, says: str, folder: Path) -> None:
    if code is not None:
        (folder / "mine.py").write_text(code)
    with pytest.raises(UsageError, match=says):
        with_locustfile(matrix(folder), Instead(str(folder / "mine.py")))
