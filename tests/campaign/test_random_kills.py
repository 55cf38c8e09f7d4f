"""Sessions killed at random moments, and killed again while they are resumed."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest

from tests.campaign.designs import DESIGNS
from tests.campaign.killing import (
    KILLED,
    Fleet,
    Undisturbed,
    cold,
    everywhere,
    has_begun,
    outlived,
    reference_of,
    standing,
)
from tests.runs import Done
from tests.warm import Warm

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]

KILLS = int(os.environ.get("KILLS", "500"))
COLD_SHARE = 0.06
"""Of the commands that are killed, those which a process of their own runs, imports included."""
MOST_IN_A_ROW = 3


@dataclass
class Chain:
    """One session, killed some times in a row."""

    kept: dict[Path, bytes] = field(default_factory=dict)
    kills: int = 0
    found: list[str] = field(default_factory=list)


def killed_some_times(
    one: Warm, folder: Path, reference: Undisturbed, cold_s: float, chance: random.Random
) -> Chain:
    """Runs a session, kills and resumes it at random, and in the end looks what became of it."""
    chain = Chain()
    for _ in range(chance.randint(1, MOST_IN_A_ROW)):
        if _command(one, folder, reference, cold_s, chance).code != KILLED:
            break
        chain.kills += 1
        chain.kept |= standing(folder)
    if chain.kills:
        chain.found = outlived(folder, one, reference, chain.kept)
    return chain


def _command(
    one: Warm, folder: Path, reference: Undisturbed, cold_s: float, chance: random.Random
) -> Done:
    """The next command of a chain, killed at a moment that may come too late."""
    (folder / "it.yaml").write_text(reference.text)
    words = ["resume"] if has_begun(folder) else ["run", "it.yaml", "--backend", "fake"]
    if chance.random() < COLD_SHARE:
        return cold(*words, cwd=folder, kill_after_s=chance.uniform(0, cold_s))
    return one.run(*words, cwd=folder, kill_after_s=chance.uniform(0, reference.took_s))


@pytest.mark.parametrize("design", DESIGNS)
def test_whenever_a_session_is_killed_nothing_is_lost_and_nothing_half_written_counts(
    warm: Fleet, design: str, judge: Judge, seed: int
) -> None:
    reference, chance = reference_of(warm, DESIGNS[design]), random.Random(f"{seed} {design}")
    cold_s = undisturbed_cold_s(warm, reference)

    def chain(one: Warm, folder: Path, number: int) -> Chain:
        of_its_own = random.Random(f"{seed} {design} {number}")
        return killed_some_times(one, folder, reference, cold_s, of_its_own)

    wanted, chains = -(-KILLS // len(DESIGNS)), list[Chain]()
    while sum(one.kills for one in chains) < wanted:
        numbers = [chance.getrandbits(32) for _ in range(2 * len(DESIGNS))]
        chains += everywhere(warm, chain, numbers)
    killed = [one for one in chains if one.kills]
    kills = sum(one.kills for one in killed)
    judge(f"sessions ({design}) that {kills} kills hit", [one.found for one in killed])


def undisturbed_cold_s(warm: Fleet, reference: Undisturbed) -> float:
    """How long a run takes in a process of its own."""

    def run(_: Warm, folder: Path, __: None) -> float:
        (folder / "it.yaml").write_text(reference.text)
        began_s = monotonic()
        assert cold("run", "it.yaml", "--backend", "fake", cwd=folder).code == reference.code
        return monotonic() - began_s

    (took_s,) = everywhere(warm, run, [None])
    return took_s
