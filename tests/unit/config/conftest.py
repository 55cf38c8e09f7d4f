from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rig.config import Matrix, read_targets
from rig.config.document import parse
from rig.config.experiment import matrix_of
from rig.plan import Target

ROOT = Path(__file__).parents[3]

GOOD = """\
experiment: small
claim:
  says: Async is faster.
  ratio: {of: goodput_rps, target: [async, sync]}
  at_least: 2
setup:
  pooler: direct
  app_threads: 1
vary:
  route: [cpu, io_create]
  target: [sync, async]
  delay_ms: [0, 100]
also:
  cap:
    because: the cap lifted
    only: {target: [async], delay_ms: [100]}
    set: {max_connections: 1000}
load:
  users: {from: 5, per_s: 5, to: 50}
  steady: 8s
data: {posts: 1_000, cpu_n: 100}
design: {repeats: 2, seed: 7}
profiles:
  paper: {}
  quick:
    vary: {delay_ms: [100]}
    load:
      steady: 2s
"""

Read = Callable[..., Matrix]


@pytest.fixture(scope="session")
def targets() -> Mapping[str, Target]:
    """The project's own targets, sync and async."""
    return read_targets([ROOT], ROOT / "stack/routes.yaml")


@pytest.fixture
def read(targets: dict[str, Target]) -> Read:
    """Reads GOOD, or a text of its own, with some passages replaced."""

    def read_text(
        *changes: tuple[str, str], text: str = GOOD, profile: str | None = None
    ) -> Matrix:
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        document = parse(text, "experiments.yaml")
        return matrix_of(document, profile=profile, targets=targets)

    return read_text
