"""Delay by the kernel's own netem, one root qdisc on each delayed link."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

LIMIT_PACKETS = 100_000
"""netem's default of 1000 drops at delay x packets/s above it, in silence."""


@dataclass(frozen=True)
class Counters:
    """What passed the delay since it was set."""

    packets: int
    drops: int
    backlog: int
    overruns: int = 0
    alive: bool = True


def missing() -> str:
    """Why this kernel has no netem; empty where it has. Tried on the namespace's loopback."""
    try:
        with IPRoute() as route:
            loopback = route.link_lookup(ifname="lo")[0]
            route.tc("add", "netem", loopback, "1:", delay=0, limit=LIMIT_PACKETS)
            route.tc("del", "netem", loopback, "1:")
    except NetlinkError as error:
        if error.code == errno.ENOENT:
            return "netem: this kernel has no sch_netem"
        return f"netem: {os.strerror(error.code)}"
    except OSError as error:
        return f"netem: {error}"
    return ""


class Netem:
    """netem qdiscs, set for as long as the namespace lives."""

    name = "netem"

    def __init__(self, devices: Sequence[str], delay_ms: float) -> None:
        self._indices = []
        with IPRoute() as route:
            for device in devices:
                index = route.link_lookup(ifname=device)[0]
                delay_us = round(delay_ms * 1000)
                route.tc("add", "netem", index, "1:", delay=delay_us, limit=LIMIT_PACKETS)
                self._indices.append(index)

    def counters(self) -> Counters:
        """Sums over the delayed links, and whether each still has its qdisc."""
        packets = drops = backlog = found = 0
        with IPRoute() as route:
            for index in self._indices:
                for qdisc in route.get_qdiscs(index=index):
                    if qdisc.get_attr("TCA_KIND") != "netem":
                        continue
                    found += 1
                    stats = qdisc.get_attr("TCA_STATS2")
                    packets += stats.get_attr("TCA_STATS_BASIC")["packets"]
                    drops += stats.get_attr("TCA_STATS_QUEUE")["drops"]
                    backlog += stats.get_attr("TCA_STATS_QUEUE")["qlen"]
        return Counters(packets, drops, backlog, alive=found == len(self._indices))

    def missing_packets(self) -> int:
        """None: whatever netem drops, its own count has."""
        return 0

    def close(self) -> None:
        """Nothing to end: the qdiscs go with the namespace."""
