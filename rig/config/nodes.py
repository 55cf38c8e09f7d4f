"""A nodes file: the machines of a Swarm, and which role stands on which.

May not know PyYAML, nor how a machine is reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from rig import nodes as plain
from rig.config.document import Map, Node, read
from rig.config.findings import Findings, ReadError
from rig.config.sections import Context, Section, validated, wrong
from rig.config.values import Fits, Keywords, Matching, Optional, SomeDistinct
from rig.factors import Choice, Natural

MOST = 64
NodeName = Annotated[
    str, Matching("[a-z0-9][a-z0-9-]{0,30}", "a name of small letters, digits and `-`, 31 long")
]
ContextName = Annotated[
    str,
    Matching(
        r"([A-Za-z0-9][A-Za-z0-9_.+-]{0,99}|(ssh|tcp|unix)://[^\s]{1,300})",
        "a Docker context's name, or an address such as ssh://USER@HOST",
    ),
]
Registry = Annotated[
    str,
    Matching(
        r"[a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]{0,99}){0,5}",
        "a registry's address as images have it, such as registry.lab:5000/rig",
    ),
]
Mtu = Annotated[int, Fits(Natural(576, 8950))]


OneNode = Annotated[str, Fits(Choice(), "node")]


class Machine(Section):
    """A machine, by how Docker's command line reaches its engine."""

    context: ContextName


class Place(Section):
    """Each role's node; the rig proposes one for a role that is absent."""

    app: Optional[OneNode] = None
    database: Optional[OneNode] = None
    pooler: Optional[OneNode] = None
    load_master: Optional[OneNode] = None
    load_worker: Optional[SomeDistinct[OneNode]] = None


def _several(found: Mapping[str, Machine]) -> Mapping[str, Machine]:
    if not found:
        raise wrong("`{name}` expects at least one node")
    if len(found) > MOST:
        raise wrong(f"`{{name}}` has more than {MOST}")
    return found


class NodesFile(Section):
    """The file as a whole."""

    nodes: Annotated[
        dict[NodeName, Machine], AfterValidator(_several), Keywords({"minProperties": 1})
    ]
    place: Place = Field(default_factory=Place)
    lost_load_node: Annotated[str, Fits(Choice(("stop", "go_on")))] = "stop"
    mtu_bytes: Mtu = plain.OVERLAY_MTU_BYTES
    registry: Optional[Registry] = None

    def placed(self, path: Path) -> plain.Nodes:
        """As the backend takes it."""
        machines = {name: plain.Node(name, one.context) for name, one in self.nodes.items()}
        given = {name: getattr(self.place, name) for name in Place.model_fields}
        return plain.Nodes(
            machines,
            plain.placed(tuple(machines), **given),
            # a pooler beside its database, and a master beside its workers, are no choice
            proposed=not (given["app"] and given["database"] and given["load_worker"]),
            go_on_without=self.lost_load_node == "go_on",
            mtu_bytes=self.mtu_bytes,
            registry=self.registry or "",
            file=str(path.absolute()),
        )


def read_nodes(path: Path) -> plain.Nodes:
    """The nodes in a file. BadYaml with every problem in it."""
    findings = Findings()
    try:
        document = read(path)
        findings.add(document.findings)
        found = validated(NodesFile, document.root, Context(names={"node": _names(document.root)}))
    except ReadError as error:
        findings.add(error.findings)
        findings.raise_any()
        raise
    findings.raise_any()
    return found.placed(path)


def _names(root: Node) -> tuple[str, ...]:
    entry = root.entries.get("nodes") if isinstance(root, Map) else None
    return tuple(entry.node.entries) if entry and isinstance(entry.node, Map) else ()
