"""Which worker of pytest-xdist runs what.

The tests of a file stay together, so that none of its fixtures is made twice; so do the files of
a folder that share one Postgres. In the order in which they were found: what is slow stands in
front, and the many short ones of `unit` fill the end.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SHARES_A_SERVER = "tests/contract/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it declares no types
    """Hands out files."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return SHARES_A_SERVER if nodeid.startswith(SHARES_A_SERVER) else nodeid.partition("::")[0]
