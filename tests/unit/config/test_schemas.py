"""The schemas for editors: current, named by every file, and of one mind with the reader."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rig.config import read_targets
from rig.config.document import Document, Node, parse
from rig.config.experiment import matrix_of
from rig.config.findings import ReadError
from rig.config.schemas import FOLDER, SCHEMAS, experiment_schema, target_schema, written
from rig.config.sections import data_of
from rig.model import BadYaml, Problem
from rig.plan import Target
from tests.shares import every

from . import hostile, test_design, test_experiment, test_targets
from .conftest import GOOD, ROOT

EXPERIMENT = Draft202012Validator(experiment_schema())
TARGET = Draft202012Validator(target_schema())

EXPERIMENTS = [ROOT / "experiments.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]
TARGETS = [*sorted(ROOT.glob("*/target.yaml")), *sorted(ROOT.glob("examples/*/target.yaml"))]

NTH = every(2, [72, 4])
"""Of the variants of a whole file."""
STRUCTURAL = re.compile(
    r"unknown key|`(?!method|path)[^`]*` is missing in|`[^`]*` expects "
    r"(a map|a list|text|true or false|a whole number(?!.*`0\.9)|a number|a duration(?!.*up to)|"
    r"one level)|`(?!target|route|default_profile)[^`]*` expects one of"
)
"""What is wrong by itself, whichever targets, routes and profiles there are beside.

0.999… with thousands of digits is 1.0, and that is a whole number in JSON.
"""


def accepts(validator: Draft202012Validator, root: Node) -> bool:
    return bool(validator.is_valid(data_of(root)))


def legible(texts: Iterable[str]) -> Iterator[tuple[str, Document]]:
    """Those that are YAML as the rig wants it, parsed."""
    for text in texts:
        with contextlib.suppress(ReadError):
            document = parse(text, "f")
            if not document.findings:
                yield text, document


def agree(validator: Draft202012Validator, root: Node, problems: list[Problem], text: str) -> bool:
    """Whether the schema refused it; it must where the structure is wrong, and never without."""
    accepted = accepts(validator, root)
    wrong = [problem.what for problem in problems if STRUCTURAL.match(problem.what)]
    assert not (wrong and accepted), (wrong, text)
    assert problems or accepted, text
    return not accepted


def cases(module: object) -> Iterator[tuple[str, str]]:
    """The changes that make a good file bad, of a module of tests."""
    for name in dir(module):
        for mark in getattr(getattr(module, name), "pytestmark", ()):
            if mark.name == "parametrize" and mark.args[0][:2] == ("old", "new"):
                yield from (case[:2] for case in mark.args[1])


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_current_and_one(name: str) -> None:
    schema = SCHEMAS[name]()
    Draft202012Validator.check_schema(schema)
    assert (FOLDER / name).read_text(encoding="utf-8") == written(schema), "run `make schemas`"


@pytest.mark.parametrize("path", [*EXPERIMENTS, *TARGETS], ids=str)
def test_every_file_that_ships_names_its_schema_and_is_accepted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    match = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert match
    kind = "target" if path in TARGETS else "experiment"
    assert (path.parent / match[1]).resolve() == FOLDER / f"{kind}.schema.json"
    assert accepts(TARGET if path in TARGETS else EXPERIMENT, parse(text, "f").root)


def test_good_files_of_the_tests_are_accepted() -> None:
    for text in (GOOD, GOOD.replace(*test_experiment.OPEN_LOAD), *hostile.EXPERIMENTS):
        assert accepts(EXPERIMENT, parse(text, "f").root)
    for text in (test_targets.MINE, hostile.TARGET):
        assert accepts(TARGET, parse(text, "f").root)


@pytest.mark.parametrize("nth", NTH)
def test_bad_experiments_are_refused(targets: Mapping[str, Target], nth: int) -> None:
    opened = GOOD.replace(*test_experiment.OPEN_LOAD)
    changed = [
        base.replace(old, new)
        for module in (test_experiment, test_design)
        for old, new in cases(module)
        for base in (GOOD, opened)
        if base.count(old) == 1
    ]
    changed += [one for text in hostile.EXPERIMENTS for one in hostile.variants(text, nth)]
    refused = 0
    for text, document in legible(changed):
        problems: list[Problem] = []
        try:
            matrix_of(document, profile=None, targets=targets)
        except BadYaml as error:
            problems = list(error.problems)
        refused += agree(EXPERIMENT, document.root, problems, text)
    assert refused > 1200 // nth


@pytest.mark.parametrize("nth", NTH)
def test_bad_targets_are_refused(tmp_path: Path, nth: int) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "models.py").touch()
    changed = [test_targets.MINE.replace(old, new) for old, new in cases(test_targets)]
    changed += hostile.variants(hostile.TARGET, nth)
    refused = 0
    for text, document in legible(changed):
        (tmp_path / "mine" / "target.yaml").write_text(text, encoding="utf-8")
        problems: list[Problem] = []
        try:
            read_targets([tmp_path], hostile.ROUTES)
        except BadYaml as error:
            problems = list(error.problems)
        refused += agree(TARGET, document.root, problems, text)
    assert refused > 600 // nth


@pytest.mark.parametrize(
    ("change", "accepted"),
    [
        (("      steady: 2s", "      stedy: 2s"), False),
        (("    vary: {delay_ms: [100]}", "    vary: {delay_ms: 100}"), False),
        (("  paper: {}", "  paper: {profiles: {}}"), False),
        (("  paper: {}", "  paper: {also: {cap: {only: {target: [sync]}}}}"), True),
        (("  paper: {}", "  paper: {claim: {at_least: 3}, design: {seed: 1}}"), True),
    ],
)
def test_a_profile_says_a_part_of_an_experiment(change: tuple[str, str], accepted: bool) -> None:
    assert GOOD.count(change[0]) == 1
    assert accepts(EXPERIMENT, parse(GOOD.replace(*change), "f").root) == accepted
