"""What a Django project's folder holds: where it begins, its settings, callables and packages."""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rig.config import NoEnvFile, read_env_file
from rig.disk.files import read_text
from rig.model import DamagedFile, UsageError
from rig.project.source import Module, module, reached, text, tree_of
from rig.project.variables import Variable, debugging, variables

DEEPEST = 4
PASSED_OVER = ("node_modules", "venv", "site-packages", "__pycache__")
LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock", "requirements.txt")
REQUIREMENTS = ("production", "prod", "base", "common", "main", "requirements")
EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist", "example.env",
            ".env.dev-sample", ".env.prod-sample", "env.example")  # fmt: skip
_NOT_SERVED = ("local", "dev", "development", "test", "tests", "testing", "ci")
_VARIABLE = "DJANGO_SETTINGS_MODULE"


class NoProject(UsageError):
    """The folder holds no Django project that can be told."""


@dataclass(frozen=True)
class Found:
    """A project, as far as its files tell."""

    folder: Path
    """Where its manage.py stands: what its modules are imported from."""
    settings: str
    wsgi: str
    asgi: str
    """Callables, as `shop.wsgi:application`; empty where there are none."""
    python: str
    """What its packages stand in, as seen from the folder; empty for nothing known."""
    env_file: str
    """Its `.env`; empty without one."""
    database: str
    """How its default database is configured, in words."""
    variables: Mapping[str, Variable]
    """The variables that its settings read."""
    examples: Mapping[str, str]
    """The values of an example of its `.env`."""
    debugging: tuple[str, ...] = ()
    """The variables by which its DEBUG is on."""
    collects_static: bool = False
    """Whether its pages need `collectstatic`, which writes the manifest that they look into."""
    notes: tuple[str, ...] = ()
    """What was taken for granted."""

    @property
    def needed(self) -> list[str]:
        """The variables without which its settings fail, that its `.env` does not give."""
        return [name for name, one in self.variables.items() if one.needed]


def look(folder: Path) -> Found:
    """The project in a folder, or somewhere below it. NoProject."""
    notes: list[str] = []
    manage = _manage(folder, notes)
    root = manage.parent
    callables = {name: _callable(root, name) for name in ("wsgi", "asgi")}
    settings = _settings(manage, callables, notes)
    modules = reached(root, settings)
    if not modules:
        raise NoProject(f"settings module {settings} is not in {root}", "write target.yaml by hand")
    wsgi, asgi = (_named(callables[name]) for name in ("wsgi", "asgi"))
    if not wsgi and not asgi:
        raise NoProject(f"{root} has no wsgi.py and no asgi.py", "write target.yaml by hand")
    env_file = ".env" if (root / ".env").is_file() else ""
    given = _variables_of(root / env_file) if env_file else {}
    read = {name: one for name, one in variables(modules).items() if name not in given}
    return Found(
        folder=root,
        settings=settings,
        wsgi=wsgi,
        asgi=asgi,
        python=_python(root, folder, notes),
        env_file=env_file,
        database=_database(modules),
        variables=read,
        examples=_examples(root, folder),
        debugging=debugging(modules, given),
        collects_static=any("ManifestStaticFiles" in ast.unparse(one.tree) for one in modules),
        notes=tuple(notes),
    )


def _manage(folder: Path, notes: list[str]) -> Path:
    found = sorted(_files(folder, "manage.py"), key=lambda path: (len(path.parts), path))
    if not found:
        what = f"there is no manage.py in {folder}, nor below it"
        raise NoProject(what, "name the Django project's own folder, which has one")
    if len(found) > 1:
        others = ", ".join(str(path.relative_to(folder)) for path in found[1:4])
        notes.append(f"{found[0].relative_to(folder)} is the project's, not {others}")
    return found[0]


def _files(folder: Path, name: str) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        folders[:] = [
            one
            for one in sorted(folders)
            if depth < DEEPEST and one not in PASSED_OVER and not one.startswith(".")
        ]
        if name in names:
            yield Path(here) / name


def _callable(root: Path, name: str) -> Module | None:
    """The module of a callable: the one that is called so and names an application."""
    for path in sorted(_files(root, f"{name}.py"), key=lambda path: (len(path.parts), path)):
        parts = path.relative_to(root).with_suffix("").parts
        tree = tree_of(path)
        if tree and _attribute(tree):
            return Module(".".join(parts), path, tree)
    return None


