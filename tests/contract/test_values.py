"""Values that a query gives, asked of a real Postgres by an ordinary role."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends import requests
from rig.backends.database import Login
from rig.backends.requests import asks_database, query_values, route_requests
from rig.model import StackError
from rig.plan import Route
from rig.route import SessionStep, ValueSource
from tests.contract.conftest import Postgres
from tests.unit.plans import routed


@pytest.fixture(scope="module")
def login(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Login:
    """Of a database with three articles."""
    with postgres.as_superuser() as connection:
        connection.execute("CREATE DATABASE values OWNER bench")
    password = tmp_path_factory.mktemp("values") / "password"
    password.write_text("bench")
    found = Login("127.0.0.1", postgres.port, password, "bench", "values")
    found.tell(
        "CREATE TABLE article (id int PRIMARY KEY, slug text)",
        "INSERT INTO article SELECT n, 'slug-' || n FROM generate_series(1, 3) n",
    )
    return found


def source(query: str) -> ValueSource:
    return ValueSource(query=query)


def test_routes_and_sessions_get_what_the_database_has(login: Login) -> None:
    ids, slugs = "SELECT id FROM article ORDER BY id", "SELECT slug, 1 FROM article ORDER BY id"
    plan = routed(
        Route("one", "GET", "/{pk}/", values={"pk": source(ids)}, session="member"),
    )
    steps = (SessionStep("GET", "/{slug}/", values={"slug": source(slugs)}),)
    plan = replace(plan, target=replace(plan.target, sessions={"member": steps}))
    assert asks_database(plan.target, "one")
    assert not asks_database(plan.target, "list")
    rows = query_values(plan.target, ["one", "list"], login)
    assert rows == {ids: (1, 2, 3), slugs: ("slug-1", "slug-2", "slug-3")}
    (asked,) = route_requests(plan, rows)
    assert [asked.values_at(position, 1) for position in range(4)] == [
        {"pk": 1}, {"pk": 2}, {"pk": 3}, {"pk": 1},
    ]  # fmt: skip
    session = requests.session_of(plan, rows)
    assert session is not None
    assert session.steps[0].request.values_at(1, 2) == {"slug": "slug-2"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT id FROM article WHERE id > 9", "route one, values `pk`: its query returns no row"),
        ("SELECT id FROM articles", 'refused its query: relation "articles" does not exist'),
        ("SELEC", 'refused its query: syntax error at or near "SELEC"'),
        ("DELETE FROM article RETURNING id", "in a read-only transaction"),
        ("SELECT generate_series(1, 11)", "returns more than 10 rows"),
        ("SELECT FROM article", "values `pk`: its query returns no row"),
        ("SELECT NULLIF(id, 2) FROM article", "values `pk`: its query returns NULL"),
    ],
)
def test_what_gives_nothing_is_one_line(
    login: Login, query: str, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(requests, "MOST_VALUES", 10)
    plan = routed(Route("one", "GET", "/{pk}/", values={"pk": source(query)}))
    with pytest.raises(StackError) as caught:
        query_values(plan.target, ["one"], login)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value).replace(caught.value.do, "").rstrip()
