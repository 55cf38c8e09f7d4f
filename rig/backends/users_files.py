"""Somebody's own Locust file, as the load processes of a plan see it."""

from __future__ import annotations

from pathlib import Path

from rig.backends.base import Programs
from rig.backends.requests import content_of
from rig.load.users_file import UsersFile
from rig.plan import LocustFile, Plan, Target


def folder_of(target: Target, locustfile: LocustFile) -> Path:
    """What the load processes must see of a file: the target's folder that it is in, or its own."""
    path = _path(target, locustfile)
    around = [Path(one).resolve() for one in (target.code_folder, target.folder)]
    inside = [folder for folder in around if path.is_relative_to(folder)]
    return min(inside, key=lambda folder: len(folder.parts), default=path.parent)


def users_file(plan: Plan, layout: Programs) -> UsersFile | None:
    """The file of a plan; None where the users are the rig's. StackError where it changed."""
    locustfile, target = plan.locustfile, plan.target
    if locustfile is None:
        return None
    content_of(target, locustfile.file)
    path, here = _path(target, locustfile), folder_of(target, locustfile)
    there = Path(layout.load_folder or here)
    beside = dict.fromkeys(Path(one).resolve() for one in (target.code_folder, target.folder))
    return UsersFile(
        path=str(there / path.relative_to(here)),
        name=locustfile.file.path,
        import_folders=tuple(
            str(there / one.relative_to(here)) for one in beside if path.is_relative_to(one)
        ),
        packages=layout.load_packages,
        tags=locustfile.tags,
        exclude_tags=locustfile.exclude_tags,
        user_classes=locustfile.user_classes,
        env=dict(locustfile.env),
    )


def _path(target: Target, locustfile: LocustFile) -> Path:
    return (Path(target.folder) / locustfile.file.path).resolve()
