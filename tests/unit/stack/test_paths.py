"""Round trips of a path on this machine's own loopback, and where nobody is."""

from __future__ import annotations

import errno

import pytest

from stack.delay import paths


def test_a_closed_port_answers_at_once() -> None:
    rounds = paths.measure({"front": "127.0.0.1"}, 3, 0.0, 2.0)
    assert len(paths.rtts_ms(rounds, "front")) == 3


def test_a_peer_that_is_gone_is_a_round_without_an_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a kernel says of a refused connect, taken for what it says of a host that left."""
    monkeypatch.setattr(paths, "GONE", (errno.ECONNREFUSED,))
    rounds = paths.measure({"front": "127.0.0.1"}, 2, 0.0, 2.0)
    assert [(one.link, one.rtt_ms) for one in rounds] == [("front", None)] * 2
