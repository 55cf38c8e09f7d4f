"""Environments made by the real uv, of wheels that stand in a folder: no index is asked."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import pytest

from rig.backends import cache_bound
from rig.backends.environment import Environment, handed_over, locust_packages, provide, store
from rig.backends.environment.uv import printed, program, uv
from rig.backends.processes import run
from rig.model import StackError
from rig.plan import Django, LocustFile, Plan
from rig.route import File
from tests.shares import every
from tests.unit.plans import PLAN, TARGET

LIB, SERVER = "shop-lib", "gunicorn"


def wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """A package with one module, which knows its version."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{module}.py", f"version = {version!r}\n")
        file.writestr(f"{info}/METADATA", metadata)
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "asyncpg", "1.0")
    wheel(folder, "setuptools", "80.0")
    wheel(folder, "setuptools", "81.0")
    wheel(folder, LIB, "1.0")
    wheel(folder, LIB, "2.0")
    wheel(folder, SERVER, "20.0", f"{LIB}<3")
    for name, value in {
        "XDG_CACHE_HOME": tmp_path / "cache",
        "UV_CACHE_DIR": tmp_path / "uv",
        "UV_FIND_LINKS": folder,
        "UV_NO_INDEX": 1,
        "UV_OFFLINE": 1,
        "UV_NO_CONFIG": 1,
        "UV": program(),
        "PATH": "/usr/bin:/bin",
        "PYENV_ROOT": tmp_path,
    }.items():
        monkeypatch.setenv(name, str(value))
    # what `provide` sets for the runner inside the sandbox goes with the test
    monkeypatch.setenv("RIG_ENVIRONMENTS", "{}")
    monkeypatch.delenv(cache_bound.MAX_GB, raising=False)
    return folder


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of a project with one package and a driver."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "requirements.txt").write_text(f"-r base.txt\n{LIB}==1.0\n")
    (folder / "base.txt").write_text("asyncpg\n")
    django = Django("shop.settings", "shop.wsgi:application")
    target = replace(TARGET, folder=str(folder), django=django, python="requirements.txt")
    return replace(PLAN, target=target, server="gunicorn-sync")


def made(plan: Plan) -> tuple[Environment, list[str]]:
    """The plan's environment, and what was said."""
    said: list[str] = []
    (environment,) = provide([plan, plan], said.append).values()
    return environment, said


def asked(environment: Environment, expression: str) -> str:
    """What its Python makes of an expression, as a role's would: in no folder of the rig's."""
    command = ["env", "--chdir=/", environment.python, "-s", "-c", f"print({expression})"]
    return run(command, 20, {}).strip()


def left() -> list[str]:
    return sorted(path.name for path in store.folder().glob("*"))


def test_an_environment_is_made_once_and_handed_over(plan: Plan) -> None:
    environment, said = made(plan)
    version = ".".join(map(str, sys.version_info[:3]))
    assert said == [f"target made: making its environment (requirements.txt, Python {version})"]
    assert made(plan) == (environment, [])
    assert handed_over(plan) == environment
    assert handed_over(replace(plan, server="own", target=TARGET)) is None
    versions = "__import__('shop_lib').version, __import__('gunicorn').version"
    assert asked(environment, versions) == "1.0 20.0"
    find = "*map(__import__('importlib.util').util.find_spec, ('rig', 'stack', 'locust', 'posts'))"
    # nothing of the rig is importable there
    assert asked(environment, find) == "None None None None"
    assert Path(environment.python).parent == Path(environment.path)
    assert Path(environment.python).stat().st_mode & 0o005 == 0o005


def test_what_its_files_say_makes_another_one(plan: Plan) -> None:
    before, _ = made(plan)
    folder = Path(plan.target.folder)
    (folder / "views.py").write_text("# no part of its packages\n")
    assert made(plan)[1] == []
    (folder / "base.txt").write_text("asyncpg==1.0\n")
    after, said = made(plan)
    assert len(said) == 1
    assert before.content != after.content


def test_servers_have_no_part_in_what_decides_the_tables(plan: Plan, wheels: Path) -> None:
    for name in ("uvicorn", "uvloop", "httptools"):
        wheel(wheels, name, "1.0")
    one, other = made(plan)[0], made(replace(plan, server="uvicorn"))[0]
    assert one.content == other.content
    assert one.python != other.python
    (both,) = provide([plan, replace(plan, server="uvicorn")], print).values()
    versions = "__import__('gunicorn').version, __import__('uvicorn').version"
    assert asked(both, versions) == "20.0 1.0"


