"""Requests as values, and their bytes: what a server's own parser makes of them."""

from __future__ import annotations

import json
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from httptools import HttpRequestParser
from hypothesis import example, given
from hypothesis import strategies as st

from rig.load.http.asked import FilePart, RouteRequest
from rig.load.http.request import BadRequest, Origin, Request, origin_of, request_of
from rig.load.http.words import NOTHING, fill
from rig.model import VERSION

HOME = RouteRequest("home", "GET", "/")
HERE = Origin("http", "198.18.0.2", 8000)


class Parsed:
    """What a server's parser says of one message."""

    def __init__(self, message: bytes) -> None:
        self.headers: list[tuple[str, str]] = []
        self.target, self.body, self.whole = b"", b"", 0
        self._parser = HttpRequestParser(self)
        self._parser.feed_data(message)
        self.method = self._parser.get_method().decode()

    def on_url(self, part: bytes) -> None:
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode(), value.decode("latin-1")))

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.whole += 1


def made(**said: Any) -> Request:
    return request_of(RouteRequest(**{"route": "r", "method": "GET", "path": "/", **said}), HERE)


def parsed(unique: str = "1-2", filling: Mapping[str, Any] = NOTHING, **said: Any) -> Parsed:
    found = Parsed(made(**said).prebuilt().of(unique, filling))
    assert found.whole == 1
    return found


def test_what_is_sent_unless_said_otherwise() -> None:
    found = parsed(path="/a?b=c")
    assert (found.method, found.target, found.body) == ("GET", b"/a?b=c", b"")
    assert found.headers == [
        ("Host", "198.18.0.2:8000"),
        ("User-Agent", f"async-django-rig/{VERSION}"),
        ("Accept", "*/*"),
    ]


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize(
    ("origin", "host"),
    [("http://a.b", "a.b"), ("http://a.b:80/x", "a.b"), ("http://a.b:443", "a.b:443"),
     ("https://a.b", "a.b"), ("https://a.b:8443", "a.b:8443"), ("http://[::1]:80", "[::1]"),
     ("http://[::1]:8000", "[::1]:8000")],
)  # fmt: skip
def test_the_host_names_no_port_that_its_scheme_has_anyway(origin: str, host: str) -> None:
    assert request_of(HOME, origin_of(origin)).sent_headers(NOTHING)["Host"] == host


@pytest.mark.parametrize("url", ["", "a.b", "ftp://a.b", "http://", "http://a:b", "http://a:99999"])
def test_what_is_nobody_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="is no address"):
        origin_of(url)


def test_headers_of_a_route_stand_in_the_place_of_the_others() -> None:
    own = {"user-agent": "mine", "Accept-Encoding": "gzip", "ACCEPT": "", "Host": "shop.example"}
    assert parsed(headers=own).headers == [
        ("user-agent", "mine"), ("Accept-Encoding", "gzip"), ("Host", "shop.example"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("X Y", "a", "no header's name"), ("", "a", "no header's name"), ("X:", "a", "no header's"),
     ("X", "a\r\nY: b", "line ends"), ("X", "\u20ac", "Latin-1"), ("X", "a\0", "line ends"),
     ("content-length", "5", "client's own"), ("Transfer-Encoding", "chunked", "client's own")],
)  # fmt: skip
def test_headers_that_would_break_the_message_are_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        made(headers={name: value})


def test_a_path_is_sent_as_utf_8() -> None:
    assert parsed(path="/größe/?q=straße").target == b"/gr%C3%B6%C3%9Fe/?q=stra%C3%9Fe"
    assert parsed(path="/a b%20c").target == b"/a%20b%20c"


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("DELETE", None)])
def test_where_a_body_is_usual_its_absence_is_said(method: str, length: str | None) -> None:
    assert dict(parsed(method=method).headers).get("Content-Length") == length


