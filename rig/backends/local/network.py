"""Bridges and hosts. The bridges stand in the runner's own namespace, inside the sandbox.

pyroute2 takes a third of a second to load: it is imported where a network is laid.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rig.model import Link, Role, StackError
from rig.plan import Plan

if TYPE_CHECKING:
    from pyroute2 import IPRoute, NetNS

# addresses of 198.18.0.0/15, the benchmarking range; the runner is .1 everywhere
NETWORKS = {
    Link.FRONT: "198.18.0",
    Link.DATA: "198.18.1",
    Link.CONTROL: "198.18.2",
    Link.SERVICES: "198.18.3",
}
PREFIX_LENGTH = 24
RUNNER = 1
_HOSTS = {
    Role.APP: 2,
    Role.DATABASE: 3,
    Role.POOLER: 4,
    Role.LOAD_MASTER: 9,
    Role.LOAD_WORKER: 10,
    Role.SERVICE: 20,
}
LINKS = {
    Role.APP: (Link.FRONT, Link.DATA, Link.SERVICES),
    Role.DATABASE: (Link.DATA,),
    Role.POOLER: (Link.DATA,),
    Role.LOAD_MASTER: (Link.CONTROL,),
    Role.LOAD_WORKER: (Link.FRONT, Link.CONTROL),
    # what a service of the project's own does may need the database, too
    Role.SERVICE: (Link.SERVICES, Link.DATA),
}
SEVERAL = (Role.LOAD_WORKER, Role.SERVICE)
"""Roles with a host for each index."""


def host_of(role: Role, index: int = 0) -> str:
    """The name of a role's namespace; the delay works in the app's."""
    if role == Role.LOAD_WORKER:
        return f"load-{index + 1}"
    if role == Role.SERVICE:
        return f"service-{index + 1}"
    return str(Role.APP if role == Role.DELAY else role)


def address_of(role: Role, link: Link, index: int = 0) -> str:
    """A role's address on a link; KeyError where it has none."""
    role = Role.APP if role == Role.DELAY else role
    if link not in LINKS[role]:
        raise KeyError(f"{role} is not on {link}")
    return f"{NETWORKS[link]}.{_HOSTS[role] + index}"


def hosts_of(plan: Plan) -> list[tuple[Role, int]]:
    """Every host of a plan, as role and index."""
    pooler = [] if plan.pooler == "direct" else [(Role.POOLER, 0)]
    loads = [(Role.LOAD_WORKER, index) for index in range(plan.load.load_workers)]
    services = [(Role.SERVICE, index) for index, _ in enumerate(plan.target.services)]
    alone = [(Role.APP, 0), (Role.LOAD_MASTER, 0)]
    return [(Role.DATABASE, 0), *pooler, *services, *alone, *loads]


def lay(hosts: Iterable[tuple[Role, int]]) -> None:
    """Makes the bridges and, for each host, its namespace with its links up and addressed.

    StackError where the kernel refuses.
    """
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        _lay(hosts)
    except (NetlinkError, OSError) as error:
        raise StackError(f"the hosts' network could not be laid: {error}") from error


def _lay(hosts: Iterable[tuple[Role, int]]) -> None:
    from pyroute2 import IPRoute, NetNS, netns

    with IPRoute() as route:
        route.link("set", index=route.link_lookup(ifname="lo")[0], state="up")
        bridges = {link: _bridge(route, link) for link in NETWORKS}
        for role, index in hosts:
            name = host_of(role, index)
            netns.create(name)
            for link in LINKS[role]:
                _plug(route, name, link, bridges[link])
            with NetNS(name, flags=0) as inside:
                inside.link("set", index=1, state="up")
                for link in LINKS[role]:
                    _address(inside, link, address_of(role, link, index))


def mtu() -> dict[str, int]:
    """The largest packet of each link, in bytes."""
    from pyroute2 import IPRoute

    with IPRoute() as route:
        found = {link.get_attr("IFLA_IFNAME"): link for link in route.get_links(kind="bridge")}
        return {
            str(link): int(found[str(link)].get_attr("IFLA_MTU"))
            for link in NETWORKS
            if str(link) in found
        }


def clear() -> None:
    """Removes every host and bridge.

    The ports first, one by one: the kernel takes its time over a namespace that nobody is in
    any more, and the next trial's ports have the same names.
    """
    from pyroute2 import IPRoute, netns

    with IPRoute() as route:
        for kind in ("veth", "bridge"):
            for found in route.get_links(kind=kind):
                route.link("del", index=found["index"])
    for name in netns.listnetns():
        netns.remove(name)


def _bridge(route: IPRoute, link: Link) -> int:
    route.link("add", ifname=str(link), kind="bridge")
    index: int = route.link_lookup(ifname=str(link))[0]
    route.link("set", index=index, state="up")
    route.addr("add", index=index, address=f"{NETWORKS[link]}.{RUNNER}", prefixlen=PREFIX_LENGTH)
    return index


def _plug(route: IPRoute, host: str, link: Link, bridge: int) -> None:
    # an interface's name has 15 characters at most
    port = f"{link[:5]}-{host[-8:]}"
    route.link("add", ifname=port, kind="veth", peer={"ifname": str(link), "net_ns_fd": host})
    route.link("set", index=route.link_lookup(ifname=port)[0], master=bridge, state="up")


def _address(inside: NetNS, link: Link, address: str) -> None:
    index = inside.link_lookup(ifname=str(link))[0]
    inside.addr("add", index=index, address=address, prefixlen=PREFIX_LENGTH)
    inside.link("set", index=index, state="up", txqlen=10_000)
