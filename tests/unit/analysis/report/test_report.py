"""Whole reports over made sessions: what they say, and that nothing breaks them."""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import json
import re
import shutil
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from analysis.report import compare, report
from rig.model import DamagedFile, ExitCode, ReportResult, UsageError, Verdict
from tests.unit.analysis import sessions
from tests.unit.analysis.sessions import Made, steady

GOLDEN = Path(__file__).parents[3] / "golden" / "session-v2"


class Page(HTMLParser):
    """Tags, ids, links and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.attributes: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.attributes |= set(found)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if "href" in found else []

    def handle_data(self, data: str) -> None:
        self.text += data


def pair(replicates: int = 1, rates: tuple[int, int] = (10, 40)) -> list[Made]:
    """Sync and async trials, a little faster each time."""
    return [
        Made({"target": target, "delay_ms": delay}, steady(rate + r), replicate=r + 1)
        for r in range(replicates)
        for delay in (0, 100)
        for target, rate in zip(("sync", "async"), rates, strict=True)
    ]


def made(folder: Path, trials: list[Made], **about: object) -> tuple[Page, str, ExitCode]:
    written = report(sessions.make(folder / "s", trials, **about))  # type: ignore[arg-type]
    return Page(written.html), written.markdown.read_text(encoding="utf-8"), written.check


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> ReportResult:
    """A report with all its drawings, which nothing here changes."""
    return report(sessions.make(tmp_path_factory.mktemp("plain") / "s", pair()))


def test_a_plain_session(plain: ReportResult) -> None:
    page, markdown = Page(plain.html), plain.markdown.read_text(encoding="utf-8")
    assert "indicated" in page.text
    assert "Probably yes in all 2 comparisons." in page.text
    assert "One run of each" in page.text
    assert plain.check is ExitCode.UNDECIDED
    assert "## Result of the claim" in markdown
    assert not {"script", "iframe", "img"} & set(page.tags)


def test_links_lead_to_files_and_to_parts_of_the_page(plain: ReportResult) -> None:
    page, derived = Page(plain.html), plain.html.parent
    inside = [link for link in page.links if link.startswith("#")]
    files = [link for link in page.links if not link.startswith(("#", "data:"))]
    assert inside
    assert len(files) > 10
    assert {link[1:] for link in inside} <= set(page.ids)
    assert [link for link in files if not (derived / unquote(link)).exists()] == []


def test_each_figure_has_its_csv(plain: ReportResult) -> None:
    figures = plain.html.parent / "figures"
    assert {path.stem for path in figures.glob("*.svg")} == {"goodput", "latency"}
    assert {path.stem for path in figures.glob("*.csv")} == {"goodput", "latency"}
    with (figures / "latency.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["what"] for row in rows} == {"measured"}
    medians = [float(r["response_ms"]) for r in rows if r["series"] == "sync"]
    assert min(medians) >= 0.7 * 50
    assert max(medians) <= 1.3 * 50


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("rates", "outcome"),
    [((10, 100), ExitCode.OK), ((100, 90), ExitCode.CONTRADICTED)],
)
def test_repeated_trials_decide(tmp_path: Path, rates: tuple[int, int], outcome: ExitCode) -> None:
    _, markdown, found = made(tmp_path, pair(4, rates))
    assert found is outcome
    assert "between trials" in markdown


@pytest.mark.usefixtures("undrawn")
def test_one_pair_against_it_is_enough(tmp_path: Path) -> None:
    trials = [
        Made({"target": target, "delay_ms": delay}, steady(rate), replicate=r + 1)
        for r, open_ in enumerate((12, 90, 15, 60))
        for delay, rates in ((0, (20, open_)), (100, (100, 90 + r)))
        for target, rate in zip(("sync", "async"), rates, strict=True)
    ]
    _, markdown, found = made(tmp_path, trials)
    assert "**not decided**" in markdown
    assert found is ExitCode.CONTRADICTED


@pytest.mark.usefixtures("undrawn")
def test_a_ratio_of_more_than_it_says_decides_nothing(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", pair(4, (10, 100)))
    for path in folder.glob("trials/*/attempt-1/manifest.json"):
        manifest = json.loads(path.read_text())
        is_async = manifest["levels"]["target"] == "async"
        manifest["facts"]["app"] = {"timeout_s": 30 if is_async else 180}
        path.write_text(json.dumps(manifest))
    written = report(folder)
    assert written.check is ExitCode.UNDECIDED
    assert any(line.startswith("NOT the same thing compared") for line in written.messages)


@pytest.mark.usefixtures("undrawn")
def test_scatter_leaves_it_open(tmp_path: Path) -> None:
    trials = [
        Made({"target": target}, steady(rate), replicate=r + 1)
        for r, fast in enumerate((12, 90, 15, 60))
        for target, rate in (("sync", 20), ("async", fast))
    ]
    page, _, outcome = made(tmp_path, trials)
    assert outcome is ExitCode.UNDECIDED
    assert "not decided" in page.text
    assert re.search(r"\d+ repeats (\(--repeats|might decide)|too close", page.text)


@pytest.mark.usefixtures("undrawn")
def test_without_a_claim_nothing_is_judged(tmp_path: Path) -> None:
    page, _, outcome = made(tmp_path, pair(), claim=None)
    assert "has no claim" in page.text
    assert outcome is ExitCode.UNDECIDED


def test_nothing_scheduled(tmp_path: Path) -> None:
    page, _, outcome = made(tmp_path, [])
    assert "No trial is scheduled yet" in page.text
    assert outcome is ExitCode.UNDECIDED


@pytest.mark.usefixtures("undrawn")
def test_no_valid_trial(tmp_path: Path) -> None:
    trials = [
        Made({"target": "sync"}, steady(10), Verdict.INVALID, "the delay was off"),
        Made({"target": "async"}, (), Verdict.FAILED, "the app did not start"),
        Made({"target": "async", "delay_ms": 0}),
        Made({"target": "sync", "delay_ms": 0}, skip="does not serve it"),
    ]
    page, _, outcome = made(tmp_path, trials)
    assert "No trial of this session is valid" in page.text
    assert "1 failed, 1 invalid, 1 missing, 1 skipped" in page.text
    assert "the app did not start" in page.text
    assert outcome is ExitCode.UNDECIDED


@pytest.mark.usefixtures("undrawn")
def test_one_trial(tmp_path: Path) -> None:
    page, _, _ = made(tmp_path, [Made({}, steady(10))])
    assert "io_create" in page.text


def test_an_invalid_trial_is_visible_as_such(tmp_path: Path) -> None:
    trials = [*pair(), Made({"target": "sync", "delay_ms": 200}, steady(9), Verdict.INVALID, "off")]
    page, _, _ = made(tmp_path, trials)
    assert "invalid, not counted" in page.text
    assert "1 trial left out of all numbers" in page.text


@pytest.mark.usefixtures("undrawn")
def test_half_written_files_are_named(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", pair())
    attempts = sorted(folder.glob("trials/*/attempt-1"))
    (attempts[0] / "load" / "completions.csv").write_text("second,phase\n1")
    (attempts[1] / "manifest.json").write_text("{")
    (attempts[2] / "load" / "latencies.hlog").write_text("Tag=steady|x|ok,0,1,1,AAAA\n")
    (folder / "calibration.json").write_text("[")
    page = Page(report(folder).html)
    assert page.text.count("not readable") >= 4


@pytest.mark.usefixtures("undrawn")
def test_a_session_without_a_calibration_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    shutil.copytree(GOLDEN, folder)
    (folder / "calibration.json").unlink()
    page = Page(report(folder).html)
    assert "did not calibrate" in page.text or "did not measure" in page.text


def test_no_session_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no session here"):
        report(tmp_path)


@pytest.mark.parametrize("which", ["report", "compare"])
def test_the_policy_allows_the_own_style_and_nothing_else(
    plain: ReportResult, tmp_path: Path, which: str
) -> None:
    session = sessions.make(tmp_path / "s", pair())
    written = plain if which == "report" else compare([session], [session])
    text = written.html.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in unescape(policy[1]).split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert rules["base-uri"] == "'none'"
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert "script-src" not in rules
    assert "unsafe" not in policy[1]


# two sessions


@pytest.mark.usefixtures("undrawn")
def test_a_slower_session_is_a_regression(tmp_path: Path) -> None:
    before = sessions.make(tmp_path / "before", pair(4))
    after = sessions.make(tmp_path / "after", pair(4, (3, 40)))
    written = compare([before], [after])
    assert written.check is ExitCode.SLOWER
    assert any("slower" in line for line in written.messages)
    assert "sync" in Page(written.html).text


@pytest.mark.usefixtures("undrawn")
def test_different_environments_are_named_and_not_judged(tmp_path: Path) -> None:
    before = sessions.make(tmp_path / "before", pair())
    after = sessions.make(
        tmp_path / "after", pair(1, (1, 4)), host={"cpus": 64, "versions": {"Python": "3.13"}}
    )
    written = compare([before], [after])
    assert written.check is ExitCode.UNDECIDED
    said = "\n".join(written.messages)
    assert "environments differ: host cpus: 2 before, 64 after" in said
    assert "host versions Python: 3.11 before, 3.13 after" in said
    assert "The environments differ." in Page(written.html).text


def test_a_link_in_derived_is_not_written_through(tmp_path: Path) -> None:
    before = sessions.make(tmp_path / "before", pair())
    after = sessions.make(tmp_path / "after", pair())
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (after / "derived").mkdir()
    for name in ("compare-before.md", "compare-before.html", "made.json", "compare-before.md.part"):
        (after / "derived" / name).symlink_to(mine)
    with contextlib.suppress(DamagedFile):  # of a made.json that is none
        compare([before], [after])
    (after / "derived" / "made.json").unlink()
    assert compare([before], [after]).markdown.read_text(encoding="utf-8").startswith("# after")
    assert mine.read_text() == "mine"


@pytest.mark.usefixtures("undrawn")
def test_a_derived_that_is_a_link_is_replaced_or_refused(tmp_path: Path) -> None:
    before = sessions.make(tmp_path / "before", pair())
    after = sessions.make(tmp_path / "after", pair())
    for place in (tmp_path / "mine", tmp_path / "nowhere"):
        (after / "derived").symlink_to(place)
        if place.name == "mine":
            place.mkdir()
        with pytest.raises(DamagedFile, match="derived is a link"):
            compare([before], [after])
        assert report(after).html.exists()
        assert not (after / "derived").is_symlink()
        shutil.rmtree(after / "derived")
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.usefixtures("undrawn")
def test_sessions_without_a_common_cell(tmp_path: Path) -> None:
    before = sessions.make(tmp_path / "before", [Made({"delay_ms": 0}, steady(10))])
    after = sessions.make(tmp_path / "after", [Made({"delay_ms": 200}, steady(10))])
    written = compare([before], [after])
    assert written.check is ExitCode.UNDECIDED
    assert "no cell in common" in Page(written.html).text


# figures' data


@pytest.mark.usefixtures("undrawn")
def test_ceilings_stand_in_the_figure_and_the_table(tmp_path: Path) -> None:
    folder = sessions.make(tmp_path / "s", pair())
    stack = {"levels": {"target": "sync"}, "route": "io_create", "servers": 1, "unloaded": [],
             "s0_ms": 10.0, "n": 9.0, "hold_s0_ms": 20.0, "hold_n": 1.0, "why": ""}  # fmt: skip
    calibration = {"null_rps": 5000.0, "load_workers": 2, "stacks": [stack], "why": ""}
    (folder / "calibration.json").write_text(json.dumps(calibration))
    page = Page(report(folder).html)
    assert "1 ÷ (20 ms + 1 · 100 ms)" in page.text
    with (folder / "derived" / "figures" / "goodput.csv").open(newline="") as file:
        medians = [row for row in csv.DictReader(file) if row["what"] == "median"]
    predicted = {(row["series"], row["x"]): row["predicted_rps"] for row in medians}
    assert predicted["sync", "0"] == "50"
    assert float(predicted["sync", "100"]) == pytest.approx(1000 / 120, rel=1e-5)
    assert predicted["async", "100"] == "5000"