def _named(callable_: Module | None) -> str:
    return f"{callable_.name}:{_attribute(callable_.tree)}" if callable_ else ""


def _attribute(tree: ast.Module) -> str:
    assigned = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return next((name for name in ("application", "app") if name in assigned), "")


def _settings(manage: Path, callables: Mapping[str, Module | None], notes: list[str]) -> str:
    """The settings module that is named where the project is served from, else by manage.py."""
    named = {
        name: _settings_named(tree)
        for name, tree in (
            *((f"{name}.py", one.tree) for name, one in callables.items() if one),
            ("manage.py", tree_of(manage)),
        )
        if tree
    }
    known = {who: name for who, name in named.items() if name}
    known = {who: name for who, name in known.items() if module(manage.parent, name)}
    served = [one for one in known.items() if one[1].split(".")[-1] not in _NOT_SERVED]
    for who, name in served or list(known.items()):
        if not served and (better := _production(manage.parent, name)):
            notes.append(f"settings {better}, as they look served, not {name}, as {who} has it")
            return better
        if len(set(known.values())) > 1:
            others = ", ".join(sorted({*known.values()} - {name}))
            notes.append(f"settings {name}, as {who} has it, not {others}")
        return name
    guessed = sorted(_files(manage.parent, "settings.py"), key=lambda path: len(path.parts))
    if not guessed:
        raise NoProject(f"no file in {manage.parent} names its {_VARIABLE}", "write it by hand")
    name = ".".join(guessed[0].relative_to(manage.parent).with_suffix("").parts)
    notes.append(f"settings {name}: no file names its {_VARIABLE} in words")
    return name


def _production(root: Path, name: str) -> str:
    """The settings of production that stand beside those of development; "" for none."""
    package = name.rpartition(".")[0]
    beside = (f"{package}.{one}".lstrip(".") for one in ("production", "prod"))
    return next((one for one in beside if module(root, one)), "")


def _settings_named(tree: ast.Module) -> str:
    """What `os.environ.setdefault("DJANGO_SETTINGS_MODULE", …)` or an assignment names."""
    for node in ast.walk(tree):
        key: ast.AST | None = None
        value: ast.AST | None = None
        if isinstance(node, ast.Call) and len(node.args) == 2:
            key, value = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            key, value = node.targets[0].slice, node.value
        if text(key) == _VARIABLE and text(value):
            return text(value)
    return ""


def _python(root: Path, folder: Path, notes: list[str]) -> str:
    """The first of the files that name packages, beside manage.py or above, up to `folder`."""
    places = [root, *(above for above in root.parents if above.is_relative_to(folder))]
    for place in places:
        for path in (
            *(place / name for name in LOCKS),
            *(place / "requirements" / f"{name}.txt" for name in REQUIREMENTS),
            *([place / "pyproject.toml"] if _has_dependencies(place / "pyproject.toml") else []),
            *(place / name / "bin" / "python" for name in (".venv", "venv")),
        ):
            if path.is_file():
                return os.path.relpath(path, root)
    notes.append("no file names its packages, so it runs with the rig's own Python")
    return ""


def _has_dependencies(path: Path) -> bool:
    try:
        return "dependencies" in tomllib.loads(read_text(path)).get("project", {})
    except (OSError, DamagedFile, tomllib.TOMLDecodeError):
        return False


def _database(modules: list[Module]) -> str:
    """How DATABASES is said, from the last word to the first."""
    for one in modules:
        for node in ast.walk(one.tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if any("DATABASES" in ast.unparse(target) for target in targets):
                said = ast.unparse(node)
                if "dj_database_url" in said or ".db(" in said or "_URL" in said:
                    return "a URL in a variable"
                read = [name for name in variables([one]) if name in said]
                return f"by {', '.join(read[:6])}" if read else "fixed values"
    return "not told"


def _examples(root: Path, folder: Path) -> dict[str, str]:
    for place in dict.fromkeys((root, root.parent, folder)):
        if place.is_relative_to(folder):
            for name in EXAMPLES:
                if found := _variables_of(place / name):
                    return dict(found)
    return {}


def _variables_of(path: Path) -> Mapping[str, str]:
    try:
        return read_env_file(path)
    except (OSError, DamagedFile, NoEnvFile):
        return {}
