"""Environment variables that a project's settings need and have no default for.

By os.environ, django-environ (`env`) and python-decouple (`config`), as their source says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rig.project.source import Module, text, unconditional

_READERS = ("env", "config", "environ")
"""What the objects are called that read one variable when they are called."""
_URLS = ("db", "db_url", "cache", "cache_url", "search_url", "email_url", "url")
_DATABASE = re.compile(r"(^|_)(DB|DATABASE|POSTGRES|POSTGRESQL|PG|SQL|RDS)(_|$)")
_LACKED = (
    re.compile(r"KeyError: '([A-Za-z_]\w*)'"),
    re.compile(r"Set the (\w+) environment variable"),
    re.compile(r"UndefinedValueError: (\w+) not found"),
    re.compile(r"(?:environment variable|env var)\w*[ :'\"`]+([A-Z][A-Z0-9_]+)"),
)
_ON = ("1", "true", "yes", "on", "t", "y")
OFF = "0"
"""Read as off in every way in which projects read DEBUG."""
SECRET = "for-load-tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Variable:
    """A variable that is read."""

    name: str
    kind: str = ""
    """What it is read as: `int`, `bool`, `db` and so on; empty: text."""
    needed: bool = False
    """Whether settings fail without it."""


def variables(modules: Sequence[Module]) -> dict[str, Variable]:
    """The variables that settings read, by name."""
    found: dict[str, Variable] = {}
    with_default = {name for module in modules for name in _declared(module.tree)}
    for module in modules:
        always = set(map(id, unconditional(module.tree)))
        for one, node in _read(module.tree):
            needed = one.needed and id(node) in always and one.name not in with_default
            before = found.get(one.name)
            kind = one.kind or (before.kind if before else "")
            needed = needed or (before is not None and before.needed)
            found[one.name] = Variable(one.name, kind, needed)
    return found


def debugging(modules: Sequence[Module], given: Mapping[str, str]) -> tuple[str, ...]:
    """The variables by which DEBUG is on, as its default or what is `given` says."""
    found = {
        one.name: given.get(one.name, _default(node))
        for module in modules
        for assigned in ast.walk(module.tree)
        if _assigns(assigned, "DEBUG")
        for one, node in _read(assigned)
    }
    return tuple(name for name, value in found.items() if value.lower() in _ON)


def _default(node: ast.AST) -> str:
    """The default of a variable that is read, as text; "" where there is none."""
    if not isinstance(node, ast.Call):
        return ""
    named = [word.value for word in node.keywords if word.arg == "default"]
    value = [*node.args[1:], *named][:1]
    return str(value[0].value) if value and isinstance(value[0], ast.Constant) else ""


def _read(tree: ast.AST) -> Iterator[tuple[Variable, ast.AST]]:
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and _is_environ(node.value) and text(node.slice):
            yield Variable(text(node.slice), needed=isinstance(node.ctx, ast.Load)), node
        elif isinstance(node, ast.Call) and node.args and text(node.args[0]):
            yield from _called(node, parents.get(id(node)))


def _called(call: ast.Call, parent: ast.AST | None) -> Iterator[tuple[Variable, ast.AST]]:
    name = text(call.args[0])
    default = len(call.args) > 1 or any(word.arg == "default" for word in call.keywords)
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr == "get" and _is_environ(func.value):
        # without a default it is None, which neither a method nor a secret key may be
        used = isinstance(parent, ast.Attribute) or _assigns(parent, "SECRET_KEY")
        yield Variable(name, needed=used and not default), call
    elif _name(func).endswith("getenv"):
        yield Variable(name, needed=_assigns(parent, "SECRET_KEY") and not default), call
    elif isinstance(func, ast.Name) and func.id in _READERS:
        cast = next((_name(word.value) for word in call.keywords if word.arg == "cast"), "")
        yield Variable(name, cast, needed=not default), call
    elif isinstance(func, ast.Attribute) and _name(func.value) in _READERS:
        yield Variable(name, func.attr, needed=not default), call


def _declared(tree: ast.Module) -> Iterator[str]:
    """Variables with a default in `environ.Env(NAME=(bool, False))`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func).split(".")[-1] in (
            "Env",
            "FileAwareEnv",
        ):
            yield from (word.arg for word in node.keywords if word.arg)


def _is_environ(node: ast.AST) -> bool:
    return _name(node) in ("os.environ", "environ")


def _assigns(node: ast.AST | None, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(one, ast.Name) and one.id == name for one in targets)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}".removeprefix(".")
    return node.id if isinstance(node, ast.Name) else ""


def missing(error: str, read: Collection[str] = ()) -> str:
    """The variable that settings said they lack as they were loaded; "" for another error.

    Of those that they `read`, the first that the error names: projects have words of their own.
    """
    told = next((found[1] for lacked in _LACKED if (found := lacked.search(error))), "")
    return told or next((word for word in re.findall(r"[A-Z]\w+", error) if word in read), "")


def stand_ins(
    names: Sequence[str], read: Mapping[str, Variable], examples: Mapping[str, str]
) -> dict[str, str]:
    """A value for each variable: the rig's database, the project's own example, or a dummy."""
    return {
        name: _of_database(name, read.get(name)) or examples.get(name, "") or _dummy(name, read)
        for name in names
    }


def _of_database(name: str, read: Variable | None) -> str:
    upper = name.upper()
    if (read and read.kind in ("db", "db_url")) or upper.endswith("DATABASE_URL"):
        return "{database_url}"
    if not _DATABASE.search(upper):
        return ""
    for words, value in (
        (("PASSWORD", "PASS", "PWD"), "{database_password}"),
        (("USER", "USERNAME"), "{database_user}"),
        (("HOST", "HOSTNAME", "SERVER"), "{database_host}"),
        (("PORT",), "{database_port}"),
        (("URL", "DSN", "URI"), "{database_url}"),
        (("ENGINE", "BACKEND"), "django.db.backends.postgresql"),
        (("NAME", "DB", "DATABASE"), "{database_name}"),
    ):
        if upper.split("_")[-1] in words:
            return value
    return ""


def _dummy(name: str, read: Mapping[str, Variable]) -> str:
    upper, kind = name.upper(), read[name].kind if name in read else ""
    if kind in ("int", "float") or upper.endswith("PORT"):
        return "1"
    if kind == "bool" or "DEBUG" in upper:
        return "False"
    if "SECRET" in upper or upper.endswith("KEY"):
        return SECRET
    if "HOSTS" in upper:
        return "*"
    if "REDIS" in upper or "BROKER" in upper or "CACHE" in upper:
        return "redis://localhost:6379/0"
    if kind in _URLS or upper.endswith(("URL", "URI", "DSN")):
        return "http://localhost"
    if "EMAIL" in upper or "MAIL_FROM" in upper:
        return "nobody@example.org"
    return "x"
