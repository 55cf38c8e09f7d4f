"""What is asked of a target: routes, mixes of them, sessions before them, somebody's Locust files.

Pure. May not know the target that serves them, where they come from (YAML), nor who sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from rig.load.http.expected import Expected
from rig.load.http.sessions import Take
from rig.load.http.values import IN_ORDER, Order
from rig.load.http.words import words_in
from rig.load.think import Think
from rig.model import Between, Index

StatusCode = Annotated[int, Between(100, 599)]
SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that write nothing, by what they mean."""


@dataclass(frozen=True)
class File:
    """A file beside a target's own, as it was when the target was read."""

    path: str
    """Seen from the target's folder."""
    sha256: str


@dataclass(frozen=True)
class ValueSource:
    """Where the values of a word come from: a list, a span, a column of a CSV file, a query."""

    items: tuple[str | int, ...] = ()
    span: tuple[int, int] | None = None
    """The first and the last of whole numbers."""
    csv: File | None = None
    column: str = ""
    query: str = ""
    """Asked of the seeded database; its first column."""
    order: Order = IN_ORDER
    seed: int = 1
    repeats: bool = True


@dataclass(frozen=True)
class SessionStep:
    """A request that a user sends before its first one, and what is taken from its answer."""

    method: str
    path: str
    form: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    json: Any = None
    body: str = ""
    files: Mapping[str, File] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    status: StatusCode | tuple[StatusCode, ...] = 200
    take: tuple[Take, ...] = ()
    values: Mapping[str, ValueSource] = field(default_factory=dict)
    """Of each user, whose number is their position."""


@dataclass(frozen=True)
class Mix:
    """Several routes that each user asks for by chance, by their weights."""

    routes: Mapping[str, Annotated[int, Between(1, 1_000_000)]]
    session: str = ""
    think: Think | None = None
    """None: as the load says."""
    seed: int = 1


@dataclass(frozen=True)
class LocustFile:
    """Somebody's own Locust file, whose users load the target as they are."""

    file: File
    tags: tuple[str, ...] = ()
    """Only tasks with one of them, and those without any of `exclude_tags`; empty for all."""
    exclude_tags: tuple[str, ...] = ()
    user_classes: tuple[str, ...] = ()
    """Those that are run; empty for all."""
    requirements: File | None = None
    """The packages that it imports beside Locust; None: the load's own are enough."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that it reads."""


@dataclass(frozen=True)
class Route:
    """A request a target serves, and what a correct answer is.

    `{unique}` in any text of the request becomes load worker and sequence.
    """

    name: str
    method: str
    path: str
    form: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Body fields, form-encoded; a list is sent as often."""
    json: Any = None
    """A JSON body of any shape instead of a form."""
    status: StatusCode | tuple[StatusCode, ...] = 200
    """What a right answer has; one of several."""
    answer: Any = field(default_factory=dict)
    """What the JSON answer must hold: members of a map, at any depth, or items of a list, all of
    them. `{posts}`, `{cpu_sum}`, `{length:N}` and the request's own words are filled in."""
    statements: Index | None = None
    """SQL statements one request sends; None where nobody declared it."""
    varying: tuple[str, ...] = ()
    """Members of the JSON answer that no two answers share, by dotted path; lists are passed
    through. Two targets' answers are compared without them."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent beside what is sent anyway, or in its place; an empty one takes that away."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    """A body as it is, instead of a form."""
    files: Mapping[str, File] = field(default_factory=dict)
    """By field; the form is multipart then."""
    answer_text: str = ""
    """Stands somewhere in the answer."""
    answer_pattern: str = ""
    """A regular expression that matches somewhere in the answer."""
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the answer must have, with their whole values."""
    values: Mapping[str, ValueSource] = field(default_factory=dict)
    """By word: what stands for it in each request."""
    always: Expected | None = None
    """What is looked at in every answer, under load, too; None for nothing."""
    session: str = ""
    """The name of what each user does before its first request; empty for nothing."""
    writes: bool | tuple[str, ...] | None = None
    """Whether a request adds or removes rows, or of which tables; None: as its method means it."""

    @property
    def expected(self) -> Expected:
        """What the answer before the load holds."""
        return Expected(
            answer=self.answer,
            text=self.answer_text,
            pattern=self.answer_pattern,
            headers=self.answer_headers,
        )

    @property
    def statuses(self) -> tuple[int, ...]:
        """What a right answer may have."""
        return self.status if isinstance(self.status, tuple) else (self.status,)

    @property
    def varies_by_path(self) -> bool:
        """Whether its path, the query aside, differs from request to request."""
        return bool(words_in(self.path.partition("?")[0]))

    @property
    def may_name_rows(self) -> bool:
        """Whether a row that a request leaves may hold its `{unique}`."""
        if self.writes is False:
            return False
        said = f"{dict(self.form)}{self.json}"
        if self.writes or self.method not in SAFE:
            said += f"{self.path}{self.body}"
        return "{unique}" in said

    @property
    def may_write_anywhere(self) -> bool:
        """Whether a request may add rows to any table, or take some away."""
        return self.method not in SAFE if self.writes is None else bool(self.writes)

    def may_write(self, table: str) -> bool:
        """Whether a request may add rows to a table, or take some away."""
        if isinstance(self.writes, tuple):
            return table in self.writes
        return self.may_write_anywhere
