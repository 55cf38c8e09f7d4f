"""A real listener, looked at over netlink and in the kernel's table."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rig.probes.sockets import AppSockets, by_text

BACKLOG = 5


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as made:
        yield made


def table_only(tmp_path: Path) -> Path:
    """A /proc without namespaces: where those may not be entered."""
    (tmp_path / "1" / "net").mkdir(parents=True)
    (tmp_path / "1" / "net" / "tcp").symlink_to("/proc/self/net/tcp")
    return tmp_path


@pytest.mark.parametrize("entered", [True, False])
def test_open_connections_and_the_backlog(
    entered: bool, listener: socket.socket, tmp_path: Path
) -> None:
    if entered and os.geteuid() != 0:
        pytest.skip("only root may enter a namespace")
    port = listener.getsockname()[1]
    where = (os.getpid(), port) if entered else (1, port, table_only(tmp_path))
    probe = AppSockets(*where)
    limit = BACKLOG if entered else None
    with ExitStack() as clients:
        assert list(probe.sample(1.0)) == [(1.0, 0, 0, limit)]
        for _ in range(3):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert list(probe.sample(2.0)) == [(2.0, 3, 3, limit)]
        clients.enter_context(listener.accept()[0])
        assert list(probe.sample(3.0)) == [(3.0, 3, 2, limit)]
    probe.close()


def test_what_is_closed_or_elsewhere_is_not_counted() -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue\n"
    lines = [
        "0: 0100007F:1F40 00000000:0000 0A 00000000:0000000C",
        "1: 0100007F:1F40 0100007F:8000 01 00000000:00000000",
        "2: 0100007F:1F40 0100007F:8001 08 00000000:00000001",
        "3: 0100007F:1F40 0100007F:8002 06 00000000:00000000",
        "4: 0100007F:8000 0100007F:1F40 01 00000000:00000000",
        "5: 0100007F:1F41 00000000:0000 0A 00000000:00000009",
    ]
    seen = by_text(head + "\n".join(lines) + "\n", 0x1F40)
    assert (seen.open, seen.backlog, seen.backlog_limit) == (2, 12, None)


def test_an_app_that_is_gone_is_a_failed_sample(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="tcp"):
        list(AppSockets(1, 8000, tmp_path).sample(1.0))
