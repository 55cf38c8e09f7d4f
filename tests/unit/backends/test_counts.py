"""Rows to ranges of requests."""

from __future__ import annotations

from rig.backends.counts import tally
from rig.evidence.ledger import Written


def test_a_tally_names_requests_and_counts_what_came_twice() -> None:
    found = tally(["0-1", "0-2", "1-5", "0-2", "verify-0", "Post 7"])
    assert found == Written({"0": ((1, 2),), "1": ((5, 5),)}, rows_twice=1)
