"""The schema of `summary.json`, and a session's file held against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA = Path(__file__).parents[3] / "schemas" / "summary.schema.json"


def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def fitting(derived: Path) -> Any:
    """What `summary.json` of a `derived/` says; ValidationError where the schema refuses it."""
    said = json.loads((derived / "summary.json").read_bytes())
    validator().validate(said)
    return said
