"""What is seen in a Django project's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rig.project import NoProject, look, stand_ins

MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\n'
SERVED = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\napplication = get()\n"
FIXED = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}\n'

Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """lay({path: text}): a project of these files, among which are manage.py and wsgi.py."""

    def write(files: dict[str, str], below: str = "", settings: str = "shop.settings") -> Path:
        usual = {
            f"{below}manage.py": MANAGE.format(settings),
            f"{below}shop/wsgi.py": SERVED.format(settings),
            f"{below}shop/settings.py": FIXED,
        }
        for path, text in {**usual, **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def test_a_plain_project(lay: Lay) -> None:
    found = look(lay({"requirements.txt": "", "shop/asgi.py": "application = get()\n"}))
    assert (found.settings, found.wsgi, found.asgi) == (
        "shop.settings",
        "shop.wsgi:application",
        "shop.asgi:application",
    )
    assert (found.python, found.env_file, found.database) == (
        "requirements.txt",
        "",
        "fixed values",
    )
    assert (found.needed, found.notes) == ([], ())


def test_a_project_below_its_repository(lay: Lay) -> None:
    top = lay({"requirements/production.txt": "", ".env.sample": "A=1\n"}, below="src/web/")
    found = look(top)
    assert found.folder == top / "src" / "web"
    assert found.python == "../../requirements/production.txt"
    assert found.examples == {"A": "1"}


def test_the_settings_are_those_that_are_served(lay: Lay) -> None:
    found = look(
        lay(
            {
                "config/settings/__init__.py": "",
                "config/settings/base.py": FIXED,
                "config/settings/local.py": "from .base import *\n",
                "config/settings/production.py": "from .base import *\n",
                "manage.py": MANAGE.format("config.settings.local"),
                "config/wsgi.py": SERVED.format("config.settings.production"),
            }
        )
    )
    assert found.settings == "config.settings.production"
    assert found.wsgi == "config.wsgi:application"
    assert found.notes[0].startswith("settings config.settings.production, as wsgi.py has it, not ")


def test_settings_for_development_are_better_than_none(lay: Lay) -> None:
    found = look(lay({"shop/local.py": FIXED}, settings="shop.local"))
    assert found.settings == "shop.local"


def test_settings_of_production_are_better(lay: Lay) -> None:
    found = look(lay({"shop/dev.py": FIXED, "shop/production.py": FIXED}, settings="shop.dev"))
    assert found.settings == "shop.production"
    assert found.notes[0].startswith("settings shop.production, as they look served, not shop.dev")


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"uv.lock": "", "requirements.txt": ""}, "uv.lock"),
        ({"pyproject.toml": "[project]\ndependencies = []\n"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.ruff]\n"}, ""),
        ({"requirements/base.txt": "", "requirements/local.txt": ""}, "requirements/base.txt"),
        ({".venv/bin/python": ""}, ".venv/bin/python"),
    ],
)
def test_where_its_packages_stand(lay: Lay, files: dict[str, str], python: str) -> None:
    assert look(lay(files)).python == python


SETTINGS = """\
import os
import environ
from decouple import config
from .keys import *
env = environ.Env(DEBUG=(bool, False))
SECRET_KEY = os.environ.get("SECRET_KEY")
DEBUG = env.bool("DEBUG")
ALLOWED_HOSTS = os.environ.get("HOSTS").split(",")
STRIPE = config("STRIPE_KEY")
PAGE = config("PAGE", cast=int)
SENTRY = os.environ.get("SENTRY_DSN")
QUEUE = env("QUEUE_URL", default="x")
DATABASES = {"default": env.db()} if "X" in os.environ else {"default": env.db("MAIN_URL")}
DATABASES["other"] = env.db("OTHER_DB")
if DEBUG:
    TOOL = os.environ["ONLY_THEN"]
