"""The Target: its code, what it needs and what is asked of it, as a `target.yaml` says it.

Pure. May not know where a target comes from (YAML) nor who carries out its commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Literal

from rig.model import Between, Interface, LengthS, Level
from rig.route import LocustFile, Mix, Route, SessionStep


@dataclass(frozen=True)
class Unsupported:
    """A combination of levels that a target cannot mean, and why.

    It holds where every factor of `when` is at one of its levels, except where every factor
    of a non-empty `unless` is.
    """

    because: str
    when: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)

    def holds(self, levels: Mapping[str, Level]) -> bool:
        """Whether these levels are refused."""

        def met(allowed: Mapping[str, tuple[Level, ...]]) -> bool:
            return all(levels.get(name) in one_of for name, one_of in allowed.items())

        return met(self.when) and not (self.unless and met(self.unless))


@dataclass(frozen=True)
class Ledger:
    """Where a target's routes write, so that the database itself can be asked."""

    table: str = ""
    """Its rows can be told apart by their requests; empty where no table's can."""
    column: str = ""
    """Holds `{unique}` of the request that wrote the row."""
    tables: tuple[str, ...] = ()
    """Others, whose rows are counted."""

    @property
    def counted(self) -> tuple[str, ...]:
        """Every table whose rows are counted."""
        return tuple(dict.fromkeys(name for name in (self.table, *self.tables) if name))


# ${…} is the shell's own
PLACEHOLDER = re.compile(r"(?<!\$)\{([\w.-]+)\}")
"""What may stand for something in a target's commands and environment."""


@dataclass(frozen=True)
class Limits:
    """How long a target's commands may take."""

    start_s: LengthS = 60.0
    """Until its ready path answers 200."""
    migrate_s: LengthS = 900.0
    seed_s: LengthS = 900.0
    before_start_s: LengthS = 900.0
    """All of its commands together."""


PythonSource = Literal[
    "requirements", "uv.lock", "pyproject.toml", "poetry.lock", "Pipfile.lock", "interpreter"
]


def python_source(name: str) -> PythonSource:
    """What a target's `python` names, by the file's name."""
    match name:
        case "uv.lock" | "pyproject.toml" | "poetry.lock" | "Pipfile.lock":
            return name
    return "requirements" if name.endswith((".txt", ".in")) else "interpreter"


@dataclass(frozen=True)
class Django:
    """A Django project that the rig serves: what of it is served, and how its settings come."""

    settings: str = ""
    """Its settings module; empty where it configures itself (`settings.configure`)."""
    wsgi: str = ""
    asgi: str = ""
    """Its callables, as `shop.wsgi:application`; empty where it has none."""
    overlay: bool = True
    """Whether database, connections, hosts and middleware are laid over its settings."""

    def callable_of(self, interface: Interface) -> str:
        """Its callable of an interface; empty where it has none."""
        return self.wsgi if interface is Interface.WSGI else self.asgi


@dataclass(frozen=True)
class Service:
    """A server that a target needs beside its database, on a host of its own."""

    name: str
    start: tuple[str, ...]
    """The command, with the target's placeholders; `{host}` and `{port}` are the service's."""
    port: Annotated[int, Between(1, 65_535)]
    env: Mapping[str, str] = field(default_factory=dict)
    """Over the target's environment."""
    scheme: str = "http"
    """How the URL begins under which the target finds it."""
    ready_port: Annotated[int, Between(0, 65_535)] = 0
    """Accepts connections once it serves; 0: its port."""
    ready_path: str = ""
    """Answers 200 once it serves; empty: nothing is asked of it."""

    def url(self, address: str) -> str:
        """Where the target finds it, its host being at `address`."""
        return f"{self.scheme}://{address}:{self.port}"


