"""Hostile values at every key of an experiment and a target, and shipped files damaged anyhow."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from rig.config import read_targets
from tests.runs import ROOT
from tests.unit.config.hostile import (
    EXPERIMENTS,
    ROUTES,
    TARGET,
    accepts,
    mutated,
    target_accepts,
    variants,
)

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]
VALUES_NTH = max(1, int(os.environ.get("EVERY_NTH", "1")) // 10)
FILES = int(os.environ.get("FILES", "3000"))


def fault_of(accepted: Callable[[], bool]) -> Sequence[str]:
    """What is wrong with how a file was read; nothing where it was planned or well refused."""
    try:
        accepted()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a target's folder in it, and a password for the roles' files."""
    (tmp_path / "superuser").write_text("x")
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "models.py").touch()
    return tmp_path


def test_every_hostile_value_at_every_key(folder: Path, judge: Judge) -> None:
    targets, file = read_targets([ROOT], ROUTES), folder / "one.yaml"
    of_experiments = [
        fault_of(partial(accepts, file, targets, one))
        for text in EXPERIMENTS
        for one in variants(text, VALUES_NTH)
    ]
    of_targets = [
        fault_of(partial(target_accepts, folder, one)) for one in variants(TARGET, VALUES_NTH)
    ]
    judge("hostile values", [*of_experiments, *of_targets])


def test_files_damaged_in_any_way(folder: Path, judge: Judge, seed: int) -> None:
    chance, targets, file = random.Random(seed), read_targets([ROOT], ROUTES), folder / "one.yaml"
    shipped = [*ROOT.glob("experiments/*.yaml"), ROOT / "experiments.yaml"]
    texts = [*EXPERIMENTS, *(path.read_text() for path in sorted(shipped))]
    found = []
    for _ in range(FILES):
        damaged = mutated(chance.choice(texts), chance)
        found.append(fault_of(partial(accepts, file, targets, damaged)))
        found.append(fault_of(partial(target_accepts, folder, mutated(TARGET, chance))))
    judge("damaged files", found)
