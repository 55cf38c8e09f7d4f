"""A hostile target in containers: neither its own root nor the runner trusts what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration import hostility
from tests.integration.compose.containers import Engine, holds, scratch_folders
from tests.integration.hostile_target import WEAPONS
from tests.integration.hostility import Attacked, attacked
from tests.shares import by_chance

TRIED = by_chance(WEAPONS)

pytestmark = [pytest.mark.campaign, pytest.mark.compose, pytest.mark.either_backend]


@pytest.fixture(scope="module")
def before() -> Engine:
    return holds()


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory, before: Engine) -> Attacked:
    """A session with a target for each weapon: containers keep one from the other."""

    def scratch() -> list[Path]:
        return [path for path in scratch_folders() if str(path) not in before.folders]

    return attacked(tmp_path_factory.mktemp("hostile"), "compose", scratch, TRIED)


def test_the_session_ends_with_a_reason_for_each_trial(attack: Attacked) -> None:
    hostility.assert_says_what_happened(attack)
    tried = {attempt.manifest["levels"]["target"] for attempt in attack.session.attempts()}
    assert tried == set(TRIED)


def test_a_target_that_reaches_its_own_folder_alone_spoils_nothing(attack: Attacked) -> None:
    for attempt in attack.session.attempts():
        assert attempt.manifest["verdict"] != "failed", attempt.manifest["why"]


def test_no_planted_module_ran_as_root(attack: Attacked) -> None:
    hostility.assert_nothing_ran_as_root(attack)


def test_roots_file_is_as_it_was(attack: Attacked) -> None:
    hostility.assert_kept(attack)


def test_the_results_hold_plain_files_and_nothing_of_roots(attack: Attacked) -> None:
    hostility.assert_results_are_plain_files(attack)


def test_nothing_is_left_behind(attack: Attacked, before: Engine) -> None:
    assert holds().left_since(before) == {}
