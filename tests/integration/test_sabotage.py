"""Every check that the rig judges by is made to fail, once each, by really causing what it is for.

`bench/sabotage.py` does the same three times over, and counts.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.integration import sabotage
from tests.integration.sabotage import (
    BLAMED,
    EACH_TRIAL,
    Disturbed,
    assert_a_lost_load_worker_is_named,
    assert_caught,
    statuses,
)
from tests.integration.worlds import running
from tests.runs import Session, only_session, runner
from tests.shares import by_chance

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.either_backend,
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may disturb what is not its own"),
]

DEADLINE_S = 240.0
DISTURBANCES = by_chance(sabotage.DISTURBANCES, always=1)


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    folder = tmp_path_factory.mktemp("disturbed")
    # and at least one attempt that stays undisturbed
    attempts = range(len(DISTURBANCES) + 1)
    (folder / "x.yaml").write_text(sabotage.experiment(attempts, EACH_TRIAL))
    with running("x.yaml", "--backend", "local", "--yes", "--no-calibrate", cwd=folder) as world:
        sabotage.disturb(world, DISTURBANCES, EACH_TRIAL)
        code, out, err = world.ends(DEADLINE_S)
    # where no trial is disturbed as often as it is tried, each may be valid in the end
    codes = (4,) if len(DISTURBANCES) >= EACH_TRIAL else (0, 4)
    assert code in codes, out + err
    return Disturbed(only_session(folder / "results").path, out)


@pytest.mark.parametrize("number", range(len(DISTURBANCES)), ids=[d.name for d in DISTURBANCES])
def test_a_disturbance_is_caught_by_the_right_check(disturbed: Disturbed, number: int) -> None:
    assert_caught(disturbed, number, DISTURBANCES[number].blamed)


def test_a_load_worker_that_died_is_named_and_the_trial_is_tried_again(
    disturbed: Disturbed,
) -> None:
    assert DISTURBANCES[0].name == "SIGKILL a load worker"
    assert_a_lost_load_worker_is_named(disturbed)


def test_the_same_undisturbed_passes(disturbed: Session) -> None:
    """It was tried again by itself, as a disturbance is; a busy machine may cost a third try."""
    last = disturbed.attempts()[-1].manifest
    assert last["verdict"] == "valid", last["why"]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Targets that are wrong from the start, and one that is not."""
    folder = tmp_path_factory.mktemp("targets")
    sabotage.make_targets(folder)
    (folder / "x.yaml").write_text(sabotage.TARGETS)
    runner("x.yaml", "--backend", "local", "--yes", "--no-calibrate", cwd=folder)
    return only_session(folder / "results")


@pytest.mark.parametrize("target", BLAMED)
def test_a_sabotaged_target_is_caught_by_the_right_check(targets: Session, target: str) -> None:
    (trial,) = (row["trial"] for row in targets.rows("schedule.csv") if row["target"] == target)
    (*_, last) = (a for a in targets.attempts() if a.path.parent.name == trial)
    failed = [name for name, status in statuses(last).items() if status == "fail"]
    if BLAMED[target]:
        assert BLAMED[target] in failed, last.manifest["why"]
    else:
        assert failed == [], last.manifest["why"]


def test_a_timeout_of_one_side_costs_the_comparison_its_label(targets: Session) -> None:
    (row,) = targets.rows("derived/comparisons.csv")
    assert row["verdict"] != "same"
    assert "app.timeout_s 180 vs 30" in row["undeclared"]


def test_the_whole_session_verifies(disturbed: Session, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(disturbed.path, tmp_path / disturbed.path.name)
    done = runner("verify", elsewhere, cwd=tmp_path)
    assert (done.code, done.err) == (0, ""), done.out
