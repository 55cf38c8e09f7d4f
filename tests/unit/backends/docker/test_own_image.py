"""The image with a target's own Python: what it is built of, and why it could not be."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rig.backends.docker import own_image, stack_files
from rig.model import StackError
from rig.plan import Django, Plan
from tests.unit.plans import PLAN, TARGET

SOLVING = """\
#12 0.512 setup: own: Python
#12 0.900 setup: own: project
#12 9.100 setup: own: servers
#12 9.101 own: has asgiref==3.8.0
#12 9.102 own: has click==7.0
#12 9.500 error: No solution found when resolving dependencies
#12 9.500   cause: Because granian==2.0 depends on click>=8 and you require click==7.0, we can
#12 9.500          conclude that your requirements are unsatisfiable.
#12 ERROR: process "/bin/sh -c bash /packages/setup/own.sh" did not complete successfully
"""
BUILDING = """\
#12 0.512 setup: own: Python
#12 0.900 setup: own: project
#12 3.000 error: Failed to build `mysqlclient==2.0.0`
#12 3.000   cause: The build backend returned an error
#12 3.000          OSError: mysql_config not found
"""
UNREACHED = "#7 12.3 Temporary failure resolving 'deb.debian.org'\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "requirements.txt").write_text("-r base.txt\n-c pins.txt\ndjango\n")
    (tmp_path / "base.txt").write_text("# base\nredis\n")
    (tmp_path / "pins.txt").write_text("redis<6\n")
    django = Django("shop.settings", "shop.wsgi:application")
    target = replace(TARGET, folder=str(tmp_path), django=django, python="requirements.txt")
    return replace(PLAN, target=target, server="gunicorn-sync")


class Engine:
    """Stands for Docker's: what it was given to build, and which images it has."""

    def __init__(self, code: int = 0, said: str = "") -> None:
        self.code, self.said = code, said
        self.built: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.removed: list[str] = []

    def docker(self, *words: str, **_: object) -> str:
        if words[:2] == ("image", "inspect"):
            return "sha256:base\n"
        if words[:2] == ("image", "rm"):
            self.tags.remove(words[2])
            self.removed.append(words[2])
        if words[:3] == ("image", "ls", "--quiet"):
            return "id\n" * (words[3] in self.tags)
        return "".join(f"{tag}\n" for tag in reversed(self.tags))

    def build_log(
        self, _services: Sequence[str], variables: Mapping[str, str]
    ) -> tuple[int, list[str]]:
        folder = Path(variables["RIG_OWN_CONTEXT"])
        found = {
            str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob("*")
            if path.is_file()
        }
        self.built.append(found)
        self.tags.append(variables["RIG_OWN_IMAGE"])
        return self.code, self.said.splitlines()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> type[Engine]:
    """Puts an engine in Docker's place as it is made."""

    class Used(Engine):
        def __init__(self, code: int = 0, said: str = "") -> None:
            super().__init__(code, said)
            monkeypatch.setattr(stack_files, "docker", self.docker)
            monkeypatch.setattr(stack_files, "build_log", self.build_log)

    return Used


def test_an_image_is_built_once_of_what_the_files_say(plan: Plan, use: type[Engine]) -> None:
    docker, said = use(), list[str]()
    (first,) = own_image.provide([plan, plan], said.append).values()
    (again,) = own_image.provide([plan], said.append).values()
    assert first == again
    assert said == ["target made: making its image (requirements.txt)"]
    (context,) = docker.built
    assert context["project/requirements.txt"].split("\n") == ["# base", "redis", "django", ""]
    assert context["project/constraints.txt"] == "redis<6\nsetuptools<81\n"
    assert f"\nFROM {own_image.BASE}\n" in context["Dockerfile"]
    assert (
        "own.sh /usr/bin/python3 'psycopg|psycopg2|psycopg2-binary|asyncpg' gunicorn &&"
        in (context["Dockerfile"])
    )


def test_servers_make_another_image_and_the_same_tables(plan: Plan, use: type[Engine]) -> None:
    use()
    both = [plan, replace(plan, server="uvicorn")]
    (one,), (other,) = (own_image.provide(plans, print).values() for plans in ([plan], both))
    assert one.tag != other.tag
    assert one.content == other.content
    (Path(plan.target.folder) / "pins.txt").write_text("redis<7\n")
    (changed,) = own_image.provide([plan], print).values()
    assert changed.content != one.content


def test_an_interpreter_of_this_machine_is_in_no_image(plan: Plan, use: type[Engine]) -> None:
    own = replace(plan, target=replace(plan.target, python="venv/bin/python"))
    assert own_image.provide([own, replace(plan, target=TARGET, server="own")], print) == {}
    assert use().built == []


def test_older_images_go(plan: Plan, use: type[Engine]) -> None:
    docker, tags = use(), list[str]()
    for number in range(own_image.MOST_KEPT + 2):
        (Path(plan.target.folder) / "base.txt").write_text(f"redis=={number}\n")
        tags += [one.tag for one in own_image.provide([plan], print).values()]
    assert docker.removed == tags[:2]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (SOLVING, "granian needs click>=8, and the project has click 7.0"),
        (
            BUILDING,
            "it cannot be installed in the image: Failed to build `mysqlclient==2.0.0`: "
            "OSError: mysql_config not found",
        ),
        (UNREACHED, "its image cannot be built: Temporary failure resolving 'deb.debian.org'"),
    ],
    ids=["conflict", "build", "network"],
)
def test_a_build_that_fails_says_why(plan: Plan, use: type[Engine], said: str, why: str) -> None:
    use(1, said)
    with pytest.raises(StackError) as caught:
        own_image.provide([plan], print)
    assert caught.value.what == f"target made: requirements.txt: {why}"


def test_the_script_is_sound() -> None:
    subprocess.run(["bash", "-n", str(own_image.SCRIPT)], check=True, timeout=20)
