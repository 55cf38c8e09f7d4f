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


def iptables(*arguments: str) -> None:
    """Runs iptables-legacy in this namespace. OSError, with what it said, where it fails."""
    command = shutil.which("iptables-legacy") or "iptables-legacy"
    environment = {**os.environ, "XTABLES_LOCKFILE": f"/tmp/xtables-{os.getpid()}.lock"}
    try:
        done = subprocess.run(
            [command, *arguments], env=environment, capture_output=True, text=True, timeout=20
        )
    except FileNotFoundError:
        raise OSError("iptables-legacy is not installed") from None
    finally:
        Path(environment["XTABLES_LOCKFILE"]).unlink(missing_ok=True)
    if done.returncode:
        raise OSError(f"iptables-legacy {' '.join(arguments)}: {done.stderr.strip()}")


def _lay(links: Sequence[DelayedLink]) -> None:
    with IPRoute() as route:
        route.link("add", ifname="d0", kind="veth", peer={"ifname": "d1"})
        d0, d1 = (route.link_lookup(ifname=name)[0] for name in ("d0", "d1"))
        for index in (d0, d1):
            route.link("set", index=index, state="up", txqlen=10_000)
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


def _index_of(device: str) -> int:
    with IPRoute() as route:
        return int(route.link_lookup(ifname=device)[0])


def _of_ipv6(device: str) -> int:
    """Packets of IPv6, which greets its neighbours on every new link and is not delayed."""
    path = Path("/proc/self/net/dev_snmp6") / device
    if not path.exists():
        return 0
    found = dict(line.split() for line in path.read_text().splitlines())
    return int(found.get("Ip6InReceives", 0))


def _passed(d1: int) -> tuple[int, int]:
    """Packets of IPv4 that came in on d1, and packets that this namespace has forwarded, so far."""
    with IPRoute() as route:
        entered = route.get_links(d1)[0].get_attr("IFLA_STATS64")["rx_packets"]
    entered -= _of_ipv6("d1")
    lines = Path("/proc/self/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Ip:"))
    return int(entered), int(values[names.index("ForwDatagrams")])


class Detour:
    """The detour with its consumer process."""

    name = "nfqueue"

    def __init__(self, links: Sequence[DelayedLink], delay_ms: float) -> None:
        """Raises OSError or NetlinkError where the kernel or the rights do not allow it."""
        self._tally = nfqueue.Tally()
        netlink = nfqueue.open_queue(QUEUE)
        _lay(links)
        for link in links:
            iptables(
                *("-w", "-t", "mangle", "-A", "FORWARD", "-i", "d1", "-o", link.device),
                *("-j", "NFQUEUE", "--queue-num", str(QUEUE)),
            )
        self._d1 = _index_of("d1")
        self._before = _passed(self._d1)
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

        Independent of the queue's own count: whoever dropped them. Taken at the quietest of a few
        moments, as the three counts cannot be read at once.
        """
        found = []
        for _ in range(MOMENTS):
            waiting = self._tally.read().backlog
            entered, left = _passed(self._d1)
            found.append((entered - self._before[0]) - (left - self._before[1]) - waiting)
            time.sleep(MOMENT_S)
        return max(0, min(found))

    def close(self) -> None:
        """Ends the consumer; from then on the kernel drops what it would have held."""
        if self._consumer:
            os.kill(self._consumer, signal.SIGKILL)
            os.waitpid(self._consumer, 0)
            self._consumer = 0
