"""The documents say what the code does: names, columns, links and examples are held against it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.comparisons.capacities import capacity_columns
from analysis.comparisons.same_setup import comparison_columns
from analysis.figures import cap, capacity, crossover, goodput, latency, waterfall
from analysis.reading.session_files import read_session
from analysis.summaries.csv_rows import FAILURE_COLUMNS, summary_columns, trial_columns
from rig.backends.base import LoadProgress
from rig.backends.fake import FakeBackend
from rig.calibration import Calibration, Prediction, StackFacts, UnloadedPoint
from rig.config import PLACEHOLDERS, read_matrix, read_targets
from rig.evidence import probes
from rig.factors import FACTORS, apply, slug_of
from rig.load.counting import completions as written
from rig.load.counting.meter import lags_of
from rig.load.counting.recorder import Recorder
from rig.load.counting.report import MeteredSecond
from rig.model import FAILURE_CLASSES, BadYaml, ExitCode, Phase, Role, Status, Verdict
from rig.plan import Draft, Target
from rig.record import (
    Check,
    DelayFacts,
    LedgerFacts,
    LoadFacts,
    PathDelay,
    ProbeFacts,
    Record,
    RoleUse,
    Span,
)
from rig.session_facts import session_facts
from rig.store import schedule as schedules
from stack.delay.__main__ import COLUMNS as DELAY_COLUMNS
from tests.unit import plans
from tests.unit.backends.hosts import every_spec

TOP = Path(__file__).parents[2]
DOCS = {path.name: path for path in (TOP / "README.md", *sorted(TOP.glob("docs/*.md")))}
PER_FACTOR = "one per factor"
OF_THE_ROLE = ("PATH", "HOME", "LANG", "BENCH_COUNTERS")
"""What the app role itself adds to its environment."""


def text(name: str) -> str:
    return DOCS[name].read_text(encoding="utf-8")


def words(of: str) -> set[str]:
    """Everything that stands between single backticks."""
    return set(re.findall(r"`([^`\n]+)`", of))


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text(name), re.MULTILINE | re.DOTALL)


def first_column(name: str, after: str) -> tuple[str, ...]:
    """What the first column of the first table after a passage lists, in order."""
    start = text(name).index(after)
    table = re.search(r"^\|.*\n\|[-|]+\n((?:\|.*\n?)+)", text(name)[start:], re.MULTILINE)
    assert table, after
    cells = [row.split("|")[1].strip() for row in table[1].splitlines()]
    return tuple(
        word
        for cell in cells
        for word in ([PER_FACTOR] if cell == PER_FACTOR else re.findall(r"`([^`]+)`", cell))
    )


def names(of: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(of))


def without_factors(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns in which the factors' own, wherever they begin, are one entry."""
    firsts = [name if name not in FACTORS else PER_FACTOR for name in columns]
    return tuple(dict.fromkeys(firsts))


@pytest.fixture(scope="session")
def targets() -> Mapping[str, Target]:
    """Every target of the project, its examples included."""
    return read_targets([TOP, TOP / "examples"], TOP / "stack" / "routes.yaml")


# names


def test_every_placeholder_has_its_place_in_the_table() -> None:
    listed = first_column("extending.md", "These are filled in:")
    assert sorted(listed) == sorted(f"{{{name}}}" for name in PLACEHOLDERS)


def test_every_factor_has_its_line_with_its_default() -> None:
    assert first_column("extending.md", "### Factors") == tuple(FACTORS)
    for name, factor in FACTORS.items():
        unsaid = "none" if factor.absent else "needed"
        default = unsaid if factor.default is None else str(factor.default)
        row = re.search(rf"^\| `{name}` \| (.*) \| (.*) \| .* \|$", text("extending.md"), re.M)
        assert row, name
        assert row[2].strip("`") == default
        assert set(factor.levels.words(())) <= words(row[1])


def test_every_variable_of_a_target_is_listed(tmp_path: Path) -> None:
    plan = dataclasses.replace(
        plans.PLAN, target=dataclasses.replace(plans.TARGET, env={}, seed=("seed",))
    )
    specs = every_spec(plan, tmp_path)
    given = {*specs["app"]["env"], *specs["seed"]["env"], *OF_THE_ROLE}
    assert set(first_column("extending.md", "has just this environment:")) == given


def test_every_exit_code_is_in_the_readme() -> None:
    rows = re.findall(r"^\| (\d+) \|", text("README.md"), re.MULTILINE)
    assert [int(code) for code in rows] == [code.value for code in ExitCode]


def test_every_failure_class_is_listed() -> None:
    assert first_column("results-format.md", "## Outcomes") == tuple(FAILURE_CLASSES)


@pytest.mark.parametrize("kind", [Verdict, Role])
def test_the_words_of_an_enumeration_are_in_the_vocabulary(kind: Any) -> None:
    assert {member.value for member in kind} <= words(text("vocabulary.md"))


