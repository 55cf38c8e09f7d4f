"""The settings both targets share, as the environment makes them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from posts import settings


def test_one_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_X", raising=False)
    assert settings.one_of("BENCH_X", "first", "second") == "first"
    monkeypatch.setenv("BENCH_X", "second")
    assert settings.one_of("BENCH_X", "first", "second") == "second"
    monkeypatch.setenv("BENCH_X", "third")
    with pytest.raises(ImproperlyConfigured, match="BENCH_X='third': set it to one of first"):
        settings.one_of("BENCH_X", "first", "second")


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", ""])
def test_natural_refuses(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BENCH_X", text)
    with pytest.raises(ImproperlyConfigured, match="a whole number above 0"):
        settings.natural("BENCH_X", 1)


@pytest.mark.parametrize(
    ("connections", "max_age", "pooled"),
    [("per_request", 0, False), ("persistent", None, False), ("pool", 0, True)],
)
def test_a_connection_policy(connections: str, max_age: int | None, pooled: bool) -> None:
    database = settings.postgres(connections)
    assert database["CONN_MAX_AGE"] == max_age
    assert ("pool" in database["OPTIONS"]) == pooled
    assert "PASSWORD" not in database


def test_neither_debug_nor_middleware() -> None:
    assert settings.DEBUG is False
    assert settings.MIDDLEWARE == []
