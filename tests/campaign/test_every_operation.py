"""A session killed at each of its file operations, one after the other."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.campaign.designs import DESIGNS
from tests.campaign.disk import Disk
from tests.campaign.killing import (
    KILLED,
    USAGE,
    Fleet,
    Undisturbed,
    begin,
    everywhere,
    has_begun,
    outlived,
    reference_of,
)
from tests.warm import Warm

pytestmark = pytest.mark.campaign

Judge = Callable[[str, Sequence[Sequence[str]]], None]


EVERY_NTH = int(os.environ.get("EVERY_NTH", "1"))
OF_THE_DESIGN = re.compile(r"/(schedule\.csv|journal\.jsonl|plan\.json|manifest\.json)")


def moments(reference: Undisturbed, design: str, every_nth: int = EVERY_NTH) -> list[int]:
    """The numbers of the operations at which to kill: all of them.

    Of an adaptive design those on the files that it is known by: all others are a fixed one's.
    """
    every = enumerate(reference.operations, 1)
    chosen = [n for n, name in every if design == "fixed" or OF_THE_DESIGN.search(name)]
    return chosen[::every_nth]


@pytest.mark.parametrize(
    ("design", "power_cut"),
    [*((design, False) for design in DESIGNS), ("fixed", True)],
)
def test_whatever_a_session_was_doing_it_goes_on_as_if_nothing_had_happened(
    warm: Fleet, design: str, power_cut: bool, judge: Judge
) -> None:
    reference = reference_of(warm, DESIGNS[design])

    def killed_at(one: Warm, folder: Path, operation: int) -> list[str]:
        done = begin(one, folder, reference.text, kill_at=operation, power_cut=power_cut)
        found = outlived(folder, one, reference) if done.code == KILLED else [f"survived: {done}"]
        at = reference.operations[operation - 1]
        return [f"{fault} (killed at {operation}, {at})" for fault in found]

    every = moments(reference, design)
    how = "power cuts" if power_cut else "kills"
    judge(f"{how} at file operations ({design})", everywhere(warm, killed_at, every))


def test_a_resume_that_is_killed_while_it_mends_is_resumed_again(
    warm: Fleet, judge: Judge, seed: int
) -> None:
    reference, chance = reference_of(warm, DESIGNS["fixed"]), random.Random(seed)

    def killed_twice(one: Warm, folder: Path, at: tuple[int, int]) -> list[str]:
        begin(one, folder, reference.text, kill_at=at[0])
        one.run("resume", cwd=folder, disk=Disk(str(folder / "results"), at[1]))
        return [f"{fault} (killed at {at})" for fault in outlived(folder, one, reference)]

    at = moments(reference, "fixed", 4 * EVERY_NTH)
    each = [(operation, chance.randint(1, 40)) for operation in at]
    judge("kills at file operations of run and resume", everywhere(warm, killed_twice, each))


def test_a_session_that_had_not_begun_never_makes_resume_take_the_one_before(
    warm: Fleet, judge: Judge
) -> None:
    reference = reference_of(warm, DESIGNS["fixed"])

    def killed_at(one: Warm, folder: Path, operation: int) -> list[str]:
        begin(one, folder, reference.text)
        before = {*(folder / "results").rglob("*")}
        begin(one, folder, reference.text, kill_at=operation)
        new = {*(folder / "results").rglob("*")} - before
        if not new or has_begun(folder, 2):
            return []  # nothing shows that it was run; or it has begun
        done = one.run("resume", cwd=folder)
        refused = (done.code, done.out) == (USAGE, "")
        said = [] if refused else [f"resume: took another: exit {done.code}: {done.out[:200]}"]
        begin(one, folder, reference.text)
        left = (folder / "results").glob("*/.*")
        found = [*said, *(f"litter: {path}" for path in left)]
        return [f"{fault} (killed at {operation})" for fault in found]

    begun = next(n for n, name in enumerate(reference.operations, 1) if "/trials/" in name)
    at = range(1, begun, max(1, EVERY_NTH // 10))
    judge("kills of a session beside an older one", everywhere(warm, killed_at, at))
