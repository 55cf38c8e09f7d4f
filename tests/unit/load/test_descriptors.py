"""Room for descriptors, as the kernel tells it of a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

ROOM = """
import resource
from rig.load.descriptors import make_room
resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
make_room({connections})
(line,) = [line for line in open("/proc/self/status") if line.startswith("FDSize")]
print(line.split()[1], open("/dev/null").fileno())
"""


@pytest.mark.parametrize(("connections", "most", "room"), [(3000, 4000, 3000), (3000, 1000, 1000)])
def test_room_is_made_up_to_what_a_process_may_have_and_nothing_stays_open(
    connections: int, most: int, room: int
) -> None:
    code = ROOM.format(most=most, connections=connections)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    size, next_descriptor = map(int, done.stdout.split())
    assert size >= room
    assert next_descriptor < 10
