"""A target's `services`: what it needs beside its database.

May not know PyYAML, nor how a service is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from rig import plan
from rig.config.document import Entry, Items, Map, Node, Scalar
from rig.config.findings import one_of
from rig.config.placeholders import PLACEHOLDERS, Template, Variable, VariableValue
from rig.config.sections import Section, at, together, wrong
from rig.config.values import Fits, Matching, Optional, Some, UrlPath
from rig.factors import Natural, services

MOST = 10
PortNumber = Annotated[int, Fits(Natural(1, 65_535))]
ServiceName = Annotated[
    str,
    Matching("[a-z][a-z0-9_]{0,30}", "a name of small letters, digits and `_`, 31 long at most"),
]


class Ready(Section):
    """What shows that a service serves."""

    port: Optional[PortNumber] = None
    path: Optional[UrlPath] = None


class Service(Section):
    """A server on a host of its own; nothing is said of one that the rig has itself."""

    start: Optional[Some[Template]] = None
    port: Optional[PortNumber] = None
    env: dict[Variable, VariableValue] = Field(default_factory=dict)
    ready: Ready = Field(default_factory=Ready)

    def planned(self, name: str) -> plan.Service:
        """The service under its name."""
        if self.start is None or self.port is None:
            return services.SERVICES[name]
        return plan.Service(
            name=name,
            start=self.start,
            port=self.port,
            env=self.env,
            ready_port=self.ready.port or 0,
            ready_path=self.ready.path or "",
        )


def _sound(found: Mapping[str, Service]) -> Mapping[str, Service]:
    """Each says how it is started, unless the rig has it; no two placeholders are the same."""
    problems = []
    for name, one in found.items():
        if taken := [word for word in services.words(name) if word in PLACEHOLDERS]:
            problem = wrong("a service cannot be called that: `{{{taken}}}` is the rig's own",
                            "give it another name", taken=taken[0])  # fmt: skip
            problems.append(at((name,), problem))
        elif name in services.SERVICES and one.model_fields_set:
            what = "the rig starts `{service}` itself, so it takes no keys"
            problems.append(at((name,), wrong(what, "give your own another name", service=name)))
        elif name not in services.SERVICES and (one.start is None or one.port is None):
            what = "service `{service}` needs `start` and `port`"
            do = f"the rig itself has {one_of(tuple(services.SERVICES))}"
            problems.append(at((name,), wrong(what, do, service=name)))
    if len(found) > MOST:
        problems.append(at((), wrong(f"`{{name}}` has more than {MOST}")))
    if problems:
        raise together(problems)
    return found


class _OrNames:
    """Metadata: in a file, names of the rig's own may stand in a list."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        names = {"type": "array", "items": {"enum": list(services.SERVICES)}}
        return {"anyOf": [names, handler(core)]}


Services = Annotated[dict[ServiceName, Service], AfterValidator(_sound), _OrNames()]


def by_name(node: Node) -> Node:
    """A list of names as the map that it is short for; any other node as it is."""
    if not isinstance(node, Items):
        return node
    if not all(isinstance(item, Scalar) for item in node.items):
        return node
    names = [item for item in node.items if isinstance(item, Scalar)]
    entries = {one.text: Entry(one.place, Map(one.text, one.place, {})) for one in names}
    return Map(node.name, node.place, entries)
