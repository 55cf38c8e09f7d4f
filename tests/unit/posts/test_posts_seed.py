"""The posts that `seed` makes: always the same, well formed, as many as asked."""

from __future__ import annotations

import uuid

from posts.management.commands.seed import CHUNK_POSTS, chunks
from posts.sql import COLUMNS


def test_the_same_posts_every_time() -> None:
    assert list(chunks(50)) == list(chunks(50))
    assert "".join(chunks(60)).startswith("".join(chunks(50)))


def test_as_many_as_asked_in_chunks() -> None:
    assert list(chunks(0)) == []
    made = list(chunks(CHUNK_POSTS + 1))
    assert [chunk.count("\n") for chunk in made] == [CHUNK_POSTS, 1]


def test_rows_are_posts_with_keys_of_their_own() -> None:
    rows = [line.split("\t") for line in "".join(chunks(500)).splitlines()]
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert len({uuid.UUID(row[0]) for row in rows}) == 500
    assert all(0 < len(row[1]) <= 100 for row in rows)
