from __future__ import annotations

from pathlib import Path

import pytest

from rig.config.document import Items, Map, Node, Scalar, merge, parse, read, scalar
from rig.config.findings import Place, ReadError


def said(wrong: ReadError) -> list[str]:
    return [f"{found.place}: {found.what}" for found in wrong.findings]


def value(node: Node, key: str) -> object:
    assert isinstance(node, Map)
    inner = node.entries[key].node
    assert isinstance(inner, Scalar)
    return inner.value


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1_000_000", 1_000_000),
        ("-5", -5),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("", None),
        ("~", None),
        ("010", "010"),
        ("1:30", "1:30"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("1_", "1_"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_word_is_read_as_people_write_numbers(text: str, meaning: object) -> None:
    assert scalar(text) == meaning
    assert type(scalar(text)) is type(meaning)


def test_values_keep_their_type_and_quotes_make_text() -> None:
    root = parse("a: off\nb: 'off'\nc: \"5\"\nd: 5\n", "f").root
    assert [value(root, key) for key in "abcd"] == [False, "off", "5", 5]


def test_words_stand_at_their_own_line_lists_and_maps_at_their_keys() -> None:
    root = parse("# a comment\na:\n  b: 1\n\n  c:\n    - x\n    - y\n", "f").root
    assert isinstance(root, Map)
    a = root.entries["a"].node
    assert isinstance(a, Map)
    c = a.entries["c"].node
    assert isinstance(c, Items)
    places = [root.place, a.place, a.entries["b"].node.place, c.place, c.items[1].place]
    assert [place.line for place in places] == [2, 2, 3, 5, 7]


def test_everything_refused_is_listed_with_its_line() -> None:
    text = "a: &x [1]\nb: *x\na: 2\nc: !!str 3\n? [d]\n: 1\n---\ne: 1\n"
    findings = parse(text, "f.yaml").findings
    assert sorted(f"{found.place}: {found.what}" for found in findings) == [
        "f.yaml:1: anchor `&x` is not allowed",
        "f.yaml:2: alias `*x` is not allowed",
        "f.yaml:3: duplicate key `a`, first in line 1",
        "f.yaml:4: tag `tag:yaml.org,2002:str` is not allowed",
        "f.yaml:5: a key must be a word, not a list or a map",
        "f.yaml:7: a second document begins here, expected a single one",
    ]


def test_the_first_of_two_equal_keys_stays() -> None:
    assert value(parse("a: 1\na: 2\n", "f").root, "a") == 1


def test_a_refused_tag_leaves_the_value_readable() -> None:
    assert value(parse("a: !!str 3\n", "f").root, "a") == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f:1: the file is empty, expected a map"),
        ("# nothing here\n", "f:1: the file is empty, expected a map"),
        ("a: 1\nb: [1\nc: 2\n", "f:3: is no valid YAML: while parsing a flow sequence"),
        ("a: 1\n\tb: 2\n", "f:2: is no valid YAML: while scanning for the next token"),
        ("a: 1\nb: \x00\n", "f:2: is no valid YAML: a character that may not stand"),
        ("a:\n  " + "[" * 50 + "]" * 50, "f:2: is no valid YAML: nested too deep"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, expected: str) -> None:
    with pytest.raises(ReadError) as caught:
        parse(text, "f")
    assert said(caught.value)[-1].startswith(expected)


def test_a_syntax_error_does_not_hide_what_was_refused_before() -> None:
    with pytest.raises(ReadError) as caught:
        parse("a: &x 1\nb: [\n", "f")
    assert said(caught.value)[0] == "f:1: anchor `&x` is not allowed"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read(tmp_path / "nothing.yaml")
    (found,) = caught.value.findings
    assert found.place == Place(str(tmp_path / "nothing.yaml"))
    assert found.what == "cannot be read: no such file or directory"
    assert found.do == "check the path"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="is no regular file"):
        read(tmp_path)


def test_other_encodings_are_refused_at_their_line(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes("a: 1\nb: é\n".encode("latin-1"))
    with pytest.raises(ReadError) as caught:
        read(tmp_path / "f.yaml")
    assert said(caught.value) == [f"{tmp_path / 'f.yaml'}:2: is no UTF-8"]


def test_places_are_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "f.yaml").write_text("a: 1\n", encoding="utf-8-sig")
    monkeypatch.chdir(tmp_path)
    assert str(read(tmp_path / "f.yaml").root.place) == "f.yaml:1"


def test_maps_merge_and_all_else_replaces() -> None:
    base = parse("m: {a: 1, b: [1, 2]}\ns: 1\nt: {x: 1}\n", "f").root
    over = parse("\n\n\nm: {b: [3], c: 4}\nt: 5\n", "f").root
    merged = merge(base, over)
    m = merged.entries["m"].node if isinstance(merged, Map) else None
    assert isinstance(m, Map)
    b = m.entries["b"].node
    assert isinstance(b, Items)
    assert list(m.entries) == ["a", "b", "c"]
    assert len(b.items) == 1
    assert (value(merged, "s"), value(merged, "t")) == (1, 5)
    assert m.place.line == 1
    assert [entry.place.line for entry in m.entries.values()] == [1, 4, 4]
