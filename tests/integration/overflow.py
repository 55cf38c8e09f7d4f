"""More packets than an NFQUEUE has room for: what its consumer counts then.

    python -m tests.integration.overflow BUFFER_BYTES LIMIT_PACKETS

Runs as process 1 of a world with its loopback up, and prints the counts as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

from rig.backends.processes import until
from stack.delay import nfqueue
from stack.delay.detour import QUEUE, iptables

DATAGRAMS = 100
PEER = ("127.0.0.1", 9)


def main() -> None:
    """Sends before anybody consumes, so that what does not fit is lost; then lets it be held."""
    nfqueue.RECEIVE_BUFFER_BYTES, nfqueue.MAX_PACKETS = int(sys.argv[1]), int(sys.argv[2])
    netlink = nfqueue.open_queue(QUEUE)
    rule = ["-w", "-t", "mangle", "-A", "OUTPUT", "-p", "udp", "--dport", str(PEER[1])]
    iptables(*rule, "-j", "NFQUEUE", "--queue-num", str(QUEUE))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(DATAGRAMS):
            sender.sendto(b"", PEER)
        tally = nfqueue.Tally()
        consumer = os.fork()
        if consumer == 0:
            nfqueue.hold(netlink, QUEUE, 1, tally)
        _emptied(tally)
        sender.sendto(b"", PEER)  # its number shows how many are missing before it
        _emptied(tally, more_than=tally.read().packets)
    os.kill(consumer, signal.SIGKILL)
    print(json.dumps(vars(tally.read())))


def _emptied(tally: nfqueue.Tally, more_than: int = 0) -> None:
    for _ in until(10):
        count = tally.read()
        if count.packets > more_than and not count.backlog:
            return


if __name__ == "__main__":
    main()
