"""A report as one HTML file that fetches nothing and runs nothing.

The markup and the style sheet stand in `templates/`. May not know what a section says.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.figures.style import FIGURE_STYLE
from analysis.report.blocks import (
    Figure,
    Fold,
    Items,
    Link,
    Log,
    Mark,
    Para,
    Report,
    Strong,
    Table,
)
from rig.model import printable

TEMPLATES = Path(__file__).parent / "templates"
KINDS = (Para, Items, Table, Figure, Log, Fold, Link, Strong, Mark)
"""What a template can ask a block or a word for: `block is table`."""


def page(report: Report) -> str:
    """The whole file."""
    style = FIGURE_STYLE + (TEMPLATES / "page.css").read_text(encoding="utf-8")
    template = _templates().get_template("page.html")
    return template.render(report=report, style=Markup(style), policy=policy(style))


def policy(style: str) -> str:
    """A Content-Security-Policy that allows this style sheet, an inline icon, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'"


@functools.cache
def _templates() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.tests.update({kind.__name__.lower(): _is(kind) for kind in KINDS})
    return made


def _printable(value: object) -> object:
    """Text from outside without characters that a page cannot hold; markup as it is."""
    return printable(value) if type(value) is str else value


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)