@pytest.mark.parametrize("unique", ["1-2", "10-123456", ""])
def test_a_form_has_its_unique_text_and_length(unique: str) -> None:
    found = parsed(unique, method="POST", form={"t": "Post {unique}, {unique}", "with": "a & b=ü"})
    texts = parse_qs(found.body.decode())
    assert texts == {"t": [f"Post {unique}, {unique}"], "with": ["a & b=ü"]}
    assert dict(found.headers)["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(found.headers)["Content-Length"] == str(len(found.body))


def test_json_has_it_at_any_depth() -> None:
    body = {"a": "{unique}", "b": ["x-{unique}", {"c": "unique0{unique}"}], "n": 1, "ü": None}
    found = parsed("2-7", method="PUT", json=body)
    assert json.loads(found.body) == {
        "a": "2-7", "b": ["x-2-7", {"c": "unique02-7"}], "n": 1, "ü": None,
    }  # fmt: skip
    assert dict(found.headers)["Content-Type"] == "application/json"


def test_the_bytes_are_those_that_the_value_says() -> None:
    request = made(method="POST", form={"t": "{unique}"}, headers={"X-A": "ä"})
    found = Parsed(request.prebuilt().of("7-7"))
    assert (found.body, dict(found.headers)) == (
        request.body_of({"unique": "7-7"}),
        request.sent_headers({"unique": "7-7"}),
    )


def test_where_nothing_varies_the_same_bytes_are_sent_again() -> None:
    for said in ({}, {"method": "POST"}, {"method": "POST", "form": {"a": "b"}}):
        prebuilt = made(**said).prebuilt()
        assert prebuilt.of("1-1") is prebuilt.of("1-2")


def test_unique_is_filled_in_at_any_depth() -> None:
    body = {"a": "{unique}", "b": ["x-{unique}", {"c": "{unique}{unique}"}], "n": 1, "z": None}
    assert fill(body, {"unique": "2-7"}) == {
        "a": "2-7", "b": ["x-2-7", {"c": "2-72-7"}], "n": 1, "z": None,
    }  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=20) | st.just("u{unique}0")))
@example({"": "{n}"})
def test_any_form_comes_back_as_it_was_meant(form: dict[str, str]) -> None:
    try:
        body = made(method="POST", form=form).body_of({"unique": "3-9", "n": 7})
    except UnicodeEncodeError:
        return  # half a character is no text
    meant = {
        key: [value.replace("{unique}", "3-9").replace("{n}", "7")] for key, value in form.items()
    }
    assert parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(form)) == meant


WORDS = ("unique", "pk", "token")


def test_words_stand_anywhere_and_are_written_as_their_place_wants_it() -> None:
    filling = {"pk": "a/b ü&", "token": "t\r\nX: 1"}
    found = parsed(
        "1-7", filling, method="POST", path="/p/{pk}/?q={pk}&u={unique}", words=WORDS,
        headers={"Authorization": "Token {token}"}, cookies={"a": "b", "c": "{unique}"},
        form={"tag": ("x", "{pk}"), "empty": ""},
    )  # fmt: skip
    assert found.target == b"/p/a%2Fb%20%C3%BC%26/?q=a%2Fb%20%C3%BC%26&u=1-7"
    headers = dict(found.headers)
    assert (headers["Authorization"], headers["Cookie"]) == ("Token t  X: 1", "a=b; c=1-7")
    form = parse_qs(found.body.decode(), keep_blank_values=True)
    assert form == {"tag": ["x", "a/b ü&"], "empty": [""]}
    assert headers["Content-Length"] == str(len(found.body))


def test_a_json_text_that_is_one_word_has_its_kind() -> None:
    body = [{"id": "{pk}", "t": "n{pk}", "u": "{unique}", "own": "{posts{id}}", "q": "{token}"}]
    found = parsed("1-7", {"pk": 7, "token": 'a"b'}, method="POST", json=body, words=WORDS)
    assert json.loads(found.body) == [
        {"id": 7, "t": "n7", "u": "1-7", "own": "{posts{id}}", "q": 'a"b'}
    ]


def test_what_nobody_says_is_no_request() -> None:
    with pytest.raises(KeyError, match="pk"):
        made(path="/{pk}", words=WORDS).prebuilt().of("1-1")


def test_what_is_filled_in_for_good_costs_no_place() -> None:
    said = {"method": "POST", "headers": {"A": "{token}"}, "form": {"u": "{unique}"}}
    prebuilt = made(**said, words=WORDS).prebuilt()
    kept = prebuilt.bound({"token": "t"})
    assert kept.words == {"unique"}
    assert kept.of("1-2") == prebuilt.of("1-2", {"token": "t"})
    assert kept.bound({"token": "t"}) is kept


def test_a_form_with_files_is_multipart() -> None:
    content = bytes(range(256))
    file = FilePart("image", 'a "cat".png', b64encode(content).decode())
    found = parsed(method="POST", form={"tag": ("a", "b"), "t": "{unique}"}, files=(file,))
    kind = dict(found.headers)["Content-Type"]
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + found.body)
    parts = [part for part in message.walk() if not part.is_multipart()]
    names = [part.get_param("name", header="content-disposition") for part in parts]
    assert names == ["tag", "tag", "t", "image"]
    assert [part.get_payload(decode=True) for part in parts] == [b"a", b"b", b"1-2", content]
    assert parts[-1].get_content_type() == "image/png"


def test_a_body_is_sent_as_it_is() -> None:
    found = parsed(method="POST", body="<x>{unique}</x>", headers={"Content-Type": "text/xml"})
    assert (found.body, dict(found.headers)["Content-Type"]) == (b"<x>1-2</x>", "text/xml")
