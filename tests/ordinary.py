"""Commands as an ordinary user, also where pytest runs as root and only root may read the project.

As root, in a mount namespace of the command's own, the way to the project and to the interpreter
is opened just as the local backend opens it for its roles; then the command runs as `nobody`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rig.backends.local import view

NOBODY = 65534
ROOT = Path(__file__).resolve().parents[1]
_HOLD = "echo ready\nexec sleep infinity"


def as_ordinary_user(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` as somebody who is not root."""
    if os.geteuid() != 0:
        return list(command)
    opened = view.script([ROOT, Path(sys.prefix), Path(sys.base_prefix)])
    become = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
    then = f"cd {shlex.quote(str(ROOT))}\nexec {become} {shlex.join(command)}"
    assert opened.endswith(_HOLD)
    return ["unshare", "--mount", "sh", "-c", opened.removesuffix(_HOLD) + then]
