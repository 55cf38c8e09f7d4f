from __future__ import annotations

import pytest

from rig.config import cells, filter_cells, parse_only
from rig.model import Level, UsageError

from .conftest import Read


@pytest.mark.parametrize(
    ("text", "only", "count"),
    [
        ("target=async", {"target": ("async",)}, 6),
        ("route=io_create, target=async", {"route": ("io_create",), "target": ("async",)}, 3),
        ("route=cpu|io_create", {"route": ("cpu", "io_create")}, 10),
        ("route=cpu,route=io_create,route=cpu", {"route": ("cpu", "io_create")}, 10),
        ("delay_ms=100.0", {"delay_ms": (100,)}, 6),
        ("max_connections=1000", {"max_connections": (1000,)}, 2),
        ("pooler=direct", {"pooler": ("direct",)}, 10),
    ],
)
def test_what_is_asked_for(
    read: Read, text: str, only: dict[str, tuple[Level, ...]], count: int
) -> None:
    matrix = read()
    assert parse_only(text, matrix) == only
    assert len(filter_cells(cells(matrix), only)) == count


@pytest.mark.parametrize(
    ("text", "what", "do"),
    [
        ("rout=cpu", "there is no factor `rout`", "did you mean `route`?"),
        ("wsgi_worker=gthread", "`server` replaced it", "write `server: gunicorn-gthread`"),
        ("target=asink", "`asink` is no level of target here, expected one of", ""),
        ("target=asyn", "expected one of sync, async", "did you mean `async`?"),
        ("delay_ms=200", "`200` is no level of delay_ms here, expected one of 0, 100", ""),
        ("route=cpu|", "`` is no level of route here", ""),
        ("pooler=pgbouncer", "`pgbouncer` is no level of pooler here, expected direct", ""),
        ("target", "`target` is no FACTOR=LEVEL", "write it like delay_ms=0|100,target=async"),
        ("", "`` is no FACTOR=LEVEL", "write it like delay_ms=0|100,target=async"),
        (
            "target=sync,max_connections=1000",
            "no cell of small has all of these levels",
            "python runner.py plan shows its cells",
        ),
    ],
)
def test_what_cannot_be_asked_for(read: Read, text: str, what: str, do: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_only(text, read())
    assert what in caught.value.what
    assert do in caught.value.do
