"""Factors that are no more: what older files still say of them, and what says it now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rig.plan import Plan


@dataclass(frozen=True)
class Retired:
    """A factor that another one has replaced."""

    levels: tuple[str, ...]
    what: str
    """What became of it."""
    do: str
    """What to write instead."""


RETIRED: Mapping[str, Retired] = {
    "wsgi_worker": Retired(
        ("auto", "gthread"),
        "`wsgi_worker` is no factor any more, `server` replaced it",
        "for `gthread` write `server: gunicorn-gthread`; leave `auto` out",
    ),
}


def words(plan: Plan) -> Mapping[str, str]:
    """What their placeholders stand for in the `start` of an older target: gunicorn's own rule."""
    return {"wsgi_worker": "gthread" if plan.app_threads > 1 else "sync"}