@dataclass(frozen=True)
class Target:
    """A Django (or anything that speaks HTTP) under test: the contents of its `target.yaml`."""

    name: str
    folder: str
    title: str
    start: tuple[str, ...]
    """The command; placeholders are listed in docs/extending.md. Empty of a `django:` target."""
    routes: Mapping[str, Route]
    env: Mapping[str, str] = field(default_factory=dict)
    migrate: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    """Files and folders that decide what migrate and seed make (for the template's cache key)."""
    template: str = ""
    """Targets that name the same share the seeded cluster; its environment has no part in it."""
    ready: str = "/"
    facts: str | None = None
    ledger: Ledger | None = None
    """None: the database is not asked, and the check of that name is unknown."""
    supports: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)
    """Levels it has for the factors that it, not the rig, carries out."""
    refuses: tuple[Unsupported, ...] = ()
    inherent: tuple[str, ...] = ()
    """What must differ where this target is compared with another: facts by dotted path."""
    interface: Interface | None = None
    """None: it does not say."""
    limits: Limits = field(default_factory=Limits)
    services: tuple[Service, ...] = ()
    """Up while its commands run, and anew for every trial."""
    restarts_workers: bool = False
    """Whether its server ends app workers and starts others by design."""
    django: Django | None = None
    """Instead of `start`: the rig serves it."""
    project: str = ""
    """The folder of its code; empty where that is `folder`."""
    python: str = ""
    """The file that names its packages, or its interpreter; empty: the rig's own Python."""
    env_file: str = ""
    """More environment, which `env` wins over. Its values stand in no plan: they may be secret."""
    tls: str = ""
    """The file with the certificates that vouch for it (PEM); empty: it is asked without TLS."""
    before_start: tuple[tuple[str, ...], ...] = ()
    """Commands that run once a session before its web server first starts."""
    sessions: Mapping[str, tuple[SessionStep, ...]] = field(default_factory=dict)
    mixes: Mapping[str, Mix] = field(default_factory=dict)
    locustfiles: Mapping[str, LocustFile] = field(default_factory=dict)

    def serves(self, name: str) -> bool:
        """Whether it has a route, a mix or a Locust file of this name."""
        return name in self.routes or name in self.mixes or name in self.locustfiles

    def routes_of(self, name: str) -> tuple[Route, ...]:
        """The routes that a route or a mix comes to. KeyError where there is none.

        None of a Locust file: nobody but its users knows what they ask for.
        """
        if name in self.locustfiles:
            return ()
        mix = self.mixes.get(name)
        return tuple(self.routes[route] for route in mix.routes) if mix else (self.routes[name],)

    def session_of(self, name: str) -> str:
        """The session that the users of a route or of a mix begin with; empty for none."""
        if name in self.locustfiles:
            return ""
        mix = self.mixes.get(name)
        return mix.session if mix else self.routes[name].session

    @property
    def counted(self) -> Ledger | None:
        """Its ledger, with the tables that its routes say they write; None where nothing is."""
        said = [
            table
            for route in self.routes.values()
            if isinstance(route.writes, tuple)
            for table in route.writes
        ]
        if not said:
            return self.ledger
        own = self.ledger or Ledger()
        more = dict.fromkeys(table for table in (*own.tables, *said) if table != own.table)
        return replace(own, tables=tuple(more))

    @property
    def scheme(self) -> str:
        """How the URL begins under which it is asked."""
        return "https" if self.tls else "http"

    @property
    def code_folder(self) -> str:
        """Where its commands run."""
        return self.project or self.folder


EACH = "*"
"""In a path: every key of what stands there."""

LATER: tuple[tuple[tuple[str, ...], object], ...] = (
    (("template",), ""),
    (("limits",), asdict(Limits())),
    (("limits", "before_start_s"), Limits.before_start_s),
    (("ledger", "tables"), ()),
    (("services",), ()),
    (("restarts_workers",), False),
    (("django",), None),
    (("project",), ""),
    (("python",), ""),
    (("env_file",), ""),
    (("before_start",), ()),
    (("tls",), ""),
    (("routes", EACH, "headers"), {}),
    (("routes", EACH, "cookies"), {}),
    (("routes", EACH, "body"), ""),
    (("routes", EACH, "files"), {}),
    (("routes", EACH, "answer_text"), ""),
    (("routes", EACH, "answer_pattern"), ""),
    (("routes", EACH, "answer_headers"), {}),
    (("routes", EACH, "values"), {}),
    (("routes", EACH, "session"), ""),
    (("routes", EACH, "always"), None),
    (("routes", EACH, "writes"), None),
    (("sessions",), {}),
    (("mixes",), {}),
    (("locustfiles",), {}),
)
"""What older plans do not have of a target, by its path, and what stands for it there."""
