"""JSON Schemas of experiments, targets and nodes files, for editors; `make schemas` writes them.

They refuse what is wrong by its structure. What only shows in combination, or with the targets at
hand, the reader refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from rig.config.experiment import PROFILE_KEYS, Experiment
from rig.config.nodes import NodesFile
from rig.config.target import Target

FOLDER = Path(__file__).parents[2] / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PART = "PartOf"


class _Generate(GenerateJsonSchema):
    """As pydantic's, but for keys that no pattern allows, durations, nulls, and keys said again."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        default = made.get("default")
        if made.get("type") == "string" and isinstance(default, float):
            return {**made, "default": f"{default:g}s"}
        return {key: value for key, value in made.items() if (key, value) != ("default", None)}


def experiment_schema() -> Mapping[str, Any]:
    """Of an experiment's file."""
    made = Experiment.model_json_schema(schema_generator=_Generate)
    profiles = made["properties"]["profiles"]
    section = {key: value for key, value in made["properties"].items() if key not in PROFILE_KEYS}
    (pattern,) = profiles["patternProperties"]
    profiles["patternProperties"][pattern] = {"$ref": f"#/$defs/{_PART}Experiment"}
    whole = {**made["$defs"], "Experiment": {**_top(made), "properties": section}}
    parts = {f"{_PART}{name}": _partial(one) for name, one in whole.items()}
    return {"$schema": _DIALECT, **made, "$defs": {**made["$defs"], **parts}}


def target_schema() -> Mapping[str, Any]:
    """Of a target's file; its routes may leave out what the catalogue says."""
    made = Target.model_json_schema(schema_generator=_Generate)
    made["$defs"]["Route"].pop("required")
    return {"$schema": _DIALECT, **made}


def nodes_schema() -> Mapping[str, Any]:
    """Of a nodes file."""
    return {"$schema": _DIALECT, **NodesFile.model_json_schema(schema_generator=_Generate)}


def _top(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$defs"}


def _partial(schema: Any) -> Any:
    """As the schema, with nothing needed: the rest stands in what it is laid over."""
    if isinstance(schema, list):
        return [_partial(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    part = {
        key: _partial(value)
        for key, value in schema.items()
        if key not in ("required", "minProperties", "default")
    }
    if "$ref" in part:
        part["$ref"] = part["$ref"].replace("#/$defs/", f"#/$defs/{_PART}")
    return part


def written(schema: Mapping[str, Any]) -> str:
    """The schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


SCHEMAS: Mapping[str, Any] = {
    "experiment.schema.json": experiment_schema,
    "target.schema.json": target_schema,
    "nodes.schema.json": nodes_schema,
}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, make in SCHEMAS.items():
        (FOLDER / name).write_text(written(make()), encoding="utf-8")
