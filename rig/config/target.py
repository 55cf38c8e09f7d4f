"""A `target.yaml` as a model, and the catalogue of routes.

May not know PyYAML (`document` does), experiments, nor how a target is started.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    RootModel,
    ValidationInfo,
    model_validator,
)

from rig import plan
from rig.config import visits_together
from rig.config.locustfile import ONLY, Locust, PythonFile
from rig.config.placeholders import Template, Variable, VariableValue
from rig.config.project import FACTS, READY, Django, Folder, migrate_of
from rig.config.project_files import env_file_problem, python_problem
from rig.config.route import TABLE, Route
from rig.config.sections import (
    Context,
    Section,
    at,
    context_of,
    expected,
    together,
    wrong,
)
from rig.config.services import Services
from rig.config.values import (
    Distinct,
    Duration,
    Fits,
    Keywords,
    LevelsOfEach,
    Matching,
    Name,
    Optional,
    PerFactor,
    Sentence,
    Several,
    Some,
    Text,
    UrlPath,
    Written,
    levels,
)
from rig.config.visits import Mixed, Steps
from rig.factors import FACTORS, Choice
from rig.model import Interface, Level

RESTARTING = ("--max-requests", "--limit-max-requests", "--workers-lifetime")
"""gunicorn's, uvicorn's and granian's options with which app workers end by design."""

_SUPPORTED = tuple(
    field.name
    for field in dataclasses.fields(plan.Plan)
    if field.name in FACTORS and field.name not in ("target", "route")
)
"""Factors whose level stands in the Plan under the factor's own name, as `bind` reads it."""


class _Content(Written):
    """A file or a folder that is there, as seen from the target's own."""

    def read(self, value: Any, context: Context) -> str:
        entry, folder = super().read(value, context), context.folder
        with contextlib.suppress(OSError):  # a name that no file can have
            if (folder / entry).is_file() or (folder / entry).is_dir():
                return entry
        raise expected(f"files and folders that are there, seen from {folder.name}/")


Content = Annotated[str, _Content()]
Identifier = Annotated[
    str,
    Matching(TABLE.pattern, "a table's or column's name in lower case, 63 long at most"),
]
Fact = Annotated[
    str,
    Matching(
        r"(app|answer|route)(\.[\w-]+)+",
        "facts by dotted path, such as app.driver, answer.server or route.path",
    ),
]

LevelLists = Mapping[str, tuple[Level, ...]]


class Ledger(Section):
    """Where a target's routes write."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["table"]}, {"required": ["tables"]}],
            "dependentRequired": {"table": ["column"], "column": ["table"]},
        }
    )

    table: Optional[Identifier] = None
    column: Optional[Identifier] = None
    tables: Distinct[Identifier] = ()

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if (self.table is None) != (self.column is None):
            lacks = "column" if self.column is None else "table"
            problem = (
                "`table` and `column` belong together; to count rows alone, name it in `tables`"
            )
            raise wrong(f"`ledger` lacks `{lacks}`", problem)
        if self.table is None and not self.tables:
            raise wrong("`ledger` expects a `table` and its `column`, or `tables`")
        return self

    def planned(self) -> plan.Ledger:
        return plan.Ledger(self.table or "", self.column or "", self.tables)


class Limits(Section):
    """How long a target's commands may take."""

    start: Duration = plan.Limits.start_s
    migrate: Duration = plan.Limits.migrate_s
    seed: Duration = plan.Limits.seed_s
    before_start: Duration = plan.Limits.before_start_s

    def planned(self) -> plan.Limits:
        return plan.Limits(self.start, self.migrate, self.seed, self.before_start)


class Refusal(Section):
    """A combination of levels that a target cannot mean."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["when"]}, {"required": ["unless"]}]}
    )

    because: Sentence
    when: LevelsOfEach = Field(default_factory=dict)
    unless: LevelsOfEach = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.when and not self.unless:
            raise wrong("a refusal expects levels under `when` or `unless`")
        return self


def _any(routes: Mapping[str, Route]) -> Mapping[str, Route]:
    if not routes:
        raise wrong("`routes` expects at least one")
    return routes


class Catalogue(RootModel[dict[Name, Route]]):
    """What a target's routes take from."""


