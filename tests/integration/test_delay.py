"""The delay role on this machine's own kernel: NFQUEUE and its detour, on real packets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from rig.backends.base import spec_file
from rig.backends.local.sandbox import enter_command
from rig.backends.specs import PROJECT
from stack.delay.spec import DelaySpec, LinkSpec
from tests.integration.delay_lab import (
    SIZES_BYTES,
    Case,
    Result,
    delays,
    expected_delays,
    observe,
    quiet_median_ms,
)
from tests.integration.nobody import ordinary_user
from tests.shares import by_chance

pytestmark = [pytest.mark.campaign, pytest.mark.integration]

CASES = {
    "both": Case("nfqueue", 100, replies=3),
    "front": Case("nfqueue", 50, ("front",)),
    "data": Case("nfqueue", 50, ("data",)),
    "none": Case("auto", 0),
    "killed": Case("nfqueue", 20, kill_consumer=True),
}
MEASURED = [
    (name, link, CASES[name].delay_ms if link in CASES[name].delayed else 0.0)
    for name in ("both", "front", "data", "none")
    for link in ("front", "data")
]
"""Case, link, and what its round trip ought to be, in ms."""


@pytest.fixture(
    scope="module",
    params=by_chance(
        ["this user", pytest.param("an ordinary user", marks=pytest.mark.ordinary_user)]
    ),
)
def seen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Result]:
    """Every case, run once, in one world, by one user."""
    cases = list(CASES.values())
    if request.param == "this user":
        return dict(zip(CASES, observe(cases), strict=True))
    with ordinary_user(tmp_path_factory.mktemp("view")) as through:
        return dict(zip(CASES, observe(cases, through), strict=True))


@pytest.mark.parametrize(("case", "link", "asked_ms"), MEASURED)
def test_each_path_is_as_long_as_asked(
    seen: Mapping[str, Result], case: str, link: str, asked_ms: float
) -> None:
    tolerance_ms = max(1.0, 0.02 * asked_ms)
    assert quiet_median_ms(seen[case], link) == pytest.approx(asked_ms, abs=tolerance_ms)


@pytest.mark.parametrize("case", ["both", "front", "data"])
def test_no_packet_is_lost_and_the_delay_lives_to_the_end(
    seen: Mapping[str, Result], case: str
) -> None:
    facts = seen[case].facts
    assert facts["mechanism"] == "nfqueue"
    assert facts["lost"] == {"front": 0, "data": 0}
    count = facts["counters"]
    assert count["packets"] > 0
    assert (count["drops"], count["overruns"], count["alive"]) == (0, 0, True)


def test_a_reply_takes_the_delays_of_its_round_trips(seen: Mapping[str, Result]) -> None:
    wanted = {size: expected_delays(size) for size in SIZES_BYTES}
    assert delays(seen["both"], CASES["both"].delay_ms) == wanted


def test_a_delay_of_0_needs_no_mechanism(seen: Mapping[str, Result]) -> None:
    facts = seen["none"].facts
    assert (facts["mechanism"], facts["why"]) == ("", "no delay was asked")


def test_a_dead_consumer_is_told(seen: Mapping[str, Result]) -> None:
    facts = seen["killed"].facts
    assert facts["counters"]["alive"] is False
    assert all(facts["lost"].values())


@pytest.mark.parametrize("case", CASES)
def test_the_role_ends_in_order_and_leaves_no_process(
    seen: Mapping[str, Result], case: str
) -> None:
    assert (seen[case].code, list(seen[case].log), seen[case].left_behind) == (0, [], 0)


@pytest.fixture
def spec(tmp_path: Path) -> list[str]:
    """The role's two arguments, for a delay on the loopback of wherever it runs."""
    link = LinkSpec("front", "127.0.0.1", prefix=8, peer="127.0.0.1", delayed=True)
    path = tmp_path / "delay.json"
    path.write_bytes(spec_file(DelaySpec(100.0, "nfqueue", links=(link,))))
    return [str(path), str(tmp_path)]


def _refusal(command: list[str]) -> str:
    """The one line that the role says before it exits with 3."""
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 3, done
    (line,) = done.stderr.splitlines()
    return line


def test_without_rights_it_says_so(spec: list[str]) -> None:
    powerless = [] if os.geteuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    line = _refusal([*powerless, sys.executable, "-m", "stack.delay", *spec])
    assert line.startswith("delay: ")
    assert "Operation not permitted" in line


def test_without_iptables_it_says_so(spec: list[str]) -> None:
    bare = 'ip link set lo up; PATH=/nowhere exec "$@"'
    role = [sys.executable, "-m", "stack.delay", *spec]
    line = _refusal(enter_command(["sh", "-c", bare, "sh", *role]))
    assert line.endswith("nfqueue: iptables-legacy is not installed")


@pytest.mark.parametrize(
    ("buffer_bytes", "limit_packets", "fits"),
    [
        pytest.param(1 << 20, 1000, True, id="room for all"),
        pytest.param(4096, 1000, False, id="no room in the consumer's socket"),
        pytest.param(1 << 20, 10, False, id="more packets than the queue may hold"),
    ],
)
def test_packets_that_find_no_room_are_counted(
    buffer_bytes: int, limit_packets: int, fits: bool
) -> None:
    up = 'ip link set lo up; exec "$@"'
    lab = [sys.executable, "-m", "tests.integration.overflow"]
    words = [*lab, str(buffer_bytes), str(limit_packets)]
    command = enter_command(["sh", "-c", up, "sh", *words])
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done
    count = json.loads(done.stdout)
    assert count["packets"] > 0
    assert (count["drops"] == 0) is fits
