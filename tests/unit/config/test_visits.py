"""Values, sessions and mixes of a target, as read and as planned; what is wrong, at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import read_targets
from rig.config.experiment import read_matrix
from rig.load.http.sessions import Take
from rig.load.think import Think
from rig.model import BadYaml
from rig.plan import Ledger, Mix, Target

SHOP = """\
name: shop
start: [serve]
sessions:
  member:
    - method: GET
      path: /login/
      take: {csrf: {cookie: csrftoken}}
    - method: POST
      path: /login/
      form: {username: "user{n}", password: "{secret}", csrfmiddlewaretoken: "{csrf}"}
      values: {secret: {csv: people.csv, column: password, order: per_user}}
      status: 302
      take: {token: {header: X-Token}}
routes:
  pages: {method: GET, path: "/a/{pk}/", values: {pk: {query: SELECT id FROM a}}}
  search:
    {method: GET, path: /s/,
     query: {q: {list: [a, b, 3], order: random, seed: 7}, tag: [x, "y {n}"]}}
  create:
    {method: POST, path: /a/, headers: {Authorization: "Token {token}"}, json: {n: "{k}"},
     values: {k: {range: [5, 9], repeat: false}}}
mixes:
  reading: {session: member, routes: {pages: 8, search: 2}, think_time: 1s to 5s}
  writing: {session: member, routes: {create: 1}, think_time: exponential 500ms, seed: 3}