class Target(Section):
    """What is under test. The routes are laid over the catalogue's before they are read."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["start"]}, {"required": ["django"]}],
            "anyOf": [{"required": [key]} for key in ("routes", "locustfile", "locustfiles")],
        }
    )

    name: Name
    title: Optional[Sentence] = None
    project: Optional[Folder] = None
    start: Optional[Some[Template]] = None
    django: Optional[Django] = None
    routes: Annotated[dict[Name, Route], AfterValidator(_any), Keywords({"minProperties": 1})] = (
        Field(default_factory=dict)
    )
    locustfile: Optional[PythonFile] = None
    locustfiles: dict[Name, Locust] = Field(default_factory=dict)
    python: Optional[Text] = None
    env: dict[Variable, VariableValue] = Field(default_factory=dict)
    env_file: Optional[Text] = None
    tls: Optional[Content] = None
    before_start: Several[Some[Template]] = ()
    migrate: Optional[Several[Template]] = None
    seed: Several[Template] = ()
    content: Several[Content] = ()
    template: Optional[Name] = None
    ready: Optional[UrlPath] = None
    limits: Limits = Field(default_factory=Limits)
    restarts_workers: Optional[bool] = None
    facts: Optional[UrlPath] = None
    ledger: Optional[Ledger] = None
    supports: Annotated[LevelLists, PerFactor(levels, _SUPPORTED, ignored=True)] = Field(
        default_factory=dict
    )
    sessions: dict[Name, Steps] = Field(default_factory=dict)
    mixes: dict[Name, Mixed] = Field(default_factory=dict)
    services: Services = Field(default_factory=dict)
    refuses: Several[Refusal] = ()
    inherent: Distinct[Fact] = ()
    interface: Optional[Annotated[str, Fits(Choice(tuple(Interface)))]] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.start is None and self.django is None:
            do = "`django` names its callable; `start` is for what starts itself"
            raise wrong("a target needs `start` or `django`", do)
        if self.start is not None and self.django is not None:
            do = "with `django` the rig starts it, so that `server` can vary: leave `start` out"
            raise wrong("a target has `start` or `django`, not both", do)
        return self

    @model_validator(mode="after")
    def _asked_for_something(self) -> Self:
        if not (self.routes or self.locustfile or self.locustfiles):
            raise wrong("a target needs `routes` or a `locustfile`")
        taken = {*self.routes, *self.mixes}
        named: list[tuple[str, ...]] = [
            ("locustfiles", name) for name in self.locustfiles if name in taken
        ]
        if self.locustfile and ONLY in {*taken, *self.locustfiles}:
            named.append((ONLY,))
        if named:
            twice = wrong("another one has the route's name", "call it otherwise")
            raise together([at(loc, twice) for loc in named])
        return self

    @model_validator(mode="after")
    def _visits_fit(self) -> Self:
        problems = list(visits_together.problems(self.routes, self.sessions, self.mixes))
        if problems:
            raise together(problems)
        return self

    @model_validator(mode="after")
    def _in_its_project(self, info: ValidationInfo) -> Self:
        folder = Path(self.project) if self.project else context_of(info).folder
        problems = []
        if self.python and (amiss := python_problem(folder, self.python)):
            problems.append(at(("python",), amiss))
        if self.env_file and (amiss := env_file_problem(folder, self.env_file)):
            problems.append(at(("env_file",), amiss))
        if problems:
            raise together(problems)
        return self

    def _migrate(self, folder: str) -> tuple[str, ...]:
        """As it says; else Django's own command, where its settings are known."""
        if self.migrate is not None:
            return self.migrate
        known = self.django and self.django.settings
        return migrate_of(Path(self.project or folder)) if known else ()

    def _interface(self) -> Interface | None:
        """As it says; else that of its only callable."""
        if self.interface:
            return Interface(self.interface)
        if self.django is None or (self.django.wsgi and self.django.asgi):
            return None
        return Interface.WSGI if self.django.wsgi else Interface.ASGI

    def _restarts_workers(self) -> bool:
        """As it says; else whether its start or gunicorn's own variable asks for it."""
        if self.restarts_workers is not None:
            return self.restarts_workers
        words = (*(self.start or ()), self.env.get("GUNICORN_CMD_ARGS", ""))
        return any(option in word for word in words for option in RESTARTING)

    def _locustfiles(self, folder: Path) -> dict[str, plan.LocustFile]:
        """All of them, the file under `locustfile` as a route of that name."""
        python = str(Path(self.project or folder) / self.python) if self.python else ""
        only = {ONLY: Locust.model_construct(file=self.locustfile)}
        named = {**(only if self.locustfile else {}), **self.locustfiles}
        return {name: one.planned(folder, python) for name, one in named.items()}

    def planned(self, folder: str) -> plan.Target:
        """The target in its folder."""
        sessions = visits_together.Sessions(self.routes, self.sessions, self.mixes)
        return plan.Target(
            name=self.name,
            folder=folder,
            title=self.title or self.name,
            start=self.start or (),
            routes={
                name: route.planned(name, sessions.of_route(name))
                for name, route in self.routes.items()
            },
            env=self.env,
            migrate=self._migrate(folder),
            seed=self.seed,
            content=self.content,
            template=self.template or "",
            ready=self.ready or (READY if self.django else plan.Target.ready),
            limits=self.limits.planned(),
            services=tuple(one.planned(name) for name, one in self.services.items()),
            restarts_workers=self._restarts_workers(),
            facts=self.facts or (FACTS if self.django else None),
            ledger=self.ledger.planned() if self.ledger else None,
            supports=self.supports,
            refuses=tuple(
                plan.Unsupported(one.because, one.when, one.unless) for one in self.refuses
            ),
            inherent=self.inherent,
            interface=self._interface(),
            django=self.django.planned() if self.django else None,
            project=self.project or "",
            python=self.python or "",
            env_file=self.env_file or "",
            tls=self.tls or "",
            before_start=self.before_start,
            sessions={
                name: tuple(step.planned() for step in steps)
                for name, steps in self.sessions.items()
            },
            mixes={name: mix.planned(sessions.of_mix(name)) for name, mix in self.mixes.items()},
            locustfiles=self._locustfiles(Path(folder)),
        )
