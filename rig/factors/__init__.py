"""What can be varied. A factor is a pure function Draft x level -> Draft, registered once.

Its YAML check, slug, column and axis label all derive from its registration in
`rig/factors/registry.py`. May not know YAML, backends or records.
"""

from rig.factors.levels import Choice, Levels, Natural, Number
from rig.factors.registry import (
    FACTORS,
    Factor,
    apply,
    bind,
    impossible,
    label_of,
    of_every_cell,
    slug_of,
)

__all__ = [
    "FACTORS",
    "Choice",
    "Factor",
    "Levels",
    "Natural",
    "Number",
    "apply",
    "bind",
    "impossible",
    "label_of",
    "of_every_cell",
    "slug_of",
]
