"""The kernel's own netem, which this machine's kernel may lack: under a second one that has it.

SECOND_KERNEL names a program that runs the command after it under such a kernel, as root and
on this machine's file system.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rig.backends.specs import PROJECT
from tests.integration.delay_lab import (
    SIZES_BYTES,
    Result,
    delays,
    expected_delays,
    quiet_median_ms,
)
from tests.integration.second_kernel import DELAY_MS
from tests.runs import runner

pytestmark = pytest.mark.second_kernel

BOOT_DEADLINE_S = 420
TOLERANCE_MS = 0.02 * DELAY_MS  # what the delay check allows, too
ALIKE_MS = 0.01 * DELAY_MS
MECHANISMS = ("netem", "nfqueue")


# before all other processes of this machine, where that may be asked for: whatever else runs
# meanwhile, the guest has a CPU when it wants one
FIRST = ["sh", "-c", 'chrt --rr --pid 1 $$ 2>/dev/null; exec "$@"', "sh"]


def said_by_guest(asked: str, before: Sequence[str] = ()) -> dict[str, Any]:
    """What one boot of the second kernel says of a question; `before` stands before the command."""
    kernel = os.environ["SECOND_KERNEL"]
    command = [*before, kernel, sys.executable, "-m", "tests.integration.second_kernel", asked]
    # MEM is the guest's memory: a cluster, its template and their cache are held in it
    environment = {**os.environ, "MEM": "2G", "TIMEOUT": str(BOOT_DEADLINE_S - 20)}
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=BOOT_DEADLINE_S,
    )
    assert done.returncode == 0, done
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.fixture(scope="module")
def compared() -> Mapping[str, Result]:
    """What the delay role did with each mechanism, between fresh hosts."""
    said = said_by_guest("compared")
    return {name: Result(**result) for name, result in said.items()}


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_mechanism_is_the_one_asked(compared: Mapping[str, Result], mechanism: str) -> None:
    assert compared[mechanism].code == 0, compared[mechanism].log
    assert compared[mechanism].facts["mechanism"] == mechanism


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_nothing_is_dropped(compared: Mapping[str, Result], mechanism: str) -> None:
    facts = compared[mechanism].facts
    assert facts["lost"] == {"front": 0, "data": 0}
    count = facts["counters"]
    assert count["packets"] > 0
    assert (count["drops"], count["overruns"], count["alive"]) == (0, 0, True)


@pytest.mark.parametrize("link", ["front", "data"])
def test_both_delay_by_the_same_median(compared: Mapping[str, Result], link: str) -> None:
    netem_ms, nfqueue_ms = (quiet_median_ms(compared[name], link) for name in MECHANISMS)
    assert nfqueue_ms == pytest.approx(netem_ms, abs=ALIKE_MS)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("link", ["front", "data"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_median_is_what_was_asked(
    compared: Mapping[str, Result], mechanism: str, link: str, moment: str
) -> None:
    rtts_ms = sorted(compared[mechanism].facts["rtt_ms"][link][moment])
    assert rtts_ms[len(rtts_ms) // 2] == pytest.approx(DELAY_MS, abs=TOLERANCE_MS)


def test_replies_take_the_same_number_of_delays(compared: Mapping[str, Result]) -> None:
    wanted = {size: expected_delays(size) for size in SIZES_BYTES}
    taken = {name: delays(compared[name], DELAY_MS) for name in MECHANISMS}
    assert taken == {"netem": wanted, "nfqueue": wanted}


@pytest.mark.beside
def test_a_whole_trial_is_delayed_by_netem_and_valid(tmp_path: Path) -> None:
    # the cluster that it needs is then kept already: in the guest that takes a minute
    runner("try", "sync", "--backend", "local", cwd=tmp_path)
    guest = said_by_guest("trial", FIRST)
    trial = guest["trial"]
    assert trial, guest["said"]
    assert (trial["delay"]["mechanism"], trial["delay"]["drops"]) == ("netem", 0)
    assert trial["load"]["outcomes"].get("ok", 0) > 0
    assert trial["verdict"] == "valid", trial["why"]
