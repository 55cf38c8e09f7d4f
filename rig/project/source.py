"""A project's Python files as syntax trees, by their modules' names."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rig.disk.files import read_text
from rig.model import DamagedFile

MOST_BYTES = 1 << 20
MOST_MODULES = 60


@dataclass(frozen=True)
class Module:
    """A file that could be read."""

    name: str
    path: Path
    tree: ast.Module


def module(root: Path, name: str) -> Module | None:
    """A module by its dotted name below `root`; None where there is none that can be read."""
    base = root.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if tree := tree_of(path):
            return Module(name, path, tree)
    return None


def tree_of(path: Path) -> ast.Module | None:
    """A file's syntax tree; None for what is no Python that this one reads."""
    with contextlib.suppress(OSError, DamagedFile, SyntaxError, ValueError, RecursionError):
        return ast.parse(read_text(path, MOST_BYTES))
    return None


def reached(root: Path, name: str) -> list[Module]:
    """A module of the project and those that it imports from there."""
    found: dict[str, Module] = {}
    left = [name]
    while left and len(found) < MOST_MODULES:
        here = left.pop(0)
        if here in found or not (one := module(root, here)):
            continue
        found[here] = one
        left += _imported(one)
    return list(found.values())


def _imported(of: Module) -> Iterator[str]:
    package = of.name if of.path.name == "__init__.py" else of.name.rpartition(".")[0]
    for node in ast.walk(of.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = ".".join(above[: len(above) - node.level + 1]) if node.level else ""
            where = ".".join(part for part in (base, node.module or "") if part)
            yield where
            yield from (f"{where}.{alias.name}" for alias in node.names if alias.name != "*")


def unconditional(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs whenever the module is imported, in whatever state."""
    left: list[ast.AST] = list(tree.body)
    later = (ast.If, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try, ast.Lambda)
    while left:
        node = left.pop(0)
        # an `or` or an `if … else` of one line may never come to its other half
        if not isinstance(node, (*later, ast.IfExp, ast.BoolOp)):
            yield node
            left[:0] = ast.iter_child_nodes(node)


def text(node: ast.AST | None) -> str:
    """A constant text; "" for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
