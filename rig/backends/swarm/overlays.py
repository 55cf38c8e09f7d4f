"""The links between nodes: overlay networks of the session, with addresses of ours.

Attachable, so that containers of any node may stand in them with a fixed address; internal, so that
nothing but the nodes is in reach; never encrypted, and never with a virtual address in between.
"""

from __future__ import annotations

from collections.abc import Iterable

from rig.backends.docker.engine import LABEL
from rig.backends.docker.images import FIXED
from rig.backends.parallel import in_parallel
from rig.backends.swarm.swarm import Member
from rig.model import Link, Role
from rig.plan import Plan

NETWORKS = {
    Link.FRONT: "198.18.45",
    Link.DATA: "198.18.46",
    Link.CONTROL: "198.18.47",
    Link.SERVICES: "198.18.44",
}
LINKS = {
    Role.APP: (Link.FRONT, Link.DATA),
    Role.DATABASE: (Link.DATA,),
    Role.POOLER: (Link.DATA,),
    Role.LOAD_MASTER: (Link.FRONT, Link.CONTROL),
    Role.LOAD_WORKER: (Link.FRONT, Link.CONTROL),
    Role.SERVICE: (Link.DATA, Link.SERVICES),
}
"""The links on which a role stands; the app, where its target has services, on theirs as well."""
ALWAYS = (Link.CONTROL, Link.FRONT, Link.DATA)
"""The links of every session."""
FIRST_LOAD_WORKER, MOST_LOAD_WORKERS = 30, 64
MOST_LOSSES = 1
"""Of load nodes in one session: what a lost one had, the Swarm gives to nobody else."""
FIRST_AGENT = 200
VXLAN_BYTES = 50
"""Docker's option is the MTU of the machines' own network, from which it takes so much itself."""
# the Swarm gives each node an address of its own in every network
_SPARE = "224/27"


def address(role: Role, link: Link, index: int = 0, losses: int = 0) -> str:
    """A role's address on a link. `losses` of load nodes, whose addresses are still taken."""
    last = FIXED.get(role, 0) + index
    if role == Role.LOAD_WORKER:
        last = FIRST_LOAD_WORKER + MOST_LOAD_WORKERS * losses + index
    elif role == Role.LOAD_MASTER:
        last += losses
    return f"{NETWORKS[link]}.{last}"


def address_of_agent(link: Link, number: int) -> str:
    """The address of a node's agent; `number` is the node's among the session's."""
    return f"{NETWORKS[link]}.{FIRST_AGENT + number}"


def name(session: str, link: Link) -> str:
    """Of the session's network for a link."""
    return f"{session}_{link}"


def links_of(plans: Iterable[Plan]) -> tuple[Link, ...]:
    """The links of a session with these plans."""
    return (*ALWAYS, Link.SERVICES) if any(plan.target.services for plan in plans) else ALWAYS


def lay(manager: Member, session: str, mtu_bytes: int, links: Iterable[Link]) -> None:
    """Makes the session's networks. StackError."""

    def one(link: Link) -> None:
        subnet = NETWORKS[link]
        manager.engine.docker(
            *("network", "create", "--driver", "overlay", "--attachable", "--internal"),
            *("--label", f"{LABEL}={session}"),
            *("--subnet", f"{subnet}.0/24", "--ip-range", f"{subnet}.{_SPARE}"),
            *("--opt", f"com.docker.network.driver.mtu={mtu_bytes + VXLAN_BYTES}"),
            name(session, link),
        )

    in_parallel(one, links)
