"""Prints a project's GET routes without parameters, from its URL resolver, as one line of JSON.

    python bench_routes.py SETTINGS

In the project's own folder and Python, which may be 3.8. May not know the database.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from typing import Any, Iterator

MOST = 500
_NO_TEXT = re.compile(r"(?<!\\)[\[\](){}*+?|.<>]")


def routes(patterns: list[Any], before: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Name and path of each, in the order in which they are tried."""
    for one in patterns:
        path = literal(str(one.pattern), hasattr(one.pattern, "_is_endpoint"))
        if path is None:
            continue
        if hasattr(one, "url_patterns"):
            inside = ":".join(filter(None, (space, one.namespace)))
            yield from routes(one.url_patterns, before + path, inside)
        elif gets(one.callback):
            yield ":".join(filter(None, (space, one.name))), "/" + before + path


def literal(pattern: str, perhaps_regex: bool) -> str | None:
    """A pattern's path where it has no parameter; else None."""
    if perhaps_regex and pattern.startswith("^"):
        pattern = re.sub(r"(\\Z|\$)$", "", pattern[1:])
        pattern = re.sub(r"/\?$", "/", pattern)
        if _NO_TEXT.search(pattern):
            return None
        return re.sub(r"\\(.)", r"\1", pattern)
    return None if "<" in pattern else pattern


def gets(view: Any) -> bool:
    """Whether a view answers GET, as far as it can be told without asking."""
    actions = getattr(view, "actions", None)
    if actions:
        return "get" in actions
    kind = getattr(view, "view_class", getattr(view, "cls", None))
    return kind is None or hasattr(kind, "get")


def main() -> None:
    """Prints `routes` or the `error` of a project that does not load."""
    said: dict[str, Any] = {}
    sys.path[0] = os.getcwd()
    os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
    printed, sys.stdout = sys.stdout, sys.stderr
    try:
        import django
        from django.urls import get_resolver

        django.setup()
        found = list(dict.fromkeys(routes(get_resolver().url_patterns)))
        said = {"routes": found[:MOST], "django": django.get_version()}
    except BaseException as error:
        lines = traceback.format_exception_only(type(error), error)
        said = {"error": " ".join("".join(lines).split())}
    printed.write("\n" + json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
