"""How roles are made on nodes: somebody's code, a service, a Locust file; the agents are real."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rig.backends.base import RoleSpec
from rig.backends.docker.engine import Engine
from rig.backends.docker.needs import Needs
from rig.backends.processes import Piped
from rig.backends.specs import app_spec, delay_spec, load_spec, make_secrets, service_spec
from rig.backends.swarm import overlays
from rig.backends.swarm.agent import SOURCE, NodeAgent
from rig.backends.swarm.containers import Ends
from rig.backends.swarm.hosts import SwarmHosts
from rig.backends.swarm.session import SessionNode, SwarmSession
from rig.factors.services import SERVICES
from rig.model import Link, Role
from rig.nodes import Placement
from rig.plan import LocustFile, Plan, Service
from rig.route import File
from tests.unit.plans import PLAN

PLACE = Placement("sut", "db", "db", "load", ("load",))
ASKED: dict[str, Any] = {
    "target": {"command": ["app.json"], "cap_drop": ["ALL"]},
    "service_1": {"command": ["service.json"], "entrypoint": ["python3", "-P"], "user": "rig"},
    "locust_master": {"command": ["load.json"]},
}
IMAGES = ("own", "async-django-rig/redis", "async-django-rig/locust-master")


class Lab:
    """Nodes whose engine notes what it is told, and whose agents are processes of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.agents: list[NodeAgent] = []

    def node(self, name: str, number: int) -> SessionNode:
        there = self.folder / name
        there.mkdir()
        command = [sys.executable, "-P", "-s", "-c", SOURCE.read_text(), str(there)]
        node = SessionNode.__new__(SessionNode)
        node.name, node.number, node.folder = name, number, str(there)
        node.engine, node.agent_name = Engine(name), f"agent-{number}"
        node.ends = Ends(node.engine, "s", self.folder / f"{name}.ends")
        node.agent = NodeAgent(name, Piped(command, self.folder / f"{name}.log"))
        node._given = {}
        self.agents.append(node.agent)
        return node

    def hosts(self, plan: Plan, load_packages: str = "") -> SwarmHosts:
        nodes = {name: self.node(name, number) for number, name in enumerate(PLACE.names)}
        session = SimpleNamespace(
            name="s", nodes=nodes, ids={name: f"sha256:{name}" for name in IMAGES}, losses=0,
            links=overlays.links_of([plan]), check=lambda: None,
            facts={name: {"cpus": [0, 1]} for name in nodes},
        )  # fmt: skip
        needs = Needs("own", load_packages=load_packages)
        secrets, here = make_secrets(self.folder / "secrets"), self.folder / "here"
        told = cast("SwarmSession", session)
        self.secrets = secrets
        return SwarmHosts(told, PLACE, plan, needs, secrets, ASKED, here)

    def said(self, what: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.startswith(what)]

    def made(self, hosts: SwarmHosts, role: Role, spec: RoleSpec, index: int = 0) -> str:
        """The words with which a role's container is made."""
        hosts.start(role, spec, index)
        hosts._pool.shutdown()
        name = f"-{role}-{index + 1} "
        (words,) = [line for line in self.said("create") if name in line]
        return words


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path)
    (tmp_path / "docker").write_text(f'#!/bin/sh\necho "$*" >> {made.log}\n')
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    yield made
    for agent in made.agents:
        agent.close()


def theirs(folder: Path, *services: Service, before: Sequence[str] = ()) -> Plan:
    shop = folder / "shop"
    (shop / "load").mkdir(parents=True)
    (shop / "manage.py").write_text("# theirs")
    (shop / "load" / "locustfile.py").write_text("# theirs, too")
    before_start = (tuple(before),) if before else ()
    target = replace(PLAN.target, folder=str(shop), services=services, before_start=before_start)
    return replace(PLAN, target=target)


@pytest.mark.parametrize("before", [(), ("touch", "made")])
def test_a_target_is_given_to_its_node_and_changed_there_alone(
    lab: Lab, tmp_path: Path, before: Sequence[str]
) -> None:
    plan = theirs(tmp_path, before=before)
    hosts = lab.hosts(plan)
    words = lab.made(hosts, Role.APP, app_spec(plan, hosts, lab.secrets, prepared=True))
    given = tmp_path / "sut" / "given-1"
    assert (given / "manage.py").read_text() == "# theirs"
    read_only = "" if before else ",readonly"
    assert f"source={given},target=/project{read_only} " in words
    assert f"source={given},target=/target,readonly " in words
    assert words.endswith(" sha256:own app.json")
    assert not list((tmp_path / "db").glob("given-*"))
    assert bool(given.stat().st_mode & 0o002) is bool(before)


def test_a_service_stands_by_the_database_in_a_link_of_its_own(lab: Lab, tmp_path: Path) -> None:
    plan = theirs(tmp_path, SERVICES["redis"])
    hosts = lab.hosts(plan)
    words = lab.made(hosts, Role.SERVICE, service_spec(plan, hosts, lab.secrets, 0))
    assert "--entrypoint python3 " in words
    assert words.endswith(" sha256:async-django-rig/redis -P service.json")
    assert f"source={tmp_path}/db/service-1,target=/roles/service,readonly " in words
    assert "--network s_data --ip 198.18.46.20 " in words
    connected = [line for line in lab.said("network connect") if line.endswith("-service-1")]
    (connect,) = connected
    assert connect.startswith("network connect --ip 198.18.44.20 s_services ")
    delay = {link.name: link for link in delay_spec(plan, hosts).links}
    # the agent beside the service answers before it does
    assert delay["services"].peer == overlays.address_of_agent(Link.SERVICES, 1)
    assert delay["services"].address == "198.18.44.2"


def test_a_locust_file_and_what_it_imports_are_given_to_load_nodes(
    lab: Lab, tmp_path: Path
) -> None:
    plan = theirs(tmp_path)
    content = "# theirs, too"
    file = File("load/locustfile.py", sha256(content.encode()).hexdigest())
    target = replace(plan.target, locustfiles={"buyers": LocustFile(file)})
    plan = replace(plan, target=target, route_name="buyers")
    packages = tmp_path / "packages"
    (packages / "faker").mkdir(parents=True)
    hosts = lab.hosts(plan, str(packages))
    words = lab.made(hosts, Role.LOAD_MASTER, load_spec(plan, hosts))
    assert f"source={tmp_path}/load/given-1,target=/locust,readonly " in words
    assert f"source={tmp_path}/load/given-2,target=/locust-packages,readonly " in words
    assert (tmp_path / "load" / "given-1" / "load" / "locustfile.py").read_text() == content
    assert (tmp_path / "load" / "given-2" / "faker").is_dir()
