"""Loads a project's callable, its settings laid over first; says in one line why it cannot be.

The line goes into the file START_ERROR of the folder BENCH_COUNTERS: servers differ in what they
do and print when an app does not load, and some of them try again for ever.
"""

from __future__ import annotations

import os
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import bench_failures
import bench_overlay

START_ERROR = "start-error"
MOST_CHARS = 1000


def load(variable: str) -> Any:
    """The callable that an environment variable names, as `shop.wsgi:application`."""
    try:
        found = _loaded(os.environ[variable])
    except BaseException as error:
        _say(error)
        raise
    bench_failures.tell()
    return found


def _loaded(name: str) -> Any:
    if os.environ.get("BENCH_OVERLAY") == "on":
        bench_overlay.lay_over_configure()
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        from django.conf import settings

        # now: the project's own module may name other settings, unless there are some
        _ = settings.INSTALLED_APPS
    module, _, attribute = name.partition(":")
    found = import_module(module)
    for word in (attribute or "application").split("."):
        found = getattr(found, word)
    return found


def _say(error: BaseException) -> None:
    line = traceback.format_exception_only(type(error), error)[-1].strip()
    folder = os.environ.get("BENCH_COUNTERS")
    try:
        if folder:
            scratch = Path(folder) / f"{START_ERROR}-{os.getpid()}"
            scratch.write_text(line[:MOST_CHARS], encoding="utf-8")
            scratch.rename(Path(folder) / START_ERROR)
    except OSError:
        pass  # the log has it
