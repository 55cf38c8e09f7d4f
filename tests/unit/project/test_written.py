"""The files of a first experiment: short, and read by the rig as they were meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.config import cells, names_taken, read_experiment, read_targets
from rig.factors.servers import SERVERS
from rig.plan import Django
from rig.project import Found, Route, chosen, missing, written
from rig.project.writing import name_of

TOP = Path(__file__).parents[3]
ROUTES = (Route("home", "/"), Route("list", "/books/?page=1"))


@pytest.fixture
def found(tmp_path: Path) -> Found:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "requirements.txt").touch()
    (tmp_path / "shop" / ".env").write_text("A=1\n")
    return Found(
        folder=tmp_path / "shop",
        settings="shop.settings",
        wsgi="shop.wsgi:application",
        asgi="shop.asgi:application",
        python="requirements.txt",
        env_file=".env",
        database="fixed values",
        variables={},
        examples={},
    )


def laid(found: Found, out: Path, routes: tuple[Route, ...] = ROUTES) -> tuple[str, str]:
    out.mkdir(exist_ok=True)
    variables = {"KEY": "a: #b", "URL": "{database_url}", "DEBUG": "False", "PORT": "1"}
    files = written(found, "shop", out, TOP / "schemas", variables, routes, "KeyError: 'X'")
    for path, text in (
        (files.target_file, files.target),
        (files.experiment_file, files.experiment),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return files.target, files.experiment


def test_the_target_is_read_back(found: Found, tmp_path: Path) -> None:
    laid(found, tmp_path / "bench")
    target = read_targets([tmp_path / "bench"], TOP / "stack" / "routes.yaml")["shop"]
    assert target.django == Django(
        "shop.settings", "shop.wsgi:application", "shop.asgi:application"
    )
    assert (target.code_folder, target.python) == (str(found.folder), "requirements.txt")
    assert target.env == {"KEY": "a: #b", "URL": "{database_url}", "DEBUG": "False", "PORT": "1"}
    assert [(one.name, one.path) for one in target.routes.values()] == [
        ("home", "/"),
        ("list", "/books/?page=1"),
    ]


@pytest.mark.parametrize(
    ("changes", "count"),
    [({}, 8 + 4), ({"asgi": ""}, 8 + 4), ({"wsgi": ""}, 4)],
    ids=["both", "wsgi", "asgi"],
)
def test_the_experiment_is_read_back(
    found: Found, tmp_path: Path, changes: dict[str, str], count: int
) -> None:
    laid(replace(found, **changes), tmp_path / "bench")  # type: ignore[arg-type]
    matrix = read_experiment(
        tmp_path / "bench" / "shop.yaml",
        profile=None,
        own=[TOP],
        others=[tmp_path / "bench"],
        routes_file=TOP / "stack" / "routes.yaml",
    )
    assert len(cells(matrix)) == count
    assert all(name in SERVERS for name in matrix.vary["server"])
    assert matrix.load.duration_s < 15


def test_both_are_short_and_of_lines_that_fit(found: Found, tmp_path: Path) -> None:
    for text in laid(found, tmp_path / "bench"):
        lines = text.splitlines()
        assert len(lines) <= 40
        assert max(map(len, lines)) <= 120


def test_a_name_that_is_taken_gets_the_one_of_the_folder_above() -> None:
    assert name_of(Path("/work/My Shop_2")) == "my-shop-2"
    assert name_of(Path("/work/study/sync"), {"sync"}) == "study-sync"


def test_without_routes_the_reason_and_an_example_stand_there(found: Found, tmp_path: Path) -> None:
    target, _ = laid(found, tmp_path / "bench", ())
    assert "# No routes could be read: KeyError: 'X'" in target
    read = read_targets([tmp_path / "bench"], TOP / "stack" / "routes.yaml")["shop"]
    assert list(read.routes) == ["home"]


def test_the_project_s_own_folder_stays_as_it_is(found: Found, tmp_path: Path) -> None:
    laid(found, tmp_path)
    assert not (tmp_path / "shop" / "target.yaml").exists()
    assert (tmp_path / "shop-bench" / "target.yaml").is_file()


def test_routes_are_those_that_users_ask_for_short_ones_first() -> None:
    said = [
        *(("admin:index", "/admin/", True), ("logout", "/accounts/logout/", True)),
        *(("mine", "/mine/", False), ("books", "/books/", True), ("", "/", True)),
        *(("books", "/books/all/", True), ("again", "/books/", True), ("x:Y Z", "/a/b/c/", True)),
    ]
    assert chosen({"routes": said}) == (
        Route("home", "/"),
        Route("books", "/books/"),
        Route("books-all", "/books/all/"),
        Route("x-y-z", "/a/b/c/"),
        Route("mine", "/mine/"),
    )
    assert len(chosen({"routes": said}, most=2)) == 2
    assert chosen({"error": "no"}) == ()
    assert chosen({"routes": [("", "/403", True), ("", "/test500/", True)]}) == ()
    login = ("rest:login", "/login/", True)
    assert chosen({"routes": [login, ("", "/api/v1/books/", True)]})[0].path == "/api/v1/books/"
    assert chosen({"routes": [("", "/posts/cpu/", True)]}) == (Route("posts-cpu", "/posts/cpu/"),)


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("KeyError: 'API_KEY'", "API_KEY"),
        ("ImproperlyConfigured: Set the DATABASE_URL environment variable", "DATABASE_URL"),
        ("UndefinedValueError: SECRET not found. Declare it as envvar", "SECRET"),
        ("ModuleNotFoundError: No module named 'redis'", ""),
    ],
)
def test_a_variable_that_settings_lack_is_told_by_their_error(error: str, name: str) -> None:
    assert missing(error) == name


def test_or_by_the_first_of_those_that_they_read_in_words_of_their_own() -> None:
    error = "SystemExit: Set up one of: DATABASE_URL to use PostgreSQL, DEBUG for SQLite"
    assert missing(error, ("DEBUG", "DATABASE_URL")) == "DATABASE_URL"
    assert missing(error) == ""


def test_names_are_taken_by_other_folders(tmp_path: Path) -> None:
    routes_file, text = TOP / "stack" / "routes.yaml", "name: shop\nstart: [x]\nroutes: {cpu: {}}\n"
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "target.yaml").write_text(text)
    assert names_taken([tmp_path], routes_file, tmp_path) == frozenset()
    assert names_taken([tmp_path], routes_file, tmp_path / "elsewhere") == {"shop"}
