"""A file's section as a pydantic model, and its errors as findings: each with its line and the
nearest valid word, all of them at once.

May not know PyYAML, nor what any section means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from rig.config.document import Items, Map, Node, Scalar
from rig.config.findings import Finding, ReadError, did_you_mean, nearest, one_of, shortened

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
S = TypeVar("S", bound="Section")
Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Context:
    """What models need beside a file's contents."""

    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Words that are known from elsewhere: targets, routes, profiles."""
    folder: Path = Path()
    """From which paths are seen."""
    sound: dict[str, Any] = field(default_factory=dict)
    """Filled by a validation: what is right by itself of an experiment that may be wrong."""


def context_of(info: ValidationInfo) -> Context:
    """The context that a validator was given."""
    assert isinstance(info.context, Context)
    return info.context


@dataclass(frozen=True)
class Wanted:
    """What a value should have been."""

    what: str
    words: Sequence[str] = ()
    do: str = ""
    unit: str = ""
    """What a bare number lacks."""
    text: bool = False
    """Whether quotes would make one of what YAML reads as something else."""


class Section(BaseModel):
    """A map of known keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

    misplaced: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Keys of its sister, in a union of two: what is wrong with them here, and what to do."""

    @model_validator(mode="wrap")
    @classmethod
    def _with_its_words(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        words = [field.alias or name for name, field in cls.model_fields.items()]
        return with_words(data, handler, words, cls.misplaced)


def either(data: Any, chosen: type[S], sister: type[Section], context: Context) -> S:
    """The chosen one of two sections; what is misplaced in it is looked at as its sister's."""
    misplaced = chosen.misplaced.keys() & (data if isinstance(data, dict) else ())
    if not misplaced:
        return chosen.model_validate(data, context=context)
    problems = []
    for model in (chosen, sister):
        try:
            model.model_validate(data, context=context)
        except ValidationError as error:
            own = model is chosen
            problems += [one for one in details(error) if own or one["loc"][0] in misplaced]
    raise together(problems)


def with_words(
    data: Any,
    handler: Callable[[Any], T],
    words: Sequence[str],
    misplaced: Mapping[str, tuple[str, str]] | None = None,
    retired: Mapping[str, tuple[str, str]] | None = None,
) -> T:
    """What `handler` makes of a map; its error for an unknown key tells the keys there are.

    `retired`: keys that are no more, what became of them, and what to do.
    """
    misplaced, retired = misplaced or {}, retired or {}
    try:
        return handler(data)
    except ValidationError as error:
        problems = list(details(error))
        for one in problems:
            if one["type"] == "extra_forbidden" and len(one["loc"]) == 1:
                because = {**retired, **misplaced}.get(str(one["loc"][0]))
                ctx = {"words": (*words, *misplaced), "misplaced": because}
                one["type"] = PydanticCustomError("unknown_key", "unknown key", ctx)
        raise together(problems) from None


def expected(what: str, words: Sequence[str] = (), **more: Any) -> PydanticCustomError:
    """The error of a value that is not what its key takes; `more` as in `Wanted`."""
    return PydanticCustomError("expected", "expected", {"wanted": Wanted(what, words, **more)})


def wrong(what: str, do: str = "", **values: object) -> PydanticCustomError:
    """The error of a value that cannot be; `{name}` in `what` is its key, all else of `values`."""
    shown = {name: shortened(str(value)) for name, value in values.items()}
    return PydanticCustomError("wrong", "wrong", {"what": what, "do": do, "values": shown})


def at(loc: Location, error: PydanticCustomError, value: object = None) -> InitErrorDetails:
    """One of several errors, for `together`."""
    return InitErrorDetails(type=error, loc=loc, input=value)


def together(errors: Sequence[InitErrorDetails]) -> ValidationError:
    """All of the errors, for a validator to raise."""
    return ValidationError.from_exception_data("file", list(errors))


def details(error: ValidationError) -> Iterator[InitErrorDetails]:
    """The errors in one, so that more can be raised beside them."""
    for detail in error.errors(include_url=False):
        kind, ctx = detail["type"], detail.get("ctx", {})
        own = kind in ("expected", "wrong", "unknown_key")
        yield InitErrorDetails(
            type=PydanticCustomError(kind, "", ctx) if own else kind,
            loc=detail["loc"],
            input=detail["input"],
            ctx=ctx,
        )


def validated(model: type[M], node: Node, context: Context) -> M:
    """What a node stands for; ReadError with all that is wrong with it."""
    try:
        return model.model_validate(data_of(node), context=context)
    except ValidationError as error:
        raise ReadError(*_findings(node, error.errors(include_url=False))) from None


