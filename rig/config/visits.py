"""The `sessions` and `mixes` of a target: what its users do beside sending one request.

May not know the rest of a target; names of routes and sessions are held together there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import InitErrorDetails

from rig.config.route import Sent, unknown_words
from rig.config.route_values import ValueWord
from rig.config.sections import Context, Location, Section, at, expected, together, wrong
from rig.config.values import Fits, Name, Optional, Seed, Some, Text, Value
from rig.factors import Natural
from rig.load.http.sessions import Take
from rig.load.http.words import OWN_WORDS
from rig.load.think import Think
from rig.model import LONGEST_S, seconds
from rig.route import File, Mix, SessionStep

MOST_WEIGHT = 1_000_000


class TakeFrom(Section):
    """Where in a step's answer something stands: one of these."""

    cookie: Optional[Text] = None
    header: Optional[Text] = None
    json_member: Optional[Text] = Field(None, alias="json")
    input: Optional[Text] = None
    pattern: Optional[Text] = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if len(self._given()) != 1:
            raise wrong("`{name}` expects one of `cookie`, `header`, `json`, `input`, `pattern`")
        if self.pattern:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise wrong(f"`{{name}}` is no regular expression: {error}") from None
        return self

    def _given(self) -> dict[str, str]:
        found = {**dict(self), "json": self.json_member}
        return {kind: name for kind, name in found.items() if name and kind != "json_member"}

    def planned(self, word: str) -> Take:
        """As the plan has it."""
        ((kind, name),) = self._given().items()
        return Take(word, kind, name)  # type: ignore[arg-type]


class Step(Sent):
    """A request of a session."""

    take: dict[ValueWord, TakeFrom] = Field(default_factory=dict)

    def planned(self) -> SessionStep:
        """As the plan has it."""
        return SessionStep(
            method=self.method,
            path=self.sent_path(),
            form=self.form,
            json=self.json_body,
            body=self.body or "",
            files={field: File(*one) for field, one in self.files.items()},
            headers=self.headers,
            cookies=self.cookies,
            status=self.status,
            take=tuple(take.planned(word) for word, take in self.take.items()),
            values=self.all_values(),
        )


Steps = Some[Step]


def words_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """What the users of a session have for words, once it is done."""
    return tuple(word for step in steps for word in (*step.all_values(), *step.take))


def step_problems(steps: Sequence[Step], above: Location) -> Iterator[InitErrorDetails]:
    """Words that a step uses before anything stands for them."""
    known = list(OWN_WORDS)
    for index, step in enumerate(steps):
        known += step.all_values()
        yield from unknown_words(step.texts(), (*above, index), known)
        known += step.take


class _Pause(Value):
    """`2s`, `1s to 5s` or `exponential 3s`."""

    _wants = "a pause such as 2s, 1s to 5s or exponential 3s"

    def read(self, value: Any, context: Context) -> Think:
        text = value.strip() if isinstance(value, str) else ""
        try:
            if text.startswith("exponential "):
                return Think("exponential", self._length_s(text.removeprefix("exponential ")))
            least, to, most = text.partition(" to ")
            if not to:
                return Think("constant", self._length_s(least))
            found = Think("uniform", self._length_s(least), self._length_s(most))
        except ValueError:
            raise expected(self._wants) from None
        if found.least_s > found.most_s:
            raise wrong("`{name}` expects the shorter pause first")
        return found

    @staticmethod
    def _length_s(text: str) -> float:
        length_s = seconds(text)
        if length_s > LONGEST_S:
            raise ValueError(text)
        return length_s

    def schema(self) -> Mapping[str, object]:
        length = r"\s*\d+(\.\d+)?\s*(ms|s|m|h)\s*"
        pattern = rf"^\s*(exponential {length}|{length}( to {length})?)$"
        return {"type": "string", "pattern": pattern}


Weight = Annotated[int, Fits(Natural(1, MOST_WEIGHT))]


class Mixed(Section):
    """Several routes by their weights, and how their users pause."""

    routes: dict[Name, Weight]
    session: Optional[Name] = None
    think_time: Optional[Annotated[Think, _Pause()]] = None
    seed: Seed = Mix.seed

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.routes:
            raise together([at(("routes",), wrong("`routes` expects at least one"))])
        return self

    def planned(self, session: str) -> Mix:
        """As the plan has it, with the session that its users begin with."""
        return Mix(self.routes, session, self.think_time, self.seed)
