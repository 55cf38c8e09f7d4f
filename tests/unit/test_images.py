"""An image holds every module that what runs in it imports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ENTRIES = {
    "rig/probes": ("rig/probes/observe.py",),
    "locust_master": (
        *("locust_master/__main__.py", "rig/load/run.py", "rig/load/locustfile.py"),
        "rig/load/time_server.py",
    ),
    "locust_worker": (
        *("locust_worker/__main__.py", "rig/load/run.py", "rig/load/locustfile.py"),
        *("rig/load/scout.py", "rig/load/looking.py"),
    ),
}
"""By the Dockerfile's folder, what is started there."""
OWN = ("rig", "stack", "locust_master", "locust_worker")


def copied(dockerfile: Path) -> set[Path]:
    """The files and folders that it copies, from the project's top."""
    text = dockerfile.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^COPY (.*)$", text, re.MULTILINE)
    return {TOP / one for line in lines for one in line.split()[:-1]}


def imported(file: Path, seen: set[Path]) -> Iterator[Path]:
    """The project's files that importing it takes, itself and packages above them included."""
    if file in seen:
        return
    seen.add(file)
    yield file
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        if node.module.partition(".")[0] not in OWN:
            continue
        for name in (node.module, *(f"{node.module}.{one.name}" for one in node.names)):
            path = TOP / name.replace(".", "/")
            for found in (path.with_suffix(".py"), path / "__init__.py"):
                if found.exists():
                    yield from imported(found, seen)


@pytest.mark.parametrize("folder", ENTRIES)
def test_an_image_holds_what_its_programs_import(folder: str) -> None:
    held = copied(TOP / folder / "Dockerfile")
    seen: set[Path] = set()
    needed = [file for entry in ENTRIES[folder] for file in imported(TOP / entry, seen)]
    assert len(needed) > len(ENTRIES[folder])
    missing = [file for file in needed if held.isdisjoint({file, *file.parents})]
    assert missing == []
