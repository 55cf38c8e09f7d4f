"""Whatever stands in a target.yaml: a target, or problems with their file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import read_targets
from rig.load.http.request import encoded
from rig.model import BadYaml
from tests.shares import every
from tests.unit.config.hostile import ROUTES, TARGET, target_accepts, variants

NTH = every(2, [40, 8])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one target's folder in it."""
    (tmp_path / "superuser").write_text("x")
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "models.py").touch()
    return tmp_path


@pytest.mark.parametrize("nth", NTH)
def test_any_value_at_any_key_of_a_target_makes_a_target_or_a_problem(
    folder: Path, nth: int
) -> None:
    assert target_accepts(folder, TARGET)
    made = [target_accepts(folder, one) for one in variants(TARGET, nth)]
    assert len(made) >= 1600 // nth
    assert 0 < sum(made) < len(made)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (
            '{title: "{unique}"}\n    statements',
            '{posts: "{length:ten}"}\n    statements',
            "length",
        ),
        ('{title: "{unique}"}\n    statements', '{posts: "{length:"}\n    statements', "length"),
        (
            '{title: "{unique}"}\n    statements',
            '{a: [{b: "{length:-1}"}]}\n    statements',
            "length",
        ),
        ("statements: 1", "statements: -1", "whole number"),
        ("statements: 1", "statements: 1e9", "whole number"),
        ("status: 201", "status: 99", "from 100 to 599"),
        ("status: 201", "status: 1000", "from 100 to 599"),
        ("path: /own", "path: own", "begins with /"),
        ("path: /own", "path: /a b", "without spaces"),
        ("path: /own", 'path: "/a\\u0007b"', "U+0007"),
        ("path: /own", f"path: /{'x' * 2000}", "2000 long"),
        ("A: b", 'A: "b\\0c"', "U+0000"),
        ("A: b", 'A: "\\ud800"', "U+D800"),
        ("[models.py]", "[models.py, other.py]", "that are there"),
        ("[models.py]", "[/dev/zero]", "that are there"),
        ("[models.py]", f"[{'x' * 300}]", "that are there"),
        ("table: posts", f"table: {'x' * 64}", "63 long"),
        ("start: [serve", "start: serve #[", "expects a list"),
        ("because: it has none", f"because: {'x' * 1001}", "at most 1000"),
    ],
)
def test_what_a_target_cannot_mean_is_refused_at_its_line(
    folder: Path, old: str, new: str, what: str
) -> None:
    assert TARGET.count(old) == 1
    at = TARGET[: TARGET.index(old)].count("\n") + 1
    file = folder / "hostile" / "target.yaml"
    file.write_text(TARGET.replace(old, new))
    with pytest.raises(BadYaml) as caught:
        read_targets([folder], ROUTES)
    (problem,) = caught.value.problems
    assert problem.where == f"{file}:{at}"
    assert what in problem.what


def test_what_is_not_ascii_in_a_path_is_sent_as_utf_8() -> None:
    assert encoded("/größe/?q=straße&x=%20") == "/gr%C3%B6%C3%9Fe/?q=stra%C3%9Fe&x=%20"
    plain = "/a-b_c.d~e/%41;p=1?q=[x]|{y}^`<>\\\"'()*+,!$&#f@:"
    assert encoded(plain) == plain