def test_every_phase_is_explained_in_order() -> None:
    assert first_column("method.md", "## One trial") == tuple(phase.value for phase in Phase)


# keys of the YAML, as its own error messages list them

EXPERIMENT = """\
zzz: 1
experiment: x
claim: {zzz: 1, says: x, ratio: {zzz: 1, of: p50_ms, target: [sync, async]}, at_least: 1}
objective: {zzz: 1, p95_ms: 1}
setup: {target: sync, route: cpu}
vary: {}
also: {more: {zzz: 1, because: x, set: {delay_ms: 1}}}
requires: [{zzz: 1}]
load:
  zzz: 1
  users: {zzz: 1, from: 1, per_s: 1, to: 1}
  arrivals: {zzz: 1, per_s: 1}
  steady: 1s
data: {zzz: 1, posts: 1, cpu_n: 1}
design:
  zzz: 1
  repeats: {zzz: 1, until: ratio ±1 %, at_most: 4}
  search: {zzz: 1, crossover: delay_ms, between: [0, 1]}
default_profile: p
profiles: {p: {}, q: {design: {search: {zzz: 1, capacity: arrivals_per_s}}}}
"""
TARGET_YAML = """\
zzz: 1
name: x
django: {zzz: 1, wsgi: "x:x"}
routes: {x: {zzz: 1, method: GET, path: /}}
refuses: [{zzz: 1, because: x, when: {pooler: [direct]}}]
services: {x: {zzz: 1, ready: {zzz: 1}}}
ledger: {zzz: 1, table: x, column: x}
locustfiles: {x: {zzz: 1, file: target.yaml}}
"""


def known_keys(error: BadYaml, sections: int) -> set[str]:
    """The keys that complaints about `zzz` list; one complaint for each section."""
    lists = re.findall(r"unknown key `zzz`, expected one of ([^;(\n]*)", str(error))
    assert len(set(lists)) == sections, str(error)
    return {key.strip() for listed in lists for key in listed.split(",")} - FACTORS.keys()


def test_every_key_of_an_experiment_is_listed(
    tmp_path: Path, targets: Mapping[str, Target]
) -> None:
    (tmp_path / "x.yaml").write_text(EXPERIMENT)
    with pytest.raises(BadYaml) as caught:
        read_matrix(tmp_path / "x.yaml", profile=None, targets=targets)
    listed = first_column("extending.md", "## experiments.yaml, key by key")
    assert known_keys(caught.value, sections=14) | {"default_profile", "profiles"} == {
        key.rpartition(".")[2] for key in listed
    }


def test_every_key_of_a_target_and_of_a_route_is_listed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "target.yaml").write_text(TARGET_YAML)
    with pytest.raises(BadYaml) as caught:
        read_targets([tmp_path], TOP / "stack" / "routes.yaml")
    listed = {
        *first_column("extending.md", "## A target"),
        *first_column("extending.md", "## A route"),
    }
    assert known_keys(caught.value, sections=8) == listed


# links and examples


