"""What is asked of one route, as data: the part of a load's file that says what to send.

Pure. May not know how it is written onto a wire (`request`), nor who sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rig.load.http.expected import Expected
from rig.load.http.values import PER_USER, RanOut, Values
from rig.load.http.words import OWN_WORDS

MOST_USERS = 1_000_000


@dataclass(frozen=True)
class FilePart:
    """A file of a multipart body: the field's name, the file's, and what is in it."""

    field: str
    name: str
    content_base64: str


@dataclass(frozen=True)
class RouteRequest:
    """What is asked of one route, and what answers are right: the same for load, scout and verify.

    At most one of `form`, `json`, `body` is said; with `files` the form is multipart.
    """

    route: str
    method: str
    path: str
    """Begins with /; what is not ASCII is percent-encoded as it is sent."""
    statuses: tuple[int, ...] = (200,)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent in the place of, or beside, what is sent anyway; an empty one takes that away."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """A list is a field that is sent as often."""
    json: Any = None
    body: str = ""
    """As it is; `Content-Type` is the route's to say."""
    files: tuple[FilePart, ...] = ()
    words: tuple[str, ...] = OWN_WORDS
    """What stands for something of each request's own, in braces, in any text of it."""
    values: tuple[Values, ...] = ()
    """What stands for some of the words."""
    always: Expected | None = None
    """What every answer is looked at for, beyond its status; None for nothing."""

    def values_at(self, position: int, user: int) -> dict[str, str | int]:
        """By word, what the request at a position among the route's has. RanOut."""
        return {one.word: one.at(position, user) for one in self.values}

    def own_values(self, user: int) -> dict[str, str | int]:
        """Those of them that a user has in all its requests. RanOut."""
        return {one.word: one.at(0, user) for one in self.values if one.order == PER_USER}

    def ran_out(self) -> RanOut:
        """Says which of `shared` has no more values."""
        return min((one for one in self.shared if one.ends), key=len).ran_out()

    @property
    def shared(self) -> list[Values]:
        """Those that requests have by their positions, whoever asks."""
        return [one for one in self.values if one.order != PER_USER]

    @property
    def most_users(self) -> int:
        """How many users find a value of their own."""
        return min((len(one) for one in self.values if one.order == PER_USER), default=MOST_USERS)

    def endless(self) -> RouteRequest:
        """The same, with values that begin again."""
        return replace(self, values=tuple(replace(one, repeats=True) for one in self.values))

    def with_rows(self, rows: Mapping[str, tuple[str | int, ...]]) -> RouteRequest:
        """The same, with what the database gave for each query."""
        filled = (
            replace(one, items=rows[one.query], query="") if one.query else one
            for one in self.values
        )
        return replace(self, values=tuple(filled))
