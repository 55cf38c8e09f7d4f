"""Which version of everything on disk is read: this code's own.

Pure. May not know what else the files say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from rig.disk.typed import fitted
from rig.model import SCHEMA, UsageError


class OtherSchema(UsageError):
    """A session is of a schema that this code does not read."""


class _Versioned(TypedDict):
    schema: int


def another(data: Any) -> str:
    """Why JSON of its schema is not read, and what to do; empty for this code's own.

    Unfit where it does not say its schema.
    """
    schema = fitted(_Versioned, data)["schema"]
    if schema == SCHEMA:
        return ""
    if schema > SCHEMA:
        return f"schema {schema} is newer than this code's {SCHEMA}; update the code"
    return f"schema {schema} is older than this code's {SCHEMA}; measure it again"


def hold_schema(about: Any, path: Path) -> None:
    """Of what a `session.json` holds: OtherSchema, with one line; Unfit where it does not say."""
    if says := another(about):
        raise OtherSchema(f"{path}: {says}")
