"""Images onto nodes: who lacks one gets the same one, by a registry where one is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rig.backends.docker.engine import Engine
from rig.backends.swarm.images import address, give, ids_of
from rig.backends.swarm.swarm import Member
from rig.model import StackError
from rig.nodes import Node

# an engine that has an image once it was tagged there, and this machine's, which has it already
DOCKER = """\
#!/bin/sh
echo "$*" >> LOG
engine=here; [ "$1" = --context ] && { engine=$2; shift 2; }
case "$1 $2" in
  "image inspect")
    [ "$engine" = here ] || [ -e "ROOT/$engine" ] || { echo "No such image: $5" >&2; exit 1; }
    [ "$engine" = here ] && echo sha256:0123 || cat "ROOT/$engine" ;;
  "tag "*) [ "$engine" = here ] || echo PULLED > "ROOT/$engine" ;;
  "load "*) cat > /dev/null; echo sha256:0123 > "ROOT/$engine" ;;
  "push "*) PUSH ;;
esac
"""
NAME = "async-django-rig/postgres"
THERE = "registry.lab:5000/async-django-rig/postgres:0123"


@pytest.fixture
def nodes(tmp_path: Path) -> dict[str, Member]:
    """Two nodes, the first of which has the image."""
    (tmp_path / "a").write_text("sha256:0123\n")
    return {
        name: Member(Node(name, name), Engine(name, ("--context", name)), "28", "active", name,
                     manager=True, cpus=2, kernel="6")
        for name in ("a", "b")
    }  # fmt: skip


def docker(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pulled: str = "sha256:0123", push: str = ":"
) -> Path:
    """A `docker` that does as engines and a registry would; where its arguments are noted."""
    script = DOCKER.replace("ROOT", str(folder)).replace("LOG", str(folder / "log"))
    (folder / "docker").write_text(script.replace("PULLED", pulled).replace("PUSH", push))
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "log"


def given(nodes: dict[str, Member], registry: str) -> None:
    give(nodes, {node: [NAME] for node in nodes}, ids_of([NAME]), registry)


def test_a_registry_is_pushed_to_and_pulled_from_where_an_image_is_missing(
    nodes: dict[str, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = docker(tmp_path, monkeypatch)
    given(nodes, "registry.lab:5000")
    lines = log.read_text().splitlines()
    assert [line for line in lines if "inspect" not in line] == [
        f"tag {NAME} {THERE}",
        f"push --quiet {THERE}",
        f"image rm {THERE}",
        f"--context b pull --quiet {THERE}",
        f"--context b tag {THERE} {NAME}",
        f"--context b image rm {THERE}",
    ]
    given(nodes, "registry.lab:5000")  # now all have it
    assert log.read_text().count("push") == 1


def test_without_a_registry_images_are_handed_over(
    nodes: dict[str, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = docker(tmp_path, monkeypatch)
    given(nodes, "")
    did = {line for line in log.read_text().splitlines() if "inspect" not in line}
    assert did == {f"save {NAME}", "--context b load"}


def test_another_image_of_the_same_name_is_none(
    nodes: dict[str, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, pulled="sha256:4567")
    with pytest.raises(StackError, match=f"^node b: image {NAME} is not the one made here$"):
        given(nodes, "registry.lab:5000")


def test_a_registry_that_takes_nothing_is_one_line(
    nodes: dict[str, Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(tmp_path, monkeypatch, push="echo 'no basic auth credentials' >&2; exit 1")
    with pytest.raises(StackError) as caught:
        given(nodes, "registry.lab:5000")
    assert caught.value.what == (
        f"image {NAME} cannot be pushed: docker push: no basic auth credentials"
    )
    assert "docker login" in caught.value.do


def test_an_image_with_a_tag_of_its_own_has_one_address_by_content() -> None:
    found = address("lab/rig", "async-django-rig/own:1f", f"sha256:{'ab' * 32}")
    assert found == f"lab/rig/async-django-rig/own:{'ab' * 16}"