def test_the_project_s_versions_stay_and_a_conflict_is_named(plan: Plan, wheels: Path) -> None:
    wheel(wheels, "granian", "2.0", f"{LIB}>=2")
    with pytest.raises(StackError) as caught:
        made(replace(plan, server="granian-wsgi"))
    assert caught.value.what == (
        "target made: requirements.txt: granian needs shop-lib>=2, and the project has shop-lib 1.0"
    )
    assert left() == []


def test_what_cannot_be_installed_is_said_in_one_line_and_leaves_nothing(plan: Plan) -> None:
    (Path(plan.target.folder) / "base.txt").write_text("nowhere-to-be-found==1\n")
    with pytest.raises(StackError) as caught:
        made(plan)
    assert caught.value.what.startswith("target made: requirements.txt: it cannot be installed: ")
    assert "nowhere-to-be-found" in caught.value.what
    assert "\n" not in caught.value.what
    assert left() == []


def test_an_included_file_that_is_missing_is_named(plan: Plan) -> None:
    (Path(plan.target.folder) / "base.txt").unlink()
    with pytest.raises(StackError, match=r"requirements.txt: base.txt: no such file or directory"):
        made(plan)


def test_a_python_that_is_nowhere_is_named(plan: Plan) -> None:
    (Path(plan.target.folder) / ".python-version").write_text("3.99\n")
    with pytest.raises(StackError) as caught:
        made(plan)
    assert "no Python 3.99 is here, and uv could not fetch one: " in caught.value.what
    assert caught.value.do == "install it, or name an interpreter: `python: PATH`"


def test_an_older_gunicorn_gets_the_uvicorn_that_goes_with_it(plan: Plan, wheels: Path) -> None:
    for name, version in (("uvicorn", "0.35"), ("uvicorn", "0.54"), ("uvicorn-worker", "0.3")):
        wheel(wheels, name, version)
    for name in ("uvloop", "httptools"):
        wheel(wheels, name, "1.0")
    (Path(plan.target.folder) / "base.txt").write_text("asyncpg\ngunicorn==20.0\n")
    environment, _ = made(replace(plan, server="gunicorn-uvicorn"))
    assert asked(environment, "__import__('uvicorn').version") == "0.35"


@pytest.mark.parametrize(
    ("line", "version"),
    every(3, [("old-server", "80.0"), ("asyncpg", "80.0"), ("old-server\nsetuptools>80", "81.0")]),
)
def test_old_packages_find_pkg_resources(plan: Plan, wheels: Path, line: str, version: str) -> None:
    wheel(wheels, "old-server", "20.1", "setuptools>=3")
    (Path(plan.target.folder) / "base.txt").write_text(f"asyncpg\n{line}\n")
    environment, _ = made(plan)
    assert asked(environment, "__import__('setuptools').version") == version


@pytest.mark.parametrize(
    ("django", "driver"), [("3.1", "psycopg2_binary"), ("4.2", "psycopg")], ids=str
)
def test_a_driver_that_its_django_takes_is_added(
    plan: Plan, wheels: Path, django: str, driver: str
) -> None:
    for name, version in (("django", django), ("psycopg2-binary", "2.9"), ("psycopg", "3.0")):
        wheel(wheels, name, version)
    (Path(plan.target.folder) / "base.txt").write_text("django\n")
    environment, _ = made(plan)
    modules = "[m.name for m in __import__('pkgutil').iter_modules() if 'psycopg' in m.name]"
    assert asked(environment, modules) == repr([driver])


