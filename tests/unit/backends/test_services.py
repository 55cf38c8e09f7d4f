"""A target's helper services: up before what needs them, and what is said of one that is not."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rig.backends.base import RoleSpec
from rig.backends.processes import Process
from rig.backends.services import bring_up, while_up
from rig.backends.specs import delay_spec, placeholders, service_spec
from rig.backends.stack import RealStack
from rig.factors.services import SERVICES
from rig.model import Link, Role, StackError
from rig.plan import Limits, Plan, Service
from stack.app.spec import AppSpec
from tests.pipeline.serving import free_port
from tests.unit.backends.hosts import PaperHosts, secrets
from tests.unit.plans import PLAN

MOCK = Service("mock", ("mock", "{host}:{port}", "{redis_url}"), 8080, env={"WORD": "{mock_port}"})


def serving(*services: Service, start_s: float = 20.0) -> Plan:
    target = replace(PLAN.target, services=services, limits=Limits(start_s=start_s))
    return replace(PLAN, target=target)


def test_a_target_finds_its_services_by_their_names(tmp_path: Path) -> None:
    plan = serving(MOCK, SERVICES["redis"])
    words = placeholders(plan, PaperHosts(tmp_path), secrets(tmp_path), prepared=True)
    assert (words["mock_host"], words["mock_port"]) == ("198.18.3.20", "8080")
    assert words["mock_url"] == "http://198.18.3.20:8080"
    assert words["redis_url"] == "redis://198.18.3.21:6379"


def test_a_service_is_told_where_to_serve(tmp_path: Path) -> None:
    plan = serving(MOCK, SERVICES["redis"])
    spec = service_spec(plan, PaperHosts(tmp_path), secrets(tmp_path), 0)
    assert spec.command == ("mock", "0.0.0.0:8080", "redis://198.18.3.21:6379")
    assert spec.env["WORD"] == "8080"
    assert spec.env["ITS_OWN"].startswith("postgresql://"), "the target's environment is its, too"


def test_the_path_to_them_is_measured(tmp_path: Path) -> None:
    assert Link.SERVICES not in delay_spec(PLAN, PaperHosts(tmp_path)).peers
    spec = delay_spec(serving(MOCK), PaperHosts(tmp_path))
    (link,) = (link for link in spec.links if link.name == Link.SERVICES)
    assert (link.address, link.peer) == ("198.18.3.2", "198.18.3.20")


@dataclass(frozen=True)
class Here(PaperHosts):
    """Runs a service's command on this machine, as it is."""

    started: list[Process] = field(default_factory=list)

    def start(self, role: Role, spec: RoleSpec, index: int = 0) -> Process:
        assert isinstance(spec, AppSpec)
        log = self.root / f"{role}-{index}.log"
        self.started.append(Process(list(spec.command), log, {}))
        return self.started[-1]

    def reach(self, role: Role, port: int, index: int = 0) -> tuple[str, int]:
        return "127.0.0.1", port


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    hosts = Here(tmp_path)
    yield hosts
    for process in hosts.started:
        process.kill()


def python(name: str, script: str, port: int, **more: str) -> Service:
    return Service(name, (sys.executable, "-c", script), port, **more)  # type: ignore[arg-type]


def web(port: int) -> str:
    return (
        "import http.server as h\n"
        "class Page(h.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n"
        "    self.send_response(200 if self.path == '/ok' else 503); self.end_headers()\n"
        f"h.HTTPServer(('127.0.0.1', {port}), Page).serve_forever()\n"
    )


def shy(port: int) -> str:
    return (
        "import socket\n"
        f"there = socket.create_server(('127.0.0.1', {port}))\n"
        "while True: there.accept()[0].close()\n"
    )


def test_each_is_up_for_as_long_as_it_is_wanted(here: Here) -> None:
    first, second = free_port(), free_port()
    plan = serving(
        python("a", web(first), first), python("b", web(second), second, ready_path="/ok")
    )
    with while_up(plan, here, secrets(here.root)):
        assert [process.code() for process in here.started] == [None, None]
    assert None not in [process.wait(5) for process in here.started]


@pytest.mark.parametrize(
    ("script", "more", "start_s", "says"),
    [
        (
            "raise KeyError('no queue')",
            {},
            20,
            "service mock ended at its start: KeyError: 'no queue'",
        ),
        (
            "import time; time.sleep(60)",
            {},
            0.5,
            "service mock was not ready within 0.5 s (port PORT: connection refused): it printed",
        ),
        ("SHY", {}, 2, "service mock was not ready within 2 s (port PORT closes at once): "),
        (
            "WEB",
            {"ready_path": "/health"},
            2,
            "service mock was not ready within 2 s (/health answers 503): ",
        ),
    ],
)
def test_one_that_does_not_come_up_is_named_with_why(
    here: Here, script: str, more: dict[str, str], start_s: float, says: str
) -> None:
    port = free_port()
    script = {"WEB": web(port), "SHY": shy(port)}.get(script, script)
    plan = serving(python("mock", script, port, **more), start_s=start_s)
    with pytest.raises(StackError) as raised:
        bring_up(plan, here, secrets(here.root), here.start)
    assert raised.value.what.startswith(says.replace("PORT", str(port)))


def test_one_that_ends_under_load_is_named(here: Here) -> None:
    port = free_port()
    plan = serving(python("mock", web(port), port))
    stack = RealStack(plan, here, secrets(here.root), "")
    bring_up(plan, here, secrets(here.root), stack.start_service)
    (mock,) = here.started
    mock.signal(signal.SIGTERM)
    mock.wait(5)
    with pytest.raises(StackError, match="service mock ended under load: it printed nothing"):
        stack.stop()
