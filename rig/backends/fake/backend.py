"""Hands out simulated hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from rig.backends.base import Stack
from rig.backends.fake.stack import FakeStack
from rig.plan import Plan


class FakeBackend:
    """Simulated hosts; no deadline, no machine, no rights."""

    name = "fake"

    def unsupported_reason(self, plan: Plan) -> str:
        """A Locust file, which nothing but its users can tell the requests of."""
        return "the fake backend runs no Locust file" if plan.locustfile else ""

    @contextlib.contextmanager
    def up(self, plan: Plan) -> Iterator[Stack]:
        """Simulated hosts."""
        yield FakeStack(plan)

    def facts(self) -> Mapping[str, Any]:
        """No machine was measured."""
        return {"simulated": True}

    def close(self) -> None:
        """Holds nothing."""
