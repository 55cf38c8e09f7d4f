"""What a call of `PlainHttpUser`'s client sends as a body: its kind and its bytes.

As FastHttpUser's client makes them of the same arguments. Pure but for files, which are read.
"""

from __future__ import annotations

import json as jsons
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from urllib.parse import urlencode

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

Data = str | bytes | Mapping[str, Any] | IO[bytes] | None
Files = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""By field: a file, its text or bytes, or (name, that, kind, headers, boundary), of which the first
two have to be said."""

JSON = "application/json"


def body_of(data: Data, json: Any, files: Files | None) -> tuple[str, bytes | None]:
    """The kind and the bytes of what a call sends; None for nothing. ValueError: not both."""
    if files:
        return _multipart(data, files)
    if not data:
        return ("", None) if json is None else (JSON, jsons.dumps(json).encode())
    if isinstance(data, Mapping):
        form = urlencode(data, doseq=True).encode()
        return "application/x-www-form-urlencoded; charset=utf-8", form
    if isinstance(data, str):
        return "text/plain; charset=utf-8", data.encode()
    return "application/octet-stream", data if isinstance(data, bytes) else data.read()


def _multipart(data: Data, files: Files) -> tuple[str, bytes]:
    form = data or {}
    if not isinstance(form, Mapping):
        raise ValueError("`files=` goes with a form as `data=`, not with text or bytes")
    boundary, parts = None, list(_fields(form))
    for field, said in files.items() if isinstance(files, Mapping) else files:
        part, own_boundary = _file(field, said)
        parts += [part] if part else []
        boundary = boundary or own_boundary
    body, kind = encode_multipart_formdata(parts, boundary)
    return kind, body


def _fields(form: Mapping[str, Any]) -> Iterator[RequestField]:
    for name, said in form.items():
        one = isinstance(said, str | bytes) or not isinstance(said, Iterable)
        values: Iterable[Any] = (said,) if one else said
        for value in values:
            if value is not None:
                field = RequestField(name, value if isinstance(value, bytes) else str(value))
                field.make_multipart()
                yield field


def _file(field: str, said: Any) -> tuple[RequestField | None, str | None]:
    """A file's part of the body, None for no file; and the boundary that it asks for."""
    said = tuple(said) if isinstance(said, tuple | list) else (_name_of(said) or field, said)
    filename, content, kind, headers, boundary = [*said, None, None, None][:5]
    if content is None:
        return None, boundary
    read = content.read() if hasattr(content, "read") else content
    part = RequestField(field, read, filename, headers)
    part.make_multipart(content_type=kind)
    return part, boundary


def _name_of(file: Any) -> str:
    """What an open file is called; nothing for standard input and its like."""
    name = getattr(file, "name", "")
    name = os.fsdecode(name) if isinstance(name, str | bytes) else ""
    return "" if name.startswith("<") else os.path.basename(name)
