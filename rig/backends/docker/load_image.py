"""What Locust files need where load workers are containers: their packages, and a first look."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rig.backends.base import SAFE_PYTHON, Programs
from rig.backends.docker.engine import HERE, LABEL
from rig.backends.docker.images import LAYOUT, image_of
from rig.backends.environment import pins
from rig.model import StackError

FOLDER, PACKAGES = "/locust", "/locust-packages"
"""Where load workers see a Locust file's folder, and what was made for it."""
_DESCRIBE = """
import json, platform, importlib.metadata as metadata
names = {one.name: one.version for one in metadata.distributions()}
print(json.dumps([platform.python_version(), platform.machine(), names]))
"""


def layout(packages: str) -> Programs:
    """Where the containers see them."""
    there = PACKAGES if packages else ""
    return dataclasses.replace(LAYOUT, load_folder=FOLDER, load_packages=there)


class OfImage:
    """The Python of a load worker's image."""

    def __init__(self) -> None:
        self._image = image_of("locust_worker")

    def has(self) -> Mapping[str, str]:
        """As it says itself."""
        return self._said[2]

    def options(self) -> Sequence[str]:
        """Wheels for its system: nothing is built in it."""
        version, machine, _ = self._said
        system = ("--python-platform", f"{machine}-manylinux_2_28")
        return ("--python-version", version, *system, "--only-binary", ":all:")

    @functools.cached_property
    def _said(self) -> tuple[str, str, Mapping[str, str]]:
        version, machine, names = json.loads(HERE.said_by(self._image, "python", "-c", _DESCRIBE))
        return version, machine, {pins.normalised(name): names[name] for name in names}

    def layout(self, packages: str) -> Programs:
        """As the load's containers have it."""
        return layout(packages)

    def look(self, spec: Path, out: Path, folder: Path, packages: str) -> str:
        """In a container without network."""
        alone = ("run", "--rm", "--network", "none", "--label", f"{LABEL}=probe")
        mounts = [f"{spec.parent}:/look", f"{folder}:{FOLDER}:ro"]
        mounts += [f"{packages}:{PACKAGES}:ro"] * bool(packages)
        volumes = [word for mount in mounts for word in ("--volume", mount)]
        module = (*SAFE_PYTHON, "-m", "rig.load.looking", f"/look/{spec.name}", f"/look/{out.name}")
        start = (*alone, *volumes, "--entrypoint", "python", self._image, *module)
        try:
            return HERE.docker(*start)
        except StackError as error:
            return error.what