def data_of(node: Node) -> Any:
    """A node's plain value; a refused one stays a node, which no model takes."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [data_of(item) for item in node.items]
    if isinstance(node, Map):
        return {key: data_of(entry.node) for key, entry in node.entries.items()}
    return node


def _findings(root: Node, errors: Sequence[ErrorDetails]) -> Iterator[Finding]:
    meant: set[Location] = set()
    for detail in errors:
        if detail["type"] == "unknown_key":
            *above, key = detail["loc"]
            finding, near = _unknown(_node(root, above), str(key), detail["ctx"])
            meant.add((*above, near))
            yield finding
    for detail in errors:
        if detail["type"] == "missing" and detail["loc"] not in meant:
            *above, key = detail["loc"]
            node = _node(root, above)
            inside = f" in `{shortened(node.name)}`" if node.name else ""
            yield Finding(node.place, f"`{shortened(str(key))}` is missing{inside}")
        elif detail["type"] not in ("missing", "unknown_key"):
            yield from _of_value(_named(root, detail), detail)


def _node(root: Node, loc: Sequence[int | str]) -> Node:
    node = root
    for part in loc:
        if isinstance(node, Map):
            node = node.entries[str(part)].node
        elif isinstance(node, Items):
            node = node.items[int(part)]
    return node


def _named(root: Node, detail: ErrorDetails) -> Node:
    """The node of an error; for a key that is wrong one that stands for the key."""
    loc = detail["loc"]
    if loc[-1:] == ("[key]",) and detail["input"] == loc[-2]:  # pydantic's way to say it
        above, key = _node(root, loc[:-2]), str(loc[-2])
        assert isinstance(above, Map)
        return Scalar(above.name, above.entries[key].place, key, key)
    return _node(root, loc)


def _unknown(node: Node, key: str, ctx: Mapping[str, Any]) -> tuple[Finding, str]:
    """What is said of an unknown key, and the key that was probably meant."""
    assert isinstance(node, Map)
    place, words = node.entries[key].place, ctx["words"]
    if ctx["misplaced"]:
        what, do = ctx["misplaced"]
        return Finding(place, what, do), ""
    absent = [word for word in words if word not in node.entries]
    near = nearest(key, absent) or nearest(key, words)
    what = f"unknown key `{shortened(key)}`, expected {one_of(words)}"
    return Finding(place, what, f"did you mean `{near}`?" if near else ""), near


def _of_value(node: Node, detail: ErrorDetails) -> Iterator[Finding]:
    if not isinstance(node, Scalar | Items | Map):  # refused, and reported already
        return
    ctx = detail.get("ctx", {})
    match detail["type"]:
        case "expected":
            yield _unlike(node, ctx["wanted"])
        case "wrong":
            name = shortened(node.name)
            yield Finding(node.place, ctx["what"].format(name=name, **ctx["values"]), ctx["do"])
        case "too_short" if isinstance(node, Items) and node.items:  # none of them is right
            return
        case "too_short":
            yield Finding(node.place, f"`{shortened(node.name)}` expects a list that is not empty")
        case "tuple_type":
            written = node.text if isinstance(node, Scalar) and node.value is not None else ""
            do = f"write [{shortened(written)}]" if written else ""
            yield _unlike(node, Wanted("a list", do=do))
        case "bool_type":
            yield _unlike(node, Wanted("true or false"))
        case _:
            null = isinstance(node, Scalar) and node.value is None
            yield _unlike(node, Wanted("a map", do="write `{}` for an empty one" if null else ""))


def _unlike(node: Node, wanted: Wanted) -> Finding:
    """The finding for a node that is not what its key takes."""
    if isinstance(node, Scalar):
        got = "nothing" if node.value is None else f"`{shortened(node.text)}`"
        if isinstance(node.value, bool):
            got += f", which YAML reads as {str(node.value).lower()}"
    else:
        got = "a map" if isinstance(node, Map) else "a list"
    name = f"`{shortened(node.name)}`" if node.name else "the file"
    what = f"{name} expects {wanted.what}, not {got}"
    return Finding(node.place, what, wanted.do or _advice(node, wanted))


def _advice(node: Node, wanted: Wanted) -> str:
    if not isinstance(node, Scalar):
        return ""
    if wanted.text or node.text in wanted.words:
        other = node.value is not None and not isinstance(node.value, str)
        return f'put it in quotes: "{shortened(node.text)}"' if other else ""
    number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
    if wanted.unit and number:
        return f"did you mean `{shortened(node.text)}{wanted.unit}`?"
    return did_you_mean(node.text, wanted.words)
