"""A request's body as its kind and its bytes, with places for what differs. Pure."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlencode

from rig.load.asked import RouteRequest
from rig.load.words import Part, Parts, joined, parts_of

FORM = "application/x-www-form-urlencoded"


def body_of(asked: RouteRequest) -> tuple[str, Parts | None]:
    """The body's kind, and its parts; nothing for no body."""
    if asked.json is not None:
        return "application/json", parts_of(asked.json, json.dumps, asked.words, "json")
    if asked.files:
        return _multipart(asked)
    if asked.form:
        return FORM, parts_of(dict(asked.form), _urlencoded, asked.words, "form")
    if asked.body:
        return "text/plain; charset=utf-8", parts_of(asked.body, str, asked.words, "plain")
    return "", None


def _urlencoded(form: Mapping[str, Any]) -> str:
    return urlencode(form, doseq=True)


def _multipart(asked: RouteRequest) -> tuple[str, Parts]:
    """A form with files. Its boundary stands in none of them."""
    contents = [b64decode(one.content_base64) for one in asked.files]
    digest = sha256(repr((asked.form, asked.files)).encode()).hexdigest()[:24]
    boundary = f"----rig-{digest}"
    parts: list[Part] = []
    for name, said in asked.form.items():
        for value in (said,) if isinstance(said, str) else said:
            parts += [_disposition(boundary, name)]
            parts += [*parts_of(value, str, asked.words, "plain"), b"\r\n"]
    for one, content in zip(asked.files, contents, strict=True):
        kind = guess_type(one.name)[0] or "application/octet-stream"
        parts += [_disposition(boundary, one.field, one.name, kind), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", joined(parts)


def _disposition(boundary: str, name: str, filename: str = "", kind: str = "") -> bytes:
    said = f'form-data; name="{_quoted(name)}"'
    if filename:
        said += f'; filename="{_quoted(filename)}"\r\nContent-Type: {kind}'
    return f"--{boundary}\r\nContent-Disposition: {said}\r\n\r\n".encode()


def _quoted(name: str) -> str:
    # as browsers do it
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
