"""What is changed of the HTTP client, on real sockets; tests/pipeline has the rest."""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from rig.load.users.client import is_alive

BEYOND_SELECT = 1024


@pytest.fixture(params=[0, BEYOND_SELECT])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets, the first with a descriptor from this one on."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], 2 * BEYOND_SELECT), limits[1]))
    low, far = socket.socketpair()
    own = socket.socket(fileno=fcntl.fcntl(low.detach(), fcntl.F_DUPFD, request.param))
    with own, far:
        yield own, far
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_an_idle_connection_stands(pair: tuple[socket.socket, socket.socket]) -> None:
    assert is_alive(pair[0])


def test_one_that_was_closed_does_not(pair: tuple[socket.socket, socket.socket]) -> None:
    own, far = pair
    far.close()
    assert not is_alive(own)
    own.close()
    assert not is_alive(own)
    assert not is_alive(None)


def test_nor_one_with_an_answer_that_nobody_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    own, far = pair
    os.write(far.fileno(), b"late")
    assert not is_alive(own)
