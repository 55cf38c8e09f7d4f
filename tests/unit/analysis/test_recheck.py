"""Pages and drawings are held against the raw files, and against what made them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis import provenance, recheck
from analysis.provenance import maker
from analysis.recheck import OLDER, differences
from analysis.report import compare, report
from rig.disk.files import sha256
from tests.shares import every
from tests.unit.analysis.sessions import Made, make, steady

SEEN = ("report.html", "report.md", "figures/goodput.svg", "figures/goodput.png")
FIGURES = ("figures/latency.svg",)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trials = [Made({"target": t}, steady(30)) for t in ("sync", "async")]
    folder = make(tmp_path_factory.mktemp("recomputed") / "s", trials)
    report(folder)
    return folder


@pytest.fixture
def session(reported: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(reported, tmp_path / "s"))


@pytest.fixture(scope="module")
def derived_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, bool], Path]:
    """What the raw files of a session say: computed once for the same files."""
    recompute, made = recheck._recompute, dict[object, Path]()

    def derived(session: Path, reported: bool) -> Path:
        paths = sorted(path for path in session.rglob("*") if path.is_file())
        named = [(str(path.relative_to(session)), path) for path in paths]
        raw = [(name, path.read_bytes()) for name, path in named if not name.startswith("derived/")]
        key = (tuple(raw), reported)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("derived") / "derived"
            recompute(session, made[key], reported)
        return made[key]

    return derived


@pytest.fixture(autouse=True)
def computed_once(
    derived_of: Callable[[Path, bool], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def recompute(session: Path, now: Path, reported: bool) -> None:
        shutil.copytree(derived_of(session, reported), now)

    monkeypatch.setattr(recheck, "_recompute", recompute)


def edit(session: Path, name: str, bit: int = 1) -> None:
    """One bit near the end, as little as can be."""
    path = session / "derived" / name
    data = bytearray(path.read_bytes())
    data[-20] ^= bit
    path.write_bytes(data)


def by_others(session: Path) -> None:
    """As if another version of matplotlib and of the code had drawn everything."""
    derived = session / "derived"
    said = json.loads((derived / "made.json").read_text())
    said["by"] |= {"matplotlib": "1.0", "code": "0" * 64}
    for name in (*SEEN, *FIGURES):
        edit(session, name, 2)
    (derived / "figures" / "goodput.svg").write_text("<svg>drawn otherwise</svg>")
    for name in (*SEEN, *FIGURES):
        said["files"][name] = sha256(derived / name)
    (derived / "made.json").write_text(json.dumps(said))


def test_what_was_just_made_is_made_again_byte_for_byte(session: Path) -> None:
    assert differences(session) == ((), ())
    assert json.loads((session / "derived" / "made.json").read_text())["by"] == maker()


@pytest.mark.parametrize("name", [*SEEN, *FIGURES])
def test_an_edited_page_or_drawing_is_found(session: Path, name: str) -> None:
    edit(session, name)
    differ, unknown = differences(session)
    assert [line.split(": ")[0] for line in differ] == [f"derived/{name}"]
    assert unknown == ()


def test_an_edited_drawing_inside_the_page_is_found(session: Path) -> None:
    page = session / "derived" / "report.html"
    text = page.read_text()
    place = re.search(r"<svg\b.*? y=\"", text, re.DOTALL)
    assert place is not None
    page.write_text(f"{text[: place.end()]}9{text[place.end() :]}")
    assert differences(session).differ == ("derived/report.html: is not drawn as recomputed",)


@pytest.mark.parametrize("kind", ["html", "css"])
def test_templates_are_part_of_the_code(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Whoever changes a page's template or its style is told from who edits the page."""
    hashed: list[Path] = []

    def noted(path: Path) -> str:
        hashed.append(path)
        return sha256(path)

    monkeypatch.setattr(provenance, "sha256", noted)
    provenance.maker.__wrapped__()
    assert list(Path(provenance.__file__).parent.rglob(f"*.{kind}"))
    assert set(Path(provenance.__file__).parent.rglob(f"*.{kind}")) <= set(hashed)


