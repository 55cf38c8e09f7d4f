"""The Target: its code, what it needs and what is asked of it, as a `target.yaml` says it.

Pure. May not know where a target comes from (YAML) nor who carries out its commands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from rig.load.sessions import Take
from rig.load.think import Think
from rig.load.values import IN_ORDER, Order
from rig.load.words import words_in
from rig.model import Between, Index, Interface, LengthS, Level

StatusCode = Annotated[int, Between(100, 599)]


@dataclass(frozen=True)
class File:
    """A file beside a target's own, as it was when the target was read."""

    path: str
    """Seen from the target's folder."""
    sha256: str


@dataclass(frozen=True)
class ValueSource:
    """Where the values of a word come from: a list, a span, a column of a CSV file, a query."""

    items: tuple[str | int, ...] = ()
    span: tuple[int, int] | None = None
    """The first and the last of whole numbers."""
    csv: File | None = None
    column: str = ""
    query: str = ""
    """Asked of the seeded database; its first column."""
    order: Order = IN_ORDER
    seed: int = 1
    repeats: bool = True


@dataclass(frozen=True)
class SessionStep:
    """A request that a user sends before its first one, and what is taken from its answer."""

    method: str
    path: str
    form: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    json: Any = None
    body: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    status: StatusCode | tuple[StatusCode, ...] = 200
    take: tuple[Take, ...] = ()
    values: Mapping[str, ValueSource] = field(default_factory=dict)
    """Of each user, whose number is their position."""


@dataclass(frozen=True)
class Mix:
    """Several routes that each user asks for by chance, by their weights."""

    routes: Mapping[str, Annotated[int, Between(1, 1_000_000)]]
    session: str = ""
    think: Think | None = None
    """None: as the load says."""
    seed: int = 1


@dataclass(frozen=True)
class Route:
    """A request a target serves, and what a correct answer is.

    `{unique}` in any text of the request becomes load worker and sequence.
    """

    name: str
    method: str
    path: str
    form: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Body fields, form-encoded; a list is sent as often."""
    json: Any = None
    """A JSON body of any shape instead of a form."""
    status: StatusCode | tuple[StatusCode, ...] = 200
    """What a right answer has; one of several."""
    answer: Any = field(default_factory=dict)
    """What the JSON answer must hold: members of a map, at any depth, or items of a list, all of
    them. `{posts}`, `{cpu_sum}`, `{length:N}` and the request's own words are filled in."""
    statements: Index | None = None
    """SQL statements one request sends; None where nobody declared it."""
    varying: tuple[str, ...] = ()
    """Members of the JSON answer that no two answers share, by dotted path; lists are passed
    through. Two targets' answers are compared without them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent beside what is sent anyway, or in its place; an empty one takes that away."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    """A body as it is, instead of a form."""
    files: Mapping[str, File] = field(default_factory=dict)
    """By field; the form is multipart then."""
    answer_text: str = ""
    """Stands somewhere in the answer."""
    answer_pattern: str = ""
    """A regular expression that matches somewhere in the answer."""
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the answer must have, with their whole values."""
    values: Mapping[str, ValueSource] = field(default_factory=dict)
    """By word: what stands for it in each request."""
    always_text: str = ""
    """Stands in every right answer, under load, too."""
    never_text: str = ""
    """Stands in none."""
    session: str = ""
    """The name of what each user does before its first request; empty for nothing."""

    @property
    def statuses(self) -> tuple[int, ...]:
        """What a right answer may have."""
        return self.status if isinstance(self.status, tuple) else (self.status,)

    @property
    def varies_by_path(self) -> bool:
        """Whether its path, the query aside, differs from request to request."""
        return bool(words_in(self.path.partition("?")[0]))

    @property
    def writes(self) -> bool:
        """Whether a request leaves a row that names it."""
        unique = "{unique}"
        if self.method in ("GET", "HEAD", "OPTIONS"):
            return unique in f"{dict(self.form)}{self.json}"
        return unique in f"{self.path}{dict(self.form)}{self.json}{self.body}"


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

    def serves(self, name: str) -> bool:
        """Whether it has a route or a mix of this name."""
        return name in self.routes or name in self.mixes

    def asked_by(self, name: str) -> tuple[Route, ...]:
        """The routes that a route or a mix comes to. KeyError where there is none."""
        mix = self.mixes.get(name)
        return tuple(self.routes[route] for route in mix.routes) if mix else (self.routes[name],)

    def session_of(self, name: str) -> str:
        """The session that the users of a route or of a mix begin with; empty for none."""
        mix = self.mixes.get(name)
        return mix.session if mix else self.routes[name].session

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
    (("routes", EACH, "always_text"), ""),
    (("routes", EACH, "never_text"), ""),
    (("sessions",), {}),
    (("mixes",), {}),
)
"""What older plans do not have of a target, by its path, and what stands for it there."""
