"""A target's `django:`: a project that the rig serves, and where its code is.

May not know PyYAML, nor how a target is started.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import model_validator

from rig import plan
from rig.config.sections import Context, Section, expected, wrong
from rig.config.values import Matching, Optional, Written

MIGRATE = ("{python}", "-m", "django", "migrate", "--no-input")
MANAGE = "manage.py"
READY, FACTS = "/-/ready", "/-/facts"
"""What the wrapper around a `django:` target answers itself."""
_KEEPS_SETTINGS = re.compile(r"environ\.setdefault\(\s*[\"']DJANGO_SETTINGS_MODULE")
"""What is in a manage.py that leaves DJANGO_SETTINGS_MODULE as it is."""


def migrate_of(folder: Path) -> tuple[str, ...]:
    """Django's `migrate`, by the project's own manage.py where that takes other settings.

    Projects tell by its name that no server is starting, and extend the path in it.
    """
    with contextlib.suppress(OSError, UnicodeError):
        if _KEEPS_SETTINGS.search((folder / MANAGE).read_text()):
            return ("{python}", MANAGE, *MIGRATE[3:])
    return MIGRATE


class _Folder(Written):
    """A folder that is there, as seen from the target's own."""

    def read(self, value: Any, context: Context) -> str:
        entry = super().read(value, context)
        with contextlib.suppress(OSError):
            if (context.folder / entry).is_dir():
                return str((context.folder / entry).resolve())
        raise expected(f"a folder that is there, seen from {context.folder.name}/")


Folder = Annotated[str, _Folder()]
Module = Annotated[
    str, Matching(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", "a module's name, such as shop.settings")
]
Callable = Annotated[
    str,
    Matching(
        r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*",
        "a module and a name in it, such as shop.wsgi:application",
    ),
]


class Django(Section):
    """A Django project that the rig serves."""

    settings: Optional[Module] = None
    wsgi: Optional[Callable] = None
    asgi: Optional[Callable] = None
    overlay: bool = plan.Django.overlay

    @model_validator(mode="after")
    def _callable(self) -> Self:
        if not self.wsgi and not self.asgi:
            raise wrong("`{name}` names no callable", "name it under `wsgi`, `asgi` or both")
        return self

    def planned(self) -> plan.Django:
        return plan.Django(self.settings or "", self.wsgi or "", self.asgi or "", self.overlay)
