"""The probes' series: which columns they have, and what they add up to in the steady window.

Pure but for reading an attempt's files: `verify` calls it again, long afterwards. May not know
how a series was taken.
"""

from __future__ import annotations

COLUMNS = {
    "processes": (
        "at_s",
        "role",
        "index",
        "processes",
        "cpu_s",
        "rss_bytes",
        "waits_voluntary",
        "waits_involuntary",
        "throttled_s",
    ),
    "app_sockets": ("at_s", "open", "backlog", "backlog_limit"),
    "app_loop": ("at_s", "pid", "requests", "answered", "busy_s", "lag_max_ms"),
    "app_workers": ("pid", "first_at_s", "last_at_s"),
    "postgres": (
        "at_s",
        "total",
        "active",
        "idle",
        "idle_in_transaction",
        "app",
        "waiting",
        "commits",
        "rollbacks",
        "rows_inserted",
        "max_connections",
        "started_at",
    ),
    "pgbouncer": (
        "at_s",
        "clients_active",
        "clients_waiting",
        "longest_wait_s",
        "servers_active",
        "servers_idle",
        "servers_used",
        "queries",
        "waited_s",
    ),
    "host": (
        "at_s",
        "cpu_busy_s",
        "cpu_steal_s",
        "pressure_cpu_s",
        "pressure_io_s",
        "pressure_memory_s",
        "oom_kills",
        "cpus",
    ),
}
"""Columns of `probes/<name>.csv`, in order."""
FAILED = "failed.json"
