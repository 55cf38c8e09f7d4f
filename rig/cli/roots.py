"""Where targets and the catalogue of routes are looked for. May not know what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rig.backends.specs import PROJECT

OWN = (PROJECT, PROJECT / "examples")
"""The rig's own folders of targets."""
ROUTES_FILE = PROJECT / "stack" / "routes.yaml"


def others(roots: Sequence[Path]) -> list[Path]:
    """Those of `roots` that are not the rig's own."""
    return [root for root in roots if root not in OWN]
