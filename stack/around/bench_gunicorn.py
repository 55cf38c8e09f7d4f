"""gunicorn's configuration for every target; what varies comes from BENCH_*, the rest is fixed.

The worker class and its threads stand in the command.
"""

from __future__ import annotations

import os
from typing import Any

bind = os.environ.get("BENCH_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("BENCH_APP_WORKERS", "1"))

# Longer than a cell in which one request blocks the event loop for minutes.
timeout = 180
graceful_timeout = 2
# Longer than any load waits: while the event loop is blocked, a shorter one closes connections
# whose next request has already arrived, and the load sees resets that no client would cause.
keepalive = 600
backlog = 2048

accesslog = None
errorlog = "-"
loglevel = "warning"

# The heartbeat file must never wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# gunicorn would otherwise put a control socket into the user's home.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Lets `/-/facts` tell what this app worker really runs with."""
    import bench_facts

    bench_facts.observe_server(worker)