"""


def test_variables_without_a_default_are_needed(lay: Lay) -> None:
    found = look(
        lay({"shop/settings.py": SETTINGS, "shop/keys.py": 'import os\nos.environ["K"]\n'})
    )
    assert sorted(found.needed) == ["HOSTS", "K", "OTHER_DB", "PAGE", "SECRET_KEY", "STRIPE_KEY"]
    assert found.variables["ONLY_THEN"].needed is False
    assert found.database == "a URL in a variable"


def test_what_its_own_env_file_gives_is_not_needed(lay: Lay) -> None:
    files = {"shop/settings.py": SETTINGS, ".env": "HOSTS=a,b\nSECRET_KEY=s\nSTRIPE_KEY=\n"}
    found = look(lay(files))
    assert found.env_file == ".env"
    assert sorted(found.needed) == ["OTHER_DB", "PAGE"]


def test_stand_ins_are_the_rig_s_database_or_the_project_s_example_or_a_dummy(lay: Lay) -> None:
    found = look(
        lay({"shop/settings.py": SETTINGS, ".env.example": "HOSTS=localhost\nOTHER_DB=x\n"})
    )
    names = [
        "HOSTS",
        "OTHER_DB",
        "PAGE",
        "POSTGRES_PASSWORD",
        "DB_PORT",
        "SQL_DATABASE",
        "ADMIN_URL",
    ]
    assert stand_ins(names, found.variables, found.examples) == {
        "HOSTS": "localhost",
        "OTHER_DB": "{database_url}",
        "PAGE": "1",
        "POSTGRES_PASSWORD": "{database_password}",
        "DB_PORT": "{database_port}",
        "SQL_DATABASE": "{database_name}",
        "ADMIN_URL": "http://localhost",
    }


@pytest.mark.parametrize(
    ("line", "own", "names"),
    [
        ('env.bool("SHOP_DEBUG", default=True)', "", ("SHOP_DEBUG",)),
        ('os.environ.get("SHOP_DEBUG", "1") == "1"', "", ("SHOP_DEBUG",)),
        # as text that is not empty, every value would turn it on
        ('bool(os.environ.get("SHOP_DEBUG", default=0))', "", ()),
        ('env.bool("SHOP_DEBUG", False)', "SHOP_DEBUG=on\n", ("SHOP_DEBUG",)),
        ("True", "", ()),
    ],
)
def test_the_variables_by_which_debug_is_on(
    lay: Lay, line: str, own: str, names: tuple[str, ...]
) -> None:
    found = look(lay({"shop/settings.py": f"{FIXED}DEBUG = {line}\n", ".env": own}))
    assert found.debugging == names


def test_pages_that_need_a_manifest_need_collectstatic(lay: Lay) -> None:
    storage = 'STATICFILES_STORAGE = "whitenoise.storage.CompressedManifestStaticFilesStorage"\n'
    assert look(lay({"shop/settings.py": FIXED + storage})).collects_static
    assert not look(lay({"shop/settings.py": FIXED})).collects_static


def test_a_database_by_variables(lay: Lay) -> None:
    text = 'import os\nDATABASES = {"default": {"HOST": os.environ["DB_HOST"]}}\n'
    assert look(lay({"shop/settings.py": text})).database == "by DB_HOST"


def test_what_is_no_project_is_refused(lay: Lay, tmp_path: Path) -> None:
    with pytest.raises(NoProject, match=r"there is no manage\.py in"):
        look(tmp_path)
    top = lay({})
    (top / "shop" / "wsgi.py").write_text("")
    with pytest.raises(NoProject, match=r"has no wsgi\.py and no asgi\.py"):
        look(top)


def test_of_several_the_topmost_is_the_project_s(lay: Lay) -> None:
    found = look(lay({"examples/manage.py": "", "node_modules/manage.py": "", "uv.lock": ""}))
    assert found.notes == ("manage.py is the project's, not examples/manage.py",)


def test_files_that_are_no_python_are_passed_over(lay: Lay) -> None:
    text = "from .broken import *\nfrom . import nothing\n" + FIXED
    found = look(
        lay({"shop/settings.py": text, "shop/broken.py": "def (:\n", "shop/asgi.py": "\0"})
    )
    assert (found.asgi, found.database) == ("", "fixed values")
