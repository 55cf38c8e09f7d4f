"""Which target.yaml files are read: those that the experiment needs, and no stranger's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rig.config import Matrix, read_experiment
from rig.model import BadYaml

from .conftest import GOOD, ROOT
from .test_targets import add

STRANGER, FRIEND = 65534, 65533
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")

MINE = """\
name: mine
start: [serve, --port, "{port}"]
routes: {cpu: {}, io_create: {}}
"""


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which everybody can put something, with an experiment that names `mine`."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    (folder / "mine.yaml").write_text(GOOD.replace("sync, async]", "mine, async]"))
    monkeypatch.chdir(folder)
    text = (folder / "mine.yaml").read_text().replace("[async, sync]", "[async, mine]")
    (folder / "mine.yaml").write_text(text)
    return folder


def read(folder: Path) -> Matrix:
    return read_experiment(
        folder / "mine.yaml",
        profile=None,
        own=[ROOT],
        others=[folder],
        routes_file=ROOT / "stack" / "routes.yaml",
    )


def problems(folder: Path) -> list[str]:
    with pytest.raises(BadYaml) as caught:
        read(folder)
    return [str(problem) for problem in caught.value.problems]


def give(path: Path, uid: int) -> None:
    for one in (path, *path.rglob("*")):
        os.chown(one, uid, uid, follow_symlinks=False)


def test_a_target_of_ones_own_is_found_by_the_name_in_it(shared: Path) -> None:
    add(shared, "some-folder", MINE)
    assert read(shared).targets["mine"].folder == str(shared / "some-folder")


@as_root
def test_a_strangers_target_of_the_same_name_changes_nothing(shared: Path) -> None:
    add(shared, "mine", MINE)
    add(shared, "a-first", MINE)
    add(shared, "another", "start: [\x1b")
    give(shared / "a-first", STRANGER)
    give(shared / "another", STRANGER)
    assert read(shared).targets["mine"].folder == str(shared / "mine")


@as_root
def test_a_strangers_target_is_named_where_the_one_asked_for_is_missing(shared: Path) -> None:
    add(shared, "theirs", MINE)
    give(shared / "theirs", STRANGER)
    said = problems(shared)
    assert any("expects one of sync, async" in line or "`mine`" in line for line in said[:-1])
    assert said[-1] == (
        "theirs/target.yaml: belongs to nobody, so it is not read; "
        "copy that folder, or run the experiment from a folder of your own"
    )


@as_root
@pytest.mark.parametrize("whose", ["file", "folder", "link to a file", "link to a folder"])
def test_one_part_that_is_a_strangers_is_enough(whose: str, shared: Path) -> None:
    add(shared.parent, "mine", MINE)
    if whose == "link to a folder":
        (shared / "theirs").symlink_to(shared.parent / "mine")
        given = shared / "theirs"
    elif whose == "link to a file":
        (shared / "theirs").mkdir()
        given = shared / "theirs" / "target.yaml"
        given.symlink_to(shared.parent / "mine" / "target.yaml")
    else:
        add(shared, "theirs", MINE)
        given = shared / "theirs" / ("" if whose == "folder" else "target.yaml")
    os.chown(given, STRANGER, STRANGER, follow_symlinks=False)
    assert "theirs/target.yaml: belongs to nobody, so it is not read" in problems(shared)[-1]


@as_root
def test_the_experiments_owner_may_have_targets_beside_it(shared: Path) -> None:
    add(shared, "mine", MINE)
    give(shared / "mine", FRIEND)
    assert "belongs to user 65533" in problems(shared)[-1]
    os.chown(shared / "mine.yaml", FRIEND, FRIEND)
    assert "mine" in read(shared).targets


@as_root
@pytest.mark.parametrize(("mode", "read_it"), [(0o755, True), (0o1777, False), (0o775, False)])
def test_the_folders_owner_counts_where_nobody_else_can_put_anything(
    mode: int, read_it: bool, shared: Path
) -> None:
    add(shared, "mine", MINE)
    give(shared / "mine", FRIEND)
    os.chown(shared, FRIEND, FRIEND)
    shared.chmod(mode)
    if read_it:
        assert "mine" in read(shared).targets
    else:
        assert "belongs to user 65533" in problems(shared)[-1]


@pytest.mark.parametrize("part", ["", "target.yaml"])
def test_what_everybody_can_write_is_not_read(part: str, shared: Path) -> None:
    add(shared, "mine", MINE)
    (shared / "mine" / part).chmod(0o777)
    said = problems(shared)[-1]
    assert said == (
        f"mine/target.yaml: can be written by everybody, so it is not read; "
        f"chmod -R o-w {shared / 'mine'}"
    )


@pytest.mark.parametrize(
    "kind", ["broken", "nameless", "binary", "deep", "fifo", "device", "loop", "huge", "folder"]
)
def test_whatever_else_stands_beside_is_no_matter(kind: str, shared: Path) -> None:
    add(shared, "mine", MINE)
    (shared / "a-first").mkdir()
    file = shared / "a-first" / "target.yaml"
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "loop":
            file.symlink_to(file)
        case "folder":
            file.mkdir()
        case "huge":
            file.write_bytes(b"name: mine\n" + b"# \n" * (4 << 20))
        case "binary":
            file.write_bytes(bytes(range(256)))
        case "deep":
            file.write_text("[" * 1000)
        case _:
            file.write_text("name: other\nstrat: 1\n" if kind == "broken" else "start: [x]\n")
    assert list(read(shared).targets) == ["async", "sync", "mine"]


@pytest.mark.parametrize("kind", ["fifo", "device", "loop", "huge", "folder", "nameless"])
def test_it_is_named_where_the_target_asked_for_is_missing(kind: str, shared: Path) -> None:
    (shared / "mine").mkdir()
    file = shared / "mine" / "target.yaml"
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "loop":
            file.symlink_to(file)
        case "folder":
            file.mkdir()
        case "huge":
            file.write_bytes(b"name: mine\n" + b"# \n" * (4 << 20))
        case _:
            file.write_text("start: [x]\n")
    assert any(line.startswith("mine/target.yaml") for line in problems(shared))


def test_what_is_wrong_with_a_named_target_is_said(shared: Path) -> None:
    add(shared, "mine", MINE.replace("start", "strat"))
    assert any("unknown key `strat`" in line for line in problems(shared))


BAD_ROUTE = "odd: {method: GET, path: /odd, answer: {posts: '{length:ten}'}}"


def test_a_route_that_is_wrong_is_a_problem_of_who_asks_for_it(shared: Path) -> None:
    add(shared, "mine", MINE.replace("cpu: {}, ", f"cpu: {{}}, {BAD_ROUTE}, "))
    assert set(read(shared).targets["mine"].routes) == {"cpu", "io_create"}
    experiment = shared / "mine.yaml"
    asked = experiment.read_text()
    assert asked.count("[cpu,") == 1

    experiment.write_text(asked.replace("[cpu,", "[cpu, odd,"))
    assert any("mine/target.yaml:3: `posts` expects a length" in line for line in problems(shared))

    experiment.write_text(asked.replace("experiment:", "experimend:"))
    assert any("mine/target.yaml:3: `posts` expects a length" in line for line in problems(shared))


def test_a_route_that_is_wrong_is_a_problem_of_the_mix_that_asks_for_it(shared: Path) -> None:
    mixed = MINE.replace("cpu: {}, ", f"cpu: {{}}, {BAD_ROUTE}, ")
    add(shared, "mine", mixed + "mixes: {both: {routes: {cpu: 1, odd: 1}}}\n")
    (line,) = problems(shared)
    assert "mine/target.yaml:3: `posts` expects a length" in line


def test_two_of_ones_own_targets_of_a_named_name_are_a_problem(shared: Path) -> None:
    add(shared, "mine", MINE)
    add(shared, "zwei", MINE)
    assert "target `mine` is there already, in mine/target.yaml:1" in problems(shared)[0]


def test_a_root_that_is_gone_is_named_only_where_a_target_is_missing(shared: Path) -> None:
    add(shared, "mine", MINE)
    roots = [shared, shared / "gone"]

    def go() -> Matrix:
        return read_experiment(
            shared / "mine.yaml", profile=None, own=[ROOT], others=roots,
            routes_file=ROOT / "stack" / "routes.yaml",
        )  # fmt: skip

    assert "mine" in go().targets
    (shared / "mine" / "target.yaml").unlink()
    with pytest.raises(BadYaml, match="gone: is no folder"):
        go()


def test_a_fifo_beside_does_not_hold_up_the_command_line(shared: Path) -> None:
    add(shared, "mine", MINE)
    (shared / "other").mkdir()
    os.mkfifo(shared / "other" / "target.yaml")
    done = subprocess.run(
        [sys.executable, str(ROOT / "runner.py"), "plan", "mine.yaml"],
        cwd=shared, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "mine" in done.stdout
