"""No sentence that people read is long: of the README, of the reports, of messages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analysis.report import compare, report
from tests.unit.sentences import long_sentences, of_code, of_markdown, of_page

TOP = Path(__file__).parents[2]
GOLDEN = sorted((TOP / "tests" / "golden").glob("session-v?"))
CODE = ("analysis", "rig", "stack", "locust_master", "locust_worker")


def recorded(session: Path) -> str:
    """What its manifests hold: words of the past, shown as they are."""
    return "".join(path.read_text(encoding="utf-8") for path in session.rglob("manifest.json"))


def test_a_long_sentence_is_found() -> None:
    short, long = " ".join(["word"] * 25), " ".join(["word"] * 26)
    assert long_sentences(f"{short}. {short}? ({short}.) {short}") == []
    assert long_sentences(f"{short}. {long}.") == [f"26 words: {long}."]
    assert list(of_code('"""Documentation."""\nsay(f"a {b} " + "c")')) == ["a X ", "c"]
    assert of_page("<p>a <b>b</b></p><table><td>c<td>d</table><pre>log</pre>") == ["a b", "c", "d"]
    assert "".join(of_markdown("a `b c` [d](e)\n\n```\nf\n```\n![g](h)")).split() == [
        *("a", "code", "d"),
    ]


def test_sentences_of_the_readme() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert [long for part in of_markdown(text) for long in long_sentences(part)] == []


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_sentences_of_a_report(golden: Path, tmp_path: Path) -> None:
    session = Path(shutil.copytree(golden, tmp_path / golden.name))
    pages = [report(session).html, compare([session], [session]).html]
    past = recorded(session)
    texts = [text for page in pages for text in of_page(page.read_text(encoding="utf-8"))]
    own = [text for text in texts if text not in past]
    assert len(own) > 50
    assert [long for text in own for long in long_sentences(text)] == []


def test_sentences_in_code() -> None:
    """Most are parts of a page or of a message; what is SQL, a shell's or a pattern is none."""
    found = []
    for path in sorted(path for room in CODE for path in (TOP / room).rglob("*.py")):
        for text in of_code(path.read_text(encoding="utf-8")):
            if not any(sign in text for sign in ("SELECT ", "; do ", "(?=", "#[")):
                found += [f"{path.relative_to(TOP)}: {long}" for long in long_sentences(text)]
    assert found == []