def anchors(of: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", of, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in headings}


@pytest.mark.parametrize("name", DOCS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", text(name), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = link.partition("#")
        to = (DOCS[name].parent / path).resolve() if path else DOCS[name]
        if re.match(r"[a-z]+:", link):
            continue
        if not to.exists() or (anchor and anchor not in anchors(to.read_text(encoding="utf-8"))):
            broken.append(link)
    assert broken == []


EXPERIMENTS = [
    (name, block)
    for name in DOCS
    for block in blocks(name, "ya?ml")
    if re.search(r"^experiment:", block, re.MULTILINE)
]


def test_there_are_examples_of_whole_experiments() -> None:
    assert EXPERIMENTS


@pytest.mark.parametrize(("name", "example"), EXPERIMENTS)
def test_an_example_of_an_experiment_can_be_read(
    name: str, example: str, tmp_path: Path, targets: Mapping[str, Target]
) -> None:
    (tmp_path / "example.yaml").write_text(example)
    assert read_matrix(tmp_path / "example.yaml", profile=None, targets=targets).experiment


def example_with(marker: str) -> dict[str, Any]:
    """What the Python example with this passage defines, run as it stands."""
    (code,) = (block for block in blocks("extending.md", "python") if marker in block)
    defined: dict[str, Any] = {}
    exec(code, defined)
    return defined


def test_the_example_of_a_factor_works(monkeypatch: pytest.MonkeyPatch) -> None:
    more = dict(FACTORS)
    monkeypatch.setattr("rig.factors.registry.FACTORS", more)
    example_with("@register")
    (name,) = more.keys() - FACTORS.keys()
    factor = more[name]
    fields = [(name, int, factor.default)]
    kind: Any = dataclasses.make_dataclass("MoreDraft", fields, bases=(Draft,), frozen=True)
    draft = kind("made", "make", plans.PLAN.load, plans.PLAN.data)
    assert getattr(apply(draft, {name: 512}), name) == 512
    assert slug_of(name, 512) == f"{factor.short}512"
    assert name.endswith(f"_{factor.unit.lower()}")


def test_the_example_of_a_check_works() -> None:
    check = example_with("Check(")["no_app_error"]
    fine = plans.record()
    assert check(plans.PLAN, fine).status is Status.PASS
    load = dataclasses.replace(fine.load, outcomes={"ok": 1, "app_error": 2})
    wrong = check(plans.PLAN, dataclasses.replace(fine, load=load))
    assert (wrong.status, wrong.says[0]) == (Status.FAIL, "2")


# columns and keys of the results


def test_the_columns_of_derived_are_those_that_the_analysis_writes() -> None:
    session = read_session(TOP / "tests" / "golden" / "session-v2")
    own = {factor.name for factor in session.factors}
    assert own <= FACTORS.keys()
    for heading, columns in (
        ("## derived/trials.csv", trial_columns(session)),
        ("## derived/summary.csv", summary_columns(session)),
        ("## derived/failures.csv", FAILURE_COLUMNS),
        ("## derived/comparisons.csv", comparison_columns(session)),
        ("## derived/figures/goodput.csv", goodput.COLUMNS),
        ("## derived/figures/latency.csv", latency.COLUMNS),
        ("## derived/figures/waterfall.csv", waterfall.COLUMNS),
        ("## derived/figures/connection-cap.csv", cap.COLUMNS),
        ("## derived/figures/crossover.csv", crossover.COLUMNS),
        ("## derived/capacity.csv", capacity_columns(session)),
        ("## derived/figures/capacity.csv", capacity.COLUMNS),
    ):
        assert first_column("results-format.md", heading) == without_factors(columns), heading


def test_the_columns_of_the_raw_files_are_those_that_are_written(tmp_path: Path) -> None:
    recorder, completions = Recorder(1.0, 2.0, is_open=True, raw=True), written.Completions("list")
    recorder.finish(recorder.start(0.5, intended_s=0.4), 0.6, "list", "ok")
    report = dataclasses.replace(recorder.drain(), meter=[MeteredSecond(0, 0.5, 1, lags_of([100]))])
    completions.add("load-1", report)
    completions.close("load-1", 0, "load-1", recorder.freeze(2.0))
    completions.write(tmp_path, 1.0, 2.0)
    for path in tmp_path.iterdir():
        assert f"load/{path.name}" in text("results-format.md")
    for path in tmp_path.glob("*.csv"):
        columns = path.read_text().splitlines()[0].split(",")
        assert list(first_column("results-format.md", f"**load/{path.name}**")) == columns
    listed = first_column("results-format.md", "**probes/delay.csv**")
    assert ",".join(listed) == DELAY_COLUMNS.strip()
    for name, found in probes.COLUMNS.items():
        assert first_column("results-format.md", f"**probes/{name}.csv**") == found
    schedule = (*schedules.COLUMNS, PER_FACTOR)
    assert first_column("results-format.md", "**schedule.csv**") == schedule


def test_the_keys_of_session_json_are_those_that_are_written(
    tmp_path: Path, targets: Mapping[str, Target]
) -> None:
    matrix = read_matrix(TOP / "experiments.yaml", profile=None, targets=targets)
    facts = session_facts(matrix, {}, FakeBackend(), tmp_path.name)
    listed = first_column("results-format.md", "**session.json**")
    assert sorted(listed) == sorted(facts)
    inner = {*facts["claim"], *facts["factors"][0], *facts["extras"][0], *facts["load"]}
    assert inner <= words(text("results-format.md"))
    json.dumps(facts)


def test_the_keys_of_a_manifest_are_those_of_a_record() -> None:
    listed = first_column("results-format.md", "**manifest.json**")
    assert sorted(listed) == sorted(names(Record))
    inner = {*names(Span), *names(DelayFacts), *names(PathDelay), *names(Check), *names(LoadFacts)}
    inner |= {*names(LedgerFacts), *names(ProbeFacts), *names(RoleUse), *names(Prediction)}
    assert inner <= words(text("results-format.md"))


def test_every_sum_of_the_probes_has_its_line() -> None:
    listed = first_column("results-format.md", "### The probes, summed up")
    assert sorted(listed) == sorted(names(ProbeFacts))


def test_the_keys_of_what_the_load_master_writes() -> None:
    listed = first_column("results-format.md", "**load/load.json**")
    assert set(listed) == {*names(LoadFacts)} - {*plans.PLANNED, *plans.DERIVED}
    (progress,) = re.findall(r"\*\*load/progress.jsonl\*\*.*?\n\n", text("results-format.md"), re.S)
    assert set(names(LoadProgress)) <= words(progress)


def test_the_keys_of_a_calibration() -> None:
    listed = first_column("results-format.md", "**calibration.json**")
    assert set(listed) | {"why"} == set(names(Calibration))
    assert {*names(StackFacts), *names(UnloadedPoint)} <= words(text("results-format.md"))
