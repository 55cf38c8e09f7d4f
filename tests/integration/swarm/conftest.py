"""One Swarm for all tests here: to make it and to hand over the images takes a minute."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.swarm.lab import Lab, lab


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three engines, and nothing of a session on them."""
    with lab(tmp_path_factory.mktemp("swarm")) as made:
        yield made