def test_a_hash_made_to_fit_hides_nothing(session: Path) -> None:
    edit(session, "figures/goodput.svg")
    path = session / "derived" / "made.json"
    said = json.loads(path.read_text())
    said["files"]["figures/goodput.svg"] = sha256(session / "derived/figures/goodput.svg")
    path.write_text(json.dumps(said))
    assert differences(session).differ == (
        "derived/figures/goodput.svg: is not drawn as recomputed",
    )


def test_what_others_drew_is_no_difference_but_said(session: Path) -> None:
    by_others(session)
    differ, unknown = differences(session)
    assert differ == ()
    assert sorted(line.split(": ")[0] for line in unknown) == sorted(
        f"derived/{name}" for name in (*SEEN, *FIGURES)
    )


@pytest.mark.parametrize("name", every(2, SEEN))
def test_what_others_drew_and_somebody_edited_is_found(session: Path, name: str) -> None:
    by_others(session)
    edit(session, name)
    assert differences(session).differ == (
        f"derived/{name}: is not the file whose hash made.json has",
    )


def test_numbers_are_recomputed_whoever_made_them(session: Path) -> None:
    by_others(session)
    path = session / "derived" / "summary.csv"
    path.write_text(path.read_text().replace(",30,", ",31,"))
    assert any("summary.csv: line 2" in line for line in differences(session).differ)


def by_older_rules(session: Path, *, measured: bool = True) -> None:
    """As if an older rule had counted one answer more; a manifest without `rules` is by such."""
    derived = session / "derived"
    said = json.loads((derived / "made.json").read_text())
    del said["rules"]
    text = (derived / "trials.csv").read_text()
    (derived / "trials.csv").write_text(text.replace(",30,", ",31,", 1))
    said["files"]["trials.csv"] = sha256(derived / "trials.csv")
    (derived / "made.json").write_text(json.dumps(said))
    for path in session.glob("trials/*/*/manifest.json") if measured else ():
        manifest = json.loads(path.read_text())
        del manifest["rules"]
        path.write_text(json.dumps(manifest))


def test_what_older_rules_derived_is_no_difference_but_said(session: Path) -> None:
    by_older_rules(session)
    assert differences(session) == ((), (f"derived/trials.csv: {OLDER}",))
    report(session)
    assert differences(session) == ((), ())


@pytest.mark.parametrize("name", ["trials.csv", "summary.csv", "report.html"])
def test_what_older_rules_derived_and_somebody_edited_is_found(session: Path, name: str) -> None:
    by_older_rules(session)
    edit(session, name)
    assert differences(session).differ == (
        f"derived/{name}: is not the file whose hash made.json has",
    )
    (session / "derived" / name).unlink()
    assert differences(session).differ == (f"derived/{name}: is missing",)


def test_nobody_passes_for_older_whose_session_is_not(session: Path) -> None:
    by_older_rules(session, measured=False)
    (line,) = differences(session).differ
    assert line.startswith("derived/trials.csv: line 2: ")


def test_a_drawing_that_nobody_vouches_for_is_not_checked(session: Path) -> None:
    (session / "derived" / "made.json").unlink()
    assert differences(session) == ((), ())
    edit(session, "figures/goodput.png")
    differ, (line,) = differences(session)
    assert differ == ()
    assert line.startswith("derived/figures/goodput.png: is not drawn as today")


def test_a_drawing_that_is_gone_or_that_no_one_makes(session: Path) -> None:
    figures = session / "derived" / "figures"
    (figures / "goodput.png").rename(figures / "better.png")
    assert sorted(differences(session).differ) == [
        "derived/figures/better.png: is not what this session gives",
        "derived/figures/goodput.png: is missing",
    ]


def test_a_comparison_is_held_against_its_hash(session: Path) -> None:
    compare([session], [session])
    assert differences(session) == ((), ())
    edit(session, f"compare-{session.name}.html")
    assert differences(session).differ == (
        f"derived/compare-{session.name}.html: is not the file whose hash made.json has",
    )


def test_a_comparison_vouches_for_no_other_file(session: Path) -> None:
    edit(session, "figures/goodput.svg")
    compare([session], [session])
    assert differences(session).differ == (
        "derived/figures/goodput.svg: is not drawn as recomputed",
    )


def test_nothing_derived_is_no_difference(session: Path) -> None:
    shutil.rmtree(session / "derived")
    assert differences(session) == ((), ())
