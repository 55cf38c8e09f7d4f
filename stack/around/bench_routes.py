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
ASKING = frozenset({"AccessMixin", "IsAuthenticated", "IsAdminUser", "DjangoModelPermissions"})
DECORATORS = os.path.join("django", "contrib", "auth", "decorators.py")
_NO_TEXT = re.compile(r"(?<!\\)[\[\](){}*+?|.<>]")


def routes(
    patterns: list[Any], before: str = "", space: str = ""
) -> Iterator[tuple[str, str, bool]]:
    """Name and path of each, and whether anybody may ask; in the order in which they are tried."""
    for one in patterns:
        path = literal(str(one.pattern), hasattr(one.pattern, "_is_endpoint"))
        if path is None:
            continue
        if hasattr(one, "url_patterns"):
            inside = ":".join(filter(None, (space, one.namespace)))
            yield from routes(one.url_patterns, before + path, inside)
        elif gets(one.callback):
            name = ":".join(filter(None, (space, one.name)))
            yield name, "/" + before + path, not asks_who(one.callback)


def home() -> Iterator[tuple[str, str, bool]]:
    """The front page, which a pattern with parameters may serve, as those of a CMS do."""
    from django.urls import Resolver404, resolve

    try:
        match = resolve("/")
    except Resolver404:
        return
    if gets(match.func):
        name = ":".join(filter(None, [*match.namespaces, match.url_name]))
        yield name, "/", not asks_who(match.func)


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
    kind = class_of(view)
    if kind is None:
        return True
    return hasattr(kind, "get") and "RedirectView" not in names(kind)


def asks_who(view: Any) -> bool:
    """Whether a view is for those who are logged in, as far as it can be told."""
    kind = class_of(view)
    allowed = [one.__name__ for one in getattr(kind, "permission_classes", ())]
    if ASKING.intersection(names(kind)) or ASKING.intersection(allowed):
        return True
    code = getattr(view, "__code__", None)
    return code is not None and code.co_filename.endswith(DECORATORS)


def class_of(view: Any) -> Any:
    """The class of a view, Django's or the REST framework's; None of a function."""
    return getattr(view, "view_class", getattr(view, "cls", None))


def names(kind: Any) -> list[str]:
    """Those of a class and of all that it inherits from."""
    return [one.__name__ for one in getattr(kind, "__mro__", ())]


def set_up() -> None:
    """Loads apps and models. What an app raises when it is ready is passed over."""
    import django
    from django.apps import apps

    try:
        django.setup()
    except Exception:
        if not apps.models_ready:  # from here on, apps may have asked their database
            raise
        traceback.print_exc()
        apps.ready = True


def main() -> None:
    """Prints `routes` or the `error` of a project that does not load."""
    said: dict[str, Any] = {}
    sys.path[0] = os.getcwd()
    os.environ["DJANGO_SETTINGS_MODULE"] = sys.argv[1]
    printed, sys.stdout = sys.stdout, sys.stderr
    try:
        import django
        from django.urls import get_resolver

        set_up()
        found = list(dict.fromkeys([*home(), *routes(get_resolver().url_patterns)]))
        said = {"routes": found[:MOST], "django": django.get_version()}
    except BaseException as error:
        lines = traceback.format_exception_only(type(error), error)
        said = {"error": " ".join("".join(lines).split())}
    printed.write("\n" + json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
