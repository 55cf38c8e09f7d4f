"""Builds the images that sessions in containers need, ahead of the tests that start such sessions.

    python -m tests.integration.compose.images

Says nothing and never fails: a test that needs an image says why there is none.
"""

from __future__ import annotations

import contextlib
import os

from rig.backends.docker import stack_files
from rig.backends.docker.images import IMAGES, OBSERVER
from rig.model import StackError

if __name__ == "__main__" and not stack_files.unsupported_reason():
    with contextlib.suppress(StackError, OSError):
        stack_files.build(*IMAGES, *[OBSERVER] * bool(os.environ.get("SWARM")))
