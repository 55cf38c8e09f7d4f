"""A target's helper services: started before whatever needs them, each on a host of its own.

May not know how a service is reached: hosts do.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

from rig.backends import http
from rig.backends.base import Hosts, ProcessHandle, RoleSpec, afterwards, last_error
from rig.backends.processes import until
from rig.backends.specs import Secrets, service_spec
from rig.model import Role, StackError
from rig.plan import Plan, Service

CONNECT_S, SILENT_S = 1.0, 0.2
Start = Callable[[Role, RoleSpec, int], ProcessHandle]


def bring_up(plan: Plan, hosts: Hosts, passwords: Secrets, start: Start) -> None:
    """Starts every service of the plan's target by `start`; returns once each serves.

    StackError names the one that does not, with the last error that it printed.
    """
    indices = range(len(plan.target.services))
    started = [
        start(Role.SERVICE, service_spec(plan, hosts, passwords, index), index) for index in indices
    ]
    for index, process in enumerate(started):
        _await(plan.target.services[index], process, hosts, index, plan.target.limits.start_s)


@contextlib.contextmanager
def while_up(plan: Plan, hosts: Hosts, passwords: Secrets) -> Iterator[None]:
    """The services of the plan's target, up for as long as the context lasts. StackError."""
    started: list[ProcessHandle] = []

    def start(role: Role, spec: RoleSpec, index: int) -> ProcessHandle:
        started.append(hosts.start(role, spec, index))
        return started[-1]

    def end() -> None:
        for process in reversed(started):
            process.kill()

    with afterwards(end):
        bring_up(plan, hosts, passwords, start)
        yield


def ended(service: Service, process: ProcessHandle, when: str) -> StackError:
    """The error for a service that is no longer there."""
    return StackError(f"service {service.name} ended {when}: {last_error(process)}")


def _await(
    service: Service, process: ProcessHandle, hosts: Hosts, index: int, deadline_s: float
) -> None:
    why = ""
    for _ in until(deadline_s):
        # first: another's port would answer as well
        if process.code() is not None:
            raise ended(service, process, "at its start")
        why = _unready(service, *hosts.reach(Role.SERVICE, _port(service), index))
        if not why:
            return
    raise StackError(
        f"service {service.name} was not ready within {deadline_s:g} s ({why}): "
        f"{last_error(process)}",
        "it must serve on {host}:{port}; a start that takes longer is given `limits: {start: 3m}`",
    )


def _port(service: Service) -> int:
    return service.ready_port or service.port


def _unready(service: Service, address: str, port: int) -> str:
    """Why it does not serve yet; empty once it does."""
    if service.ready_path:
        answer = http.get(f"http://{address}:{port}{service.ready_path}")
        return "" if answer.status == 200 else f"{service.ready_path} answers {answer.status}"
    try:
        with socket.create_connection((address, port), CONNECT_S) as there:
            return "" if _stays(there) else f"port {_port(service)} closes at once"
    except OSError as error:
        return f"port {_port(service)}: {error.strerror or error}".lower()


def _stays(there: socket.socket) -> bool:
    """Whether it waits to be asked: an engine's proxy closes where nobody is in the container."""
    there.settimeout(SILENT_S)
    try:
        return there.recv(1) != b""
    except TimeoutError:
        return True
