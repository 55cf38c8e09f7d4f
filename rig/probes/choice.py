"""Which probes a stack has something for."""

from __future__ import annotations

from collections.abc import Callable

from rig.endpoints import Endpoints
from rig.model import Role
from rig.probes import proc
from rig.probes.app import AppLoop
from rig.probes.base import Probe
from rig.probes.databases import PgBouncer, Postgres
from rig.probes.host import Host
from rig.probes.processes import AppWorkers, Processes, Unseen, first_processes, workers
from rig.probes.sockets import AppSockets

ProbeFactory = tuple[str, Callable[[], Probe]]


def probes_of(endpoints: Endpoints) -> list[ProbeFactory]:
    """Each probe by name, and what makes it; none for empty Endpoints.

    What makes it may fail, where there should be something to see and is not.
    """
    probes: list[ProbeFactory] = []
    if endpoints.pids:
        probes += [
            ("processes", lambda: Processes(endpoints.pids, node=endpoints.node)),
            ("host", lambda: Host(endpoints.node)),
        ]
    if Role.APP in endpoints.pids:
        probes += [
            ("app_workers", lambda: AppWorkers(endpoints.pids)),
            ("app_sockets", lambda: AppSockets(_app(endpoints), endpoints.app_port)),
        ]
    if (folder := endpoints.counters) is not None:
        probes.append(("app_loop", lambda: AppLoop(folder, lambda: _alive(endpoints))))
    if (login := endpoints.postgres) is not None:
        whose = endpoints.app_user, endpoints.database
        probes.append(("postgres", lambda: Postgres(login.connect, *whose)))
    if (console := endpoints.pgbouncer) is not None:
        probes.append(("pgbouncer", lambda: PgBouncer(console.connect, endpoints.database)))
    return probes


def _app(endpoints: Endpoints) -> int:
    found = first_processes(endpoints.pids).get(Role.APP, ())
    if not found:
        raise Unseen("the app's process cannot be seen here")
    return found[0]


def _alive(endpoints: Endpoints) -> set[int] | None:
    """The ids of app workers as they see them; None where no process can be seen."""
    found = first_processes(endpoints.pids).get(Role.APP, ())
    return {proc.innermost(pid) for pid in workers(found[0])} if found else None
