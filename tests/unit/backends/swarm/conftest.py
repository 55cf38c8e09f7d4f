"""What the tests of a Swarm share."""

from __future__ import annotations

from tests.unit.backends.swarm.engines import engines

__all__ = ["engines"]
