"""Delay where the kernel has no netem: a detour inside the namespace that ends in an NFQUEUE.

Packets queued in their sender's own POSTROUTING still belong to their socket, and TCP small
queues stop the sender after two. So locally made packets for a delayed link go over a veth
pair, d0 to d1, both in this namespace, come in again as strangers, and are held in FORWARD:
like netem, the delay then owns them.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import IPRoute

from stack.delay import nfqueue
from stack.delay.netem import Counters

QUEUE = 1
_VIA = "198.18.255.1"  # a next hop that exists only as d0's permanent neighbour
_FIRST_TABLE = 101
_LARGEST_MTU = 65_535  # that a veth device takes; loopback has one byte more
MOMENTS, MOMENT_S = 6, 0.02


@dataclass(frozen=True)
class DelayedLink:
    """A link whose outgoing packets are delayed: its device, own address, and network."""

    device: str
    address: str
    prefix: int

    @property
    def network(self) -> str:
        """The network in CIDR form."""
        return str(ipaddress.ip_interface(f"{self.address}/{self.prefix}").network)


def _sysctl(name: str, value: int) -> None:
    path = Path("/proc/sys/net/ipv4") / name
    # a container may be given these as `sysctls:` with /proc/sys read-only
    if path.read_text().strip() != str(value):
        path.write_text(f"{value}\n")


def iptables(*arguments: str) -> str:
    """What iptables-legacy prints in this namespace. OSError, with what it said, if it fails."""
    command = shutil.which("iptables-legacy") or "iptables-legacy"
    # in a folder of its own: others could put a link where they know the name
    with tempfile.TemporaryDirectory(prefix="xtables-") as folder:
        environment = {**os.environ, "XTABLES_LOCKFILE": f"{folder}/lock"}
        try:
            done = subprocess.run(
                [command, *arguments], env=environment, capture_output=True, text=True, timeout=20
            )
        except FileNotFoundError:
            raise OSError("iptables-legacy is not installed") from None
    if done.returncode:
        raise OSError(f"iptables-legacy {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _lay(links: Sequence[DelayedLink]) -> None:
    with IPRoute() as route:
        route.link("add", ifname="d0", kind="veth", peer={"ifname": "d1"})
        d0, d1 = (route.link_lookup(ifname=name)[0] for name in ("d0", "d1"))
        mtu = min(_LARGEST_MTU, *(_mtu(route, link.device) for link in links))
        for index in (d0, d1):
            # what is cut for the detour must fit the links behind it: overlays have less
            route.link("set", index=index, state="up", txqlen=10_000, mtu=mtu)
        for name, value in (
            ("ip_forward", 1),
            ("conf/all/rp_filter", 0),
            ("conf/all/send_redirects", 0),
            *(
                (f"conf/{d}/{key}", 0)
                for d in ("d0", "d1")
                for key in ("rp_filter", "send_redirects")
            ),
            *((f"conf/{link.device}/rp_filter", 0) for link in links),
            ("conf/d1/accept_local", 1),
        ):
            _sysctl(name, value)
        mac = route.get_links(d1)[0].get_attr("IFLA_ADDRESS")
        route.neigh("add", dst=_VIA, lladdr=mac, ifindex=d0, state="permanent")
        for table, link in enumerate(links, _FIRST_TABLE):
            route.route(
                "add",
                dst=link.network,
                gateway=_VIA,
                oif=d0,
                prefsrc=link.address,
                flags=4,  # RTNH_F_ONLINK: the next hop needs no address of ours
                table=table,
            )
            route.rule("add", table=table, priority=table, dst=link.network, iifname="lo")


def _mtu(route: IPRoute, device: str) -> int:
    """The largest packet (bytes) that a device sends."""
    return int(route.get_links(route.link_lookup(ifname=device)[0])[0].get_attr("IFLA_MTU"))


def _passed(chain: str) -> int:
    """Packets that the counting rules of a chain have seen so far: those without a target."""
    listed = iptables("-w", "-t", "mangle", "-L", chain, "-v", "-x", "-n").splitlines()[2:]
    # packets, bytes, then the target's name where there is one; "all" is the protocol
    rows = [line.split() for line in listed if line.strip()]
    return sum(int(row[0]) for row in rows if row[2] in ("all", "0"))


class Detour:
    """The detour with its consumer process."""

    name = "nfqueue"

    def __init__(self, links: Sequence[DelayedLink], delay_ms: float) -> None:
        """Raises OSError or NetlinkError where the kernel or the rights do not allow it."""
        self._tally = nfqueue.Tally()
        netlink = nfqueue.open_queue(QUEUE)
        _lay(links)
        # rules without a target only count
        iptables("-w", "-t", "mangle", "-A", "PREROUTING", "-i", "d1")
        for link in links:
            iptables("-w", "-t", "mangle", "-A", "POSTROUTING", "-o", link.device)
            iptables(
                *("-w", "-t", "mangle", "-A", "FORWARD", "-i", "d1", "-o", link.device),
                *("-j", "NFQUEUE", "--queue-num", str(QUEUE)),
            )
        self._consumer = os.fork()
        if self._consumer == 0:
            self._consume(netlink, delay_ms)
        netlink.close()

    def _consume(self, netlink: socket.socket, delay_ms: float) -> None:
        nfqueue.real_time()
        try:
            nfqueue.hold(netlink, QUEUE, delay_ms, self._tally)
        finally:
            os._exit(1)

    def counters(self) -> Counters:
        """What passed the queue, and whether the consumer still runs."""
        alive = os.waitpid(self._consumer, os.WNOHANG)[0] == 0 if self._consumer else False
        if not alive:
            self._consumer = 0
        return dataclasses.replace(self._tally.read(), alive=alive)

    def missing_packets(self) -> int:
        """Packets that entered the detour and neither left it nor wait in it.

        By the kernel's packet filter, before and behind the queue: whoever dropped them. Taken
        at the quietest of a few moments, as the three counts cannot be read at once.
        """
        found = []
        for _ in range(MOMENTS):
            entered = _passed("PREROUTING")
            waiting = self._tally.read().backlog
            found.append(entered - _passed("POSTROUTING") - waiting)
            time.sleep(MOMENT_S)
        return max(0, min(found))

    def close(self) -> None:
        """Ends the consumer; from then on the kernel drops what it would have held."""
        if self._consumer:
            os.kill(self._consumer, signal.SIGKILL)
            os.waitpid(self._consumer, 0)
            self._consumer = 0