"""
LOAD = """\
experiment: x
setup: {target: shop, route: ROUTE}
load: {client: plain, users: {from: 1, per_s: 1, to: 1}, steady: 5s}
data: {posts: 25, cpu_n: 1000}
"""
OPEN = LOAD.replace("users: {from: 1, per_s: 1, to: 1}", "model: open, arrivals: {per_s: 9}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text("{}")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "people.csv").write_text("name,password\nuser1,a\nuser2,b\n")
    return tmp_path


def read(folder: Path, text: str = SHOP) -> Target:
    (folder / "shop" / "target.yaml").write_text(text)
    return read_targets([folder], folder / "routes.yaml")["shop"]


def planned(folder: Path, load: str, text: str = SHOP) -> None:
    (folder / "x.yaml").write_text(load)
    read_matrix(folder / "x.yaml", profile=None, targets={"shop": read(folder, text)})


def test_all_of_it_is_planned(folder: Path) -> None:
    target = read(folder)
    assert target.mixes == {
        "reading": Mix({"pages": 8, "search": 2}, "member", Think("uniform", 1.0, 5.0)),
        "writing": Mix({"create": 1}, "member", Think("exponential", 0.5), 3),
    }
    first, second = target.sessions["member"]
    assert first.take == (Take("csrf", "cookie", "csrftoken"),)
    assert (second.status, second.values["secret"].column) == (302, "password")
    routes = target.routes
    assert routes["pages"].values["pk"].query == "SELECT id FROM a"
    assert routes["search"].path == "/s/?q={q}&tag=x&tag=y+{n}"
    assert routes["search"].values["q"].items == ("a", "b", 3)
    assert (routes["create"].values["k"].span, routes["create"].values["k"].repeats) == (
        (5, 9),
        False,
    )
    # whose words it uses, it begins with
    assert [routes[name].session for name in ("pages", "search", "create")] == ["", "", "member"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{csrf}", "{crsf}", "expected one of unique, n, csrf, secret; did you mean `{csrf}`?"),
        ("{create: 1}", "{search: 1}", ":20: `{token}` in `Authorization` is a word of session `m"),
        ('{n: "{k}"}', '{n: "{tokn}"}', ":20: unknown word `{tokn}` in `n`"),
        ("Token {token}", "Token {tokn}", "unknown word `{tokn}` in `Authorization`"),
        ("column: password", "column: passwrd", "people.csv has no column `passwrd`, only name"),
        ("csv: people.csv", "csv: persons.csv", ":11: `csv` expects a file that is there"),
        ("SELECT id FROM a}", "SELECT, list: [1]}", ":15: `pk` expects one of `list`, "),
        ("{query: SELECT id FROM a}", "{list: []}", ":15: `list` expects a list that is not empty"),
        ("[5, 9]", "[9, 5]", ":21: `range` expects the first and the last number"),
        ("{header: X-Token}", "{header: X, json: a}", ":13: `token` expects one of `cookie`"),
        ("{session: member, routes: {p", "{session: membr, routes: {p", "no session `membr`"),
        ("{pages: 8,", "{page: 8,", ":23: the target has no route `page`; did you mean `pages`?"),
        ("{create: 1}", "{create: 0}", ":24: `create` expects"),
        ("1s to 5s", "5s to 1s", ":23: `think_time` expects the shorter pause first"),
        ("1s to 5s", "1 to 5", ":23: `think_time` expects a pause such as 2s, 1s to 5s or"),
        ("  reading:", "  pages:", ":23: `pages` is a route already"),
        ("order: per_user}", "order: per_user, repeat: false}", ":11: `repeat` says nothing"),
        ("[x, ", "[x, '{unqiue}', ", ":18: unknown word `{unqiue}` in `tag`"),
        ("query: {q:", "query: {q-1:", ":18: `q-1` is no new word"),
        ("[a, b, 3], order", "[a, b, 3], csv: people.csv, order", ":18: `q` expects one of `list`"),
        ("k: {range", "n: {range", ":21: `n` is a word of the rig's own"),
        ("range: [5, 9], repeat: false}}", "range: [5, 9]}}, writes: 1", ":21: `writes` expects"),
        ("range: [5, 9], repeat: false}}", "range: [5, 9]}}, writes: []", "true, false, or a list"),
        ("range: [5, 9], repeat: false}}", "range: [5, 9]}}, writes: [a, a]", "different tables"),
    ],
)  # fmt: skip
def test_each_problem_has_its_line(folder: Path, old: str, new: str, says: str) -> None:
    assert SHOP.count(old) == 1
    with pytest.raises(BadYaml) as caught:
        read(folder, SHOP.replace(old, new))
    assert says in "\n".join(str(problem) for problem in caught.value.problems)


def test_routes_say_what_they_write(folder: Path) -> None:
    said = SHOP.replace("repeat: false}}", "repeat: false}}, writes: [a, b]")
    said = said.replace("method: GET, path: /s/", "writes: true, method: GET, path: /s/")
    target = read(folder, said)
    assert {name: route.writes for name, route in target.routes.items()} == {
        "pages": None, "search": True, "create": ("a", "b"),
    }  # fmt: skip
    assert target.counted == Ledger(tables=("a", "b"))
    assert read(folder).counted is None


@pytest.mark.parametrize(
    ("load", "route", "says"),
    [
        (LOAD, "reading", ""),
        (LOAD, "create", ""),
        (OPEN, "pages", ""),
        (LOAD.replace("client: plain, ", ""), "reading", ""),
        (LOAD.replace("plain", "locust"), "reading", "several routes; say `client: plain`"),
        (LOAD.replace("plain", "locust"), "create", "create of target shop, which has a session"),
        (LOAD.replace("plain", "locust"), "search", "search of target shop, which has values"),
        (OPEN, "reading", "x.yaml:3: `model: open` has no users to send reading"),
        (LOAD, "redaing", "not `redaing`; did you mean `reading`?"),
    ],
)  # fmt: skip
def test_what_a_load_cannot_send_is_refused(folder: Path, load: str, route: str, says: str) -> None:
    load = load.replace("ROUTE", route)
    if not says:
        return planned(folder, load)
    with pytest.raises(BadYaml) as caught:
        planned(folder, load)
    assert says in "\n".join(str(problem) for problem in caught.value.problems)
    return None