PROJECT = '[project]\nname = "x"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("name", "text"),
    every(
        3,
        [
            ("pyproject.toml", f'{PROJECT}dependencies = ["shop-lib<2"]\n'),
            ("Pipfile.lock", '{"default": {"shop-lib": {"version": "==1.0"}, "asyncpg": {}}}'),
            ("poetry.lock", '[[package]]\nname = "shop-lib"\nversion = "1.0"\n'),
        ],
    ),
)
def test_other_files_of_packages(plan: Plan, wheels: Path, name: str, text: str) -> None:
    wheel(wheels, "psycopg", "3.0")
    folder = Path(plan.target.folder)
    (folder / "pyproject.toml").write_text('[tool.poetry.dependencies]\nshop-lib = "*"\n')
    (folder / name).write_text(text)
    environment, _ = made(replace(plan, target=replace(plan.target, python=name)))
    assert asked(environment, "__import__('shop_lib').version") == "1.0"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("poetry.lock", "[[package", "poetry.lock is no TOML"),
        ("poetry.lock", "x = 1", "it has no packages"),
        ("Pipfile.lock", "[", "Pipfile.lock is no JSON"),
        ("pyproject.toml", "[project]\nname = 'x'\n", "it has no `dependencies`"),
        ("uv.lock", "version = 1\n", "uv.lock: pyproject.toml: no such file or directory"),
    ],
)
def test_files_that_name_no_packages(plan: Plan, name: str, text: str, why: str) -> None:
    folder = Path(plan.target.folder)
    if name == "poetry.lock":
        (folder / "pyproject.toml").write_text("[project]\n")
    (folder / name).write_text(text)
    with pytest.raises(StackError) as caught:
        made(replace(plan, target=replace(plan.target, python=name)))
    assert why in caught.value.what
    assert left() == []


def test_an_interpreter_s_own_environment_stays_as_it_is(plan: Plan, tmp_path: Path) -> None:
    own = tmp_path / "shop" / "own"
    uv("venv", "--quiet", str(own))
    python = str(own / "bin" / "python")
    printed("pip", "install", "--quiet", "--python", python, f"{LIB}==1.0", "asyncpg")
    before = sorted(path.name for path in own.rglob("*"))
    environment, _ = made(replace(plan, target=replace(plan.target, python="own/bin/python")))
    versions = "__import__('shop_lib').version, __import__('gunicorn').version"
    assert asked(environment, versions) == "1.0 20.0"
    assert sorted(path.name for path in own.rglob("*")) == before
    assert environment.path.endswith(f":{own / 'bin'}")
    assert str(own) in environment.folders


def test_the_least_recently_used_goes_and_what_is_in_use_stays(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache_bound.MAX_GB, "0")
    first, _ = made(plan)
    (Path(plan.target.folder) / "base.txt").write_text("asyncpg==1.0\n")
    second, _ = made(plan)
    assert not Path(first.python).exists()
    assert Path(second.python).exists()
    assert store.summary().startswith("1 environment, 0.0")


# of Locust files


def test_what_a_locust_file_imports_stands_behind_the_load_s_packages(
    plan: Plan, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(locust_packages.HANDED_ON, "{}")
    ours = metadata.version("locust")
    wheel(wheels, "locust", ours)
    wheel(wheels, "shop-paths", "1.0")
    by_path = f"{wheels}/shop_paths-1.0-py3-none-any.whl"
    folder = Path(plan.target.folder)
    (folder / "load.txt").write_text(f"locust==2.15.1\n{LIB}\n{by_path}\n")
    code = "import shop_lib, shop_paths\nfrom locust import HttpUser, task\n"
    code += "assert shop_lib.version == '2.0'\n"
    (folder / "load.py").write_text(f"{code}class Buyer(HttpUser):\n    tasks = [print]\n")
    files = [
        File(name, sha256((folder / name).read_bytes()).hexdigest())
        for name in ("load.py", "load.txt")
    ]
    told = LocustFile(files[0], requirements=files[1])
    target = replace(plan.target, locustfiles={"buyers": told})
    asks = replace(plan, target=target, route_name="buyers")
    said: list[str] = []
    locust_packages.provide([asks, plan, asks], locust_packages.Here(), said.append)
    packages = Path(locust_packages.handed_over(asks))
    assert said == [
        f"load.txt asks for Locust 2.15.1; the rig's {ours} runs",
        f"installing what the Locust file needs (load.txt): {LIB}==2.0, {by_path}",
    ]
    assert sorted(path.name for path in packages.glob("*.py")) == ["shop_lib.py", "shop_paths.py"]
    assert locust_packages.handed_over(plan) == ""
    said.clear()
    locust_packages.provide([asks], locust_packages.Here(), said.append)
    assert said == []
    (folder / "load.txt").write_text("nowhere-at-all\n")
    changed = replace(told, requirements=File("load.txt", ""))
    again = replace(asks, target=replace(target, locustfiles={"buyers": changed}))
    with pytest.raises(StackError, match=r"load\.txt: it cannot be installed: .*nowhere-at-all"):
        locust_packages.provide([again], locust_packages.Here(), said.append)
