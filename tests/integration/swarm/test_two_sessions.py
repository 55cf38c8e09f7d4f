"""Two sessions that want one Swarm at once, the second from any of its nodes."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from rig.backends.parallel import in_parallel
from tests.integration.swarm.lab import DEADLINE_S, Lab, LabNode
from tests.integration.swarm.one_trial import await_load, ended, refused, words
from tests.runs import ROOT, Done, command

pytestmark = [pytest.mark.swarm, pytest.mark.campaign]

# its root folder, which is the machine's lock, and its /tmp, where sessions clean up, are its own
_ON_A_MACHINE_OF_ITS_OWN = """
mount -t tmpfs -o mode=755 root /mnt
for name in $(ls -A / | grep -vxE 'mnt|tmp'); do
  if [ -L "/$name" ]; then cp -a "/$name" /mnt
  elif [ -d "/$name" ]; then mkdir "/mnt/$name" && mount --rbind "/$name" "/mnt/$name"
  fi
done
mkdir -m 1777 /mnt/tmp
for folder in "$0" "$1"; do mkdir -p "/mnt$folder" && mount --bind "$folder" "/mnt$folder"; done
folder=$0
shift
exec chroot /mnt sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


def run_on(node: LabNode, folder: Path, arguments: Sequence[str | Path]) -> Done:
    """A command of the rig on a node: with its name, its network, its clock, its own root."""
    pid = (node.socket.parent / "pid").read_text().strip()
    there = ["nsenter", "--target", pid, "--uts", "--net", "--time", "unshare", "--mount"]
    script = ["bash", "-euc", _ON_A_MACHINE_OF_ITS_OWN, str(folder), str(ROOT)]
    done = subprocess.run(
        [*there, *script, *command(*arguments)], capture_output=True, text=True,
        timeout=DEADLINE_S, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.a_share
def test_the_second_is_refused_on_whichever_node_it_starts(three: Lab) -> None:
    nodes = three.file()

    def second(node: LabNode) -> Done:
        return run_on(node, three.folder, words(three, nodes, f"second-on-{node.name}"))

    with three.under_way(*words(three, nodes, "first"), "--repeats", "3") as first:
        await_load(three.node("load"), first)
        found = in_parallel(second, three.nodes)
        assert first.poll() is None, "it ended before the others had asked"
        done = ended(first)
    host = socket.gethostname()
    for one in found:
        refused(one, 2, "another session has this Swarm: async-django-", f"started on {host}")
    assert done.code in (0, 4), done.out + done.err  # others may disturb a trial
    assert three.left() == set()
