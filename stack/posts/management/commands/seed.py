"""`seed N`: fills the empty table with N posts by COPY, always the same ones."""

from __future__ import annotations

import random
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from posts import sql

SEED = 2022
CHUNK_POSTS = 10_000
FIRST_POST_AT = datetime(2022, 1, 1, tzinfo=UTC)
_WORDS = ("async", "cursor", "delay", "event", "loop", "packet", "queue", "thread", "wait", "query")


class Command(BaseCommand):
    help = "Fills the empty table of posts with N posts, the same ones every time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("posts", type=int, metavar="N", help="how many posts")

    def handle(self, *_args: Any, posts: int, **_options: Any) -> None:
        if posts < 0:
            raise CommandError(f"seed {posts}: N must not be negative")
        with connection.cursor() as cursor:
            cursor.execute(sql.COUNT)
            (there,) = cursor.fetchone()
            if there:
                raise CommandError(
                    f"posts_post already has {there} rows; seed an empty database instead"
                )
            # One COPY, hence all or nothing, however many chunks it is fed.
            with cursor.copy(sql.COPY) as copy:
                for chunk in chunks(posts):
                    copy.write(chunk)
            cursor.execute("VACUUM (FREEZE, ANALYZE) posts_post")
            cursor.execute(sql.COUNT)
            (there,) = cursor.fetchone()
        self.stdout.write(f"{there} rows in posts_post")


def chunks(posts: int) -> Iterator[str]:
    """The first `posts` posts in COPY's text format, CHUNK_POSTS rows at a time."""
    rng = random.Random(SEED)
    contents = [" ".join(rng.choices(_WORDS, k=16)) for _ in range(64)]
    for first in range(0, posts, CHUNK_POSTS):
        last = min(posts, first + CHUNK_POSTS)
        yield "".join(_line(number, rng, contents) for number in range(first, last))


def _line(number: int, rng: random.Random, contents: list[str]) -> str:
    key = uuid.UUID(int=rng.getrandbits(128), version=4)
    at = (FIRST_POST_AT + timedelta(seconds=number)).isoformat()
    return f"{key}\tPost {number}\t{contents[number % len(contents)]}\t{at}\t{at}\n"
