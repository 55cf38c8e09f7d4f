"""The delay role's JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class LinkSpec:
    """A link out of the app's host. `peer`: the address that its path is measured to."""

    name: str
    address: str
    prefix: int
    peer: str
    delayed: bool


@dataclass(frozen=True)
class DelaySpec:
    """What to delay, by `mechanism`: auto, netem or nfqueue."""

    delay_ms: float
    mechanism: str = "auto"
    interval_s: float = 1.0
    """From one measured round trip of each path to the next."""
    base: bool = False
    """Whether the paths have a length of their own, which is measured before any delay is set."""
    links: tuple[LinkSpec, ...] = field(kw_only=True)

    @property
    def peers(self) -> dict[str, str]:
        """By link, the address that its path is measured to."""
        return {link.name: link.peer for link in self.links}


def read_spec(path: Path) -> DelaySpec:
    """The spec in a JSON file; TypeError where it has other keys."""
    data = json.loads(path.read_text())
    return DelaySpec(links=tuple(LinkSpec(**link) for link in data.pop("links")), **data)
