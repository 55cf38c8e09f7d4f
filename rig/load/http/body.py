"""A request's body as its kind and its bytes, with places for what differs. Pure."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from mimetypes import guess_type
from typing import Any
from urllib.parse import urlencode

from rig.load.http.asked import RouteRequest
from rig.load.http.words import Part, Parts, joined, parts_of

FORM = "application/x-www-form-urlencoded"


def body_of(route: RouteRequest) -> tuple[str, Parts | None]:
    """The body's kind, and its parts; nothing for no body."""
    if route.json is not None:
        return "application/json", parts_of(route.json, json.dumps, route.words, "json")
    if route.files:
        return _multipart(route)
    if route.form:
        return FORM, parts_of(dict(route.form), _urlencoded, route.words, "form")
    if route.body:
        return "text/plain; charset=utf-8", parts_of(route.body, str, route.words, "plain")
    return "", None


def _urlencoded(form: Mapping[str, Any]) -> str:
    return urlencode(form, doseq=True)


def _multipart(route: RouteRequest) -> tuple[str, Parts]:
    """A form with files. Its boundary stands in none of them."""
    contents = [b64decode(one.content_base64) for one in route.files]
    digest = sha256(repr((route.form, route.files)).encode()).hexdigest()[:24]
    boundary = f"----rig-{digest}"
    parts: list[Part] = []
    for name, said in route.form.items():
        for value in (said,) if isinstance(said, str) else said:
            parts += [_disposition(boundary, name)]
            parts += [*parts_of(value, str, route.words, "plain"), b"\r\n"]
    for one, content in zip(route.files, contents, strict=True):
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
