"""Hosts that start nothing: addresses as the local backend gives them, folders below `root`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.base import Observed, Programs, RoleSpec, spec_file
from rig.backends.local import network
from rig.backends.processes import Process
from rig.backends.specs import (
    Secrets,
    app_spec,
    command_spec,
    database_spec,
    delay_spec,
    load_spec,
    pooler_spec,
    template_spec,
)
from rig.disk.facts import NodeFacts
from rig.endpoints import Endpoints
from rig.model import Link, Role
from rig.plan import Plan


@dataclass(frozen=True)
class PaperHosts:
    """Knows where everything would be."""

    root: Path
    extensions: tuple[str, ...] = ()
    own_python: str = ""
    own_path: str = ""

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Process:
        raise AssertionError("nothing is started here")

    def settle(self, role: Role) -> None:
        raise AssertionError("nothing has started here")

    def address(self, role: Role, link: Link, index: int = 0) -> str:
        return network.address_of(role, link, index)

    far = False

    def peer(self, role: Role, link: Link) -> str:
        return self.address(role, link)

    def out(self, role: Role, index: int = 0) -> Path:
        return self.root / f"{role}-{index}"

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        return network.address_of(role, network.LINKS[role][0], index), port

    def node(self, role: Role, index: int = 0) -> str:
        return ""

    def machine(self, node: str) -> NodeFacts:
        return {}

    def observed(self, endpoints: Endpoints) -> Observed:
        return Observed(here=endpoints)

    def inside(self, path: Path) -> str:
        return str(path)

    def cluster(self) -> str:
        return str(self.root / "cluster")

    def layout(self) -> Programs:
        own = self.own_python, self.own_path
        return Programs(
            "/python", "/postgres/bin", "18.0", "/pgbouncer", *own, extensions=self.extensions
        )


PASSWORDS = {"superuser": "the-superusers-password", "app": "the-apps-password"}


def secrets(root: Path) -> Secrets:
    """Real files with `PASSWORDS`."""
    for name, text in PASSWORDS.items():
        (root / name).write_text(text)
    (root / "pgpass").write_text(f"*:*:*:*:{PASSWORDS['app']}\n")
    return Secrets(root / "superuser", root / "app", root / "pgpass")


def every_spec(plan: Plan, root: Path) -> dict[str, Any]:
    """What each role of a plan is told, as its file says."""
    hosts, kept = PaperHosts(root), secrets(root)
    specs: dict[str, RoleSpec] = {
        "database": database_spec(plan, hosts, kept, str(root / "template")),
        "template": template_spec(hosts, kept, str(root / "template"), exists=False),
        "app": app_spec(plan, hosts, kept, prepared=True),
        "seed": command_spec(plan, hosts, kept, plan.target.seed),
        "load": load_spec(plan, hosts),
        "delay": delay_spec(plan, hosts),
    }
    if plan.pooler != "direct":
        specs["pooler"] = pooler_spec(plan, hosts, kept)
    return {name: json.loads(spec_file(spec)) for name, spec in specs.items()}
