"""The `values` of a route: what stands for a word in each of its requests."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from rig.config.findings import shortened
from rig.config.route_files import FileBeside, content_of
from rig.config.sections import Section, context_of, expected, wrong
from rig.config.values import LARGEST, Fits, Optional, Seed, Several, Some, Text, Value, Written
from rig.factors import Choice
from rig.load.http.csv_column import MOST_VALUES, BadColumn, column_of
from rig.load.http.values import ORDERS, PER_USER
from rig.load.http.words import OWN_WORDS, WORD
from rig.route import File, ValueSource

SOURCES = ("list", "range", "csv", "query")


class _Item(Value):
    """Text, which may be empty, or a whole number."""

    text = Written()

    def read(self, value: Any, context: Any) -> str | int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        return "" if value == "" else self.text.read(value, context)

    def schema(self) -> dict[str, object]:
        return {"type": ["string", "integer"], "maxLength": self.text.longest}


class _Bound(Value):
    """A whole number, of either sign."""

    def read(self, value: Any, context: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST:
            return value
        raise expected("a whole number")

    def schema(self) -> dict[str, object]:
        return {"type": "integer", "minimum": -LARGEST, "maximum": LARGEST}


Item = Annotated[str | int, _Item()]
Bound = Annotated[int, _Bound()]


class Source(Section):
    """Where the values of a word come from, and in which order they are sent."""

    items: Optional[Some[Item]] = Field(None, alias="list")
    span: Optional[Several[Bound]] = Field(None, alias="range")
    csv: Optional[FileBeside] = None
    column: Optional[Text] = None
    query: Optional[Text] = None
    order: Annotated[str, Fits(Choice(ORDERS))] = ValueSource.order
    seed: Seed = ValueSource.seed
    repeat: bool = ValueSource.repeats

    @field_validator("span")
    @classmethod
    def _two_in_order(cls, span: tuple[int, ...]) -> tuple[int, ...]:
        if len(span) != 2 or span[0] > span[1]:
            raise wrong("`{name}` expects the first and the last number, such as [1, 1000]")
        return span

    @field_validator("items")
    @classmethod
    def _not_too_many(cls, items: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(items) > MOST_VALUES:
            raise wrong(f"`{{name}}` has {len(items)} values, expected at most {MOST_VALUES:,}")
        return items

    @model_validator(mode="after")
    def _of_one_source(self, info: ValidationInfo) -> Self:
        found = [self.items, self.span, self.csv, self.query]
        if sum(one is not None for one in found) != 1:
            raise wrong("`{name}` expects one of `list`, `range`, `csv` and `query`")
        if (self.csv is None) != (self.column is None):
            raise wrong("`{name}` needs a `csv` and its `column`, both or none")
        if self.order == PER_USER and not self.repeat:
            raise wrong("`repeat` says nothing to `order: per_user`: each user keeps its value")
        if self.csv and self.column:
            try:
                column_of(content_of(self.csv[0], context_of(info)), self.column)
            except BadColumn as error:
                says = f"{self.csv[0]} {error}".replace("{", "{{").replace("}", "}}")
                raise wrong(f"`{{name}}`: {says}") from None
        return self

    def planned(self) -> ValueSource:
        """As the plan has it."""
        return ValueSource(
            items=self.items or (),
            span=(self.span[0], self.span[1]) if self.span else None,
            csv=File(*self.csv) if self.csv else None,
            column=self.column or "",
            query=self.query or "",
            order=self.order,  # type: ignore[arg-type]
            seed=self.seed,
            repeats=self.repeat,
        )


class _ValueWord(Written):
    """What may stand in braces, and is nobody else's."""

    def read(self, value: Any, context: Any) -> str:
        word = super().read(value, context)
        if not WORD.fullmatch(f"{{{word}}}"):
            raise expected("a word of letters, digits and `_`")
        if word in OWN_WORDS:
            raise wrong(f"`{shortened(word)}` is a word of the rig's own", "call it otherwise")
        return word

    def schema(self) -> dict[str, object]:
        return {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}


ValueWord = Annotated[str, _ValueWord()]
