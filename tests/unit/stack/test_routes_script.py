"""GET routes without parameters, as a project's own resolver has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "stack" / "around" / "bench_routes.py"

URLS = """\
from django.urls import include, path, re_path
from django.http import HttpResponse
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.views import View
from django.views.generic import RedirectView

def plain(request, **named):
    return HttpResponse()

class Reads(View):
    def get(self, request): ...

class Writes(View):
    def post(self, request): ...

class Mine(LoginRequiredMixin, Reads): ...

print("settings may print")
inner = [path("", plain, name="index"), path("<int:pk>/", plain), path("new/", Writes.as_view())]
urlpatterns = [
    path("", plain, name="home"),
    path("books/", include((inner, "books"))),
    path("<slug:shop>/", include(inner)),
    re_path(r"^old/list/$", plain, name="old"),
    re_path(r"^v1\\.0/ping/?$", plain),
    re_path(r"^old/(?P<year>[0-9]{4})/$", plain),
    path("reads/", Reads.as_view(), name="reads"),
    path("mine/", Mine.as_view()),
    path("own/", login_required(plain)),
    path("moved/", RedirectView.as_view(url="/")),
]
"""


SETTINGS = """\
ROOT_URLCONF = "urls"
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
"""


def told(folder: Path, settings: str) -> dict[str, Any]:
    (folder / "settings.py").write_text(settings)
    (folder / "urls.py").write_text(URLS)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "settings"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def test_routes_that_take_get_and_no_parameter(tmp_path: Path) -> None:
    assert told(tmp_path, SETTINGS)["routes"] == [
        ["home", "/", True],
        ["books:index", "/books/", True],
        ["old", "/old/list/", True],
        ["", "/v1.0/ping/", True],
        ["reads", "/reads/", True],
        ["", "/mine/", False],
        ["", "/own/", False],
    ]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ('import os\nos.environ["API_KEY"]\n', "KeyError: 'API_KEY'"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_settings_that_do_not_load_say_why(tmp_path: Path, settings: str, error: str) -> None:
    assert told(tmp_path, settings) == {"error": error}


def test_an_app_that_asks_a_database_when_it_is_ready_hides_no_routes(tmp_path: Path) -> None:
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "__init__.py").touch()
    (tmp_path / "posts" / "apps.py").write_text(
        "from django.apps import AppConfig\n"
        "class Posts(AppConfig):\n"
        '    name = "posts"\n'
        "    def ready(self):\n"
        '        raise OSError("Network is unreachable")\n'
    )
    settings = SETTINGS + 'INSTALLED_APPS.append("posts")\n'
    assert ["reads", "/reads/", True] in told(tmp_path, settings)["routes"]


def test_a_front_page_that_a_pattern_with_parameters_serves(tmp_path: Path) -> None:
    pages = 'urls.urlpatterns = [urls.re_path(r"^((?:\\w+/)*)$", urls.plain, name="page")]\n'
    (tmp_path / "pages.py").write_text(f"import urls\n{pages}urlpatterns = urls.urlpatterns\n")
    settings = SETTINGS.replace('"urls"', '"pages"')
    assert told(tmp_path, settings)["routes"] == [["page", "/", True]]
