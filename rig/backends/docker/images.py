"""What stands in the rig's own images, and how roles are placed in containers of them."""

from __future__ import annotations

from pathlib import Path

from rig.backends.base import CONTRIB, Programs
from rig.backends.specs import PROJECT
from rig.model import Role
from rig.plan import Target

LAYOUT = Programs(
    "/venv/bin/python",
    "/usr/lib/postgresql/17/bin",
    "17",
    "/usr/sbin/pgbouncer",
    # Debian's package has them all
    extensions=CONTRIB,
)
OURS = {str(PROJECT / f"django_{name}"): f"django_{name}" for name in ("sync", "async")}
"""Targets whose code stands in an image of their own, and their services."""
FIXED = {Role.APP: 2, Role.DATABASE: 3, Role.POOLER: 4, Role.LOAD_MASTER: 9, Role.SERVICE: 20}
"""The last number of a role's addresses."""
SERVICES = {
    Role.DATABASE: "postgres",
    Role.POOLER: "pgbouncer",
    Role.LOAD_MASTER: "locust_master",
    Role.LOAD_WORKER: "locust_worker",
}
"""By role, the service of stack/compose.yaml that it is started as."""
TARGET, TARGET_IMAGE = "target", "django_async"
"""The service that anybody else's target is started as, and whose image it has."""
OBSERVER = "observer"
"""The service of stack/compose.rig.yaml that looks where the runner cannot."""
IMAGES = ("postgres", "pgbouncer", "django_sync", "django_async", "locust_master", "locust_worker")


def place(role: Role, index: int = 0) -> str:
    """The name of a role's folder in a trial's."""
    return f"{role}-{index + 1}" if role == Role.SERVICE else str(role)


def image_of(service: str) -> str:
    """The name of the image that stack/compose.yaml builds for a service."""
    built_for = TARGET_IMAGE if service == TARGET else service
    return f"async-django-rig/{built_for.replace('_', '-')}"


def inside(path: Path, secrets: Path, target: Target) -> str:
    """How containers see a path of this machine. ValueError for one that is in none.

    Code stands in the images; `secrets` and other people's targets are mounted.
    """
    seen = [(secrets, "/secrets"), (PROJECT, "/rig")]
    if target.folder not in OURS:
        # what its commands may change is mounted as its code alone
        seen = [(Path(target.code_folder), "/project"), (Path(target.folder), "/target"), *seen]
    for here, there in seen:
        if path.is_relative_to(here):
            return f"{there}/{path.relative_to(here)}".removesuffix("/.")
    raise ValueError(f"{path} is not in the containers")
