"""What a running app worker of our own targets observes of itself, for their `/facts`."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from bench_facts import connection_facts, process_facts, settings_facts


def observed() -> dict[str, Any]:
    """The facts both targets share; numbers carry their unit in the name."""
    return {
        **process_facts(),
        **settings_facts(),
        "data_access": settings.DATA_ACCESS,
        "connections": settings.CONNECTIONS,
        "pooler": settings.POOLER,
        "cpu_n": settings.CPU_N,
    }


def django_connection() -> dict[str, Any]:
    """What Django's own database connection is set to, and its pool as the pool reports it."""
    return connection_facts()
