"""What a target's commands and environment may say: text with placeholders.

May not know what fills them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic_core import PydanticCustomError

from rig import plan
from rig.config.findings import nearest, one_of
from rig.config.sections import Context, at, together, wrong
from rig.config.values import Matching, Written
from rig.factors import services
from rig.factors.retired import RETIRED

PLACEHOLDERS = (
    "python",
    "stack",
    "project",
    "folder",
    "host",
    "port",
    "posts",
    "cpu_n",
    "data_access",
    "connections",
    "pool_size",
    "app_workers",
    "app_threads",
    "pooler",
    "database_host",
    "database_port",
    "database_name",
    "database_user",
    "database_password",
    "database_password_file",
    "database_url",
    "prepared_statements",
)
"""What `{...}` stands for something in a target's start, env, migrate and seed."""

OF_ENV = ("database_password",)
"""Those of `env` alone: everybody on a machine may read its commands."""

_ALIKE = 0.75
"""From this similarity on a word in braces is a placeholder that was misspelt; less is text."""


def _of_services(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for name in names for word in services.words(name))


class _Template(Written):
    """Text whose placeholders stay as they are; none of them misspelt."""

    placeholders = tuple(name for name in PLACEHOLDERS if name not in OF_ENV)

    def read(self, value: Any, context: Context) -> str:
        template = super().read(value, context)
        known = (*self.placeholders, *_of_services(context.names.get("service", ())))
        problems = [at((), problem) for problem in self._problems(template, known)]
        if problems:
            raise together(problems)
        return template

    def _problems(self, template: str, known: Sequence[str]) -> Iterator[PydanticCustomError]:
        named = plan.PLACEHOLDER.findall(template)
        for found in [name for name in named if name not in known and name not in RETIRED]:
            if found in OF_ENV:
                what = "`{name}` names `{{{found}}}`, which everybody could read there"
                yield wrong(what, "`env` may name it", found=found)
            elif found in _of_services(services.SERVICES):
                service = found.rpartition("_")[0]
                what = "`{name}` names `{{{found}}}`, but the target has no such service"
                yield wrong(what, f"add `services: [{service}]`", found=found)
            elif near := nearest(found, known, _ALIKE):
                words = one_of(known)
                what = f"unknown placeholder `{{{{{{found}}}}}}` in `{{name}}`, expected {words}"
                yield wrong(what, f"did you mean `{near}`?", found=found)


class _Value(_Template):
    """An environment variable's, which may be empty and hold the password."""

    placeholders = PLACEHOLDERS

    def read(self, value: Any, context: Context) -> str:
        return "" if value == "" else super().read(value, context)

    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "maxLength": self.longest}


Template = Annotated[str, _Template()]
VariableValue = Annotated[str, _Value()]
Variable = Annotated[str, Matching("[A-Za-z_][A-Za-z0-9_]*", "a variable's name")]
