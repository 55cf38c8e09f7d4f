"""A hostile target on the local backend: nothing of root's is executed, followed or overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration import hostility
from tests.integration.hostile_target import WEAPONS
from tests.integration.hostility import Attacked, attacked
from tests.integration.worlds import Machine, machine, scratch_folders
from tests.shares import by_chance

pytestmark = [
    pytest.mark.campaign,
    pytest.mark.integration,
    pytest.mark.either_backend,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to be taken"),
]


@pytest.fixture(scope="module")
def before() -> Machine:
    return machine()


@pytest.fixture(scope="module", params=by_chance(WEAPONS))
def attack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, before: Machine
) -> Attacked:
    """A session whose target has one of the weapons."""
    mine = scratch_folders()
    return attacked(
        tmp_path_factory.mktemp("hostile"), "local",
        lambda: [Path(found) for found in scratch_folders() - mine], [request.param],
    )  # fmt: skip


def test_the_session_ends_with_a_reason_for_each_trial(attack: Attacked) -> None:
    hostility.assert_says_what_happened(attack)


def test_no_planted_module_ran_as_root(attack: Attacked) -> None:
    hostility.assert_nothing_ran_as_root(attack)


def test_roots_file_is_as_it_was(attack: Attacked) -> None:
    hostility.assert_kept(attack)


def test_the_results_hold_plain_files_and_nothing_of_roots(attack: Attacked) -> None:
    hostility.assert_results_are_plain_files(attack)


def test_nothing_is_left_behind(attack: Attacked, before: Machine) -> None:
    assert machine().left_since(before) == {}
