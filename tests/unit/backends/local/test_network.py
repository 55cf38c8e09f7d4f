"""Who has which address."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from rig.backends.local.network import LINKS, NETWORKS, RUNNER, address_of, host_of, hosts_of
from rig.config.matrix import MOST_LOAD_WORKERS
from rig.model import Link, Role
from tests.unit.plans import PLAN

BENCHMARKING = ip_network("198.18.0.0/15")
LARGEST = replace(PLAN, pooler="pgbouncer", load=replace(PLAN.load, load_workers=MOST_LOAD_WORKERS))


def test_every_host_has_its_own_name_and_addresses() -> None:
    hosts = hosts_of(LARGEST)
    assert len({host_of(*host) for host in hosts}) == len(hosts)
    addresses = [address_of(role, link, index) for role, index in hosts for link in LINKS[role]] + [
        f"{network}.{RUNNER}" for network in NETWORKS.values()
    ]
    assert len(set(addresses)) == len(addresses)
    assert all(ip_address(address) in BENCHMARKING for address in addresses)


def test_only_the_app_stands_on_both_links_that_can_be_delayed() -> None:
    both = {role for role, links in LINKS.items() if {Link.FRONT, Link.DATA} <= set(links)}
    assert both == {Role.APP}
    assert Link.CONTROL not in LINKS[Role.APP]


def test_the_delay_works_in_the_apps_host() -> None:
    assert host_of(Role.DELAY) == host_of(Role.APP)
    assert address_of(Role.DELAY, Link.DATA) == address_of(Role.APP, Link.DATA)


@pytest.mark.parametrize(
    ("role", "link"),
    [(Role.DATABASE, Link.FRONT), (Role.LOAD_WORKER, Link.DATA), (Role.APP, Link.CONTROL)],
)
def test_who_is_not_on_a_link_has_no_address_there(role: Role, link: Link) -> None:
    with pytest.raises(KeyError, match=f"{role} is not on {link}"):
        address_of(role, link)


def test_a_pooler_has_a_host_only_where_there_is_one() -> None:
    assert (Role.POOLER, 0) in hosts_of(LARGEST)
    assert (Role.POOLER, 0) not in hosts_of(PLAN)


def test_names_of_devices_fit_into_the_kernels_15_characters() -> None:
    for role, index in hosts_of(LARGEST):
        for link in LINKS[role]:
            assert len(f"{link[:5]}-{host_of(role, index)[-8:]}") <= 15
