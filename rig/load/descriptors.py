"""Room for the descriptors of many connections. May not know what they are for."""

from __future__ import annotations

import fcntl
import os
import resource

OTHERS = 256
"""Files, and what a load process has open beside connections."""


def make_room(connections: int) -> None:
    """For so many at once, as far as this process may have them.

    The kernel doubles a process's table of descriptors when it is full, and stops a process of
    several threads for 5 to 20 ms each time. The table stays as large as it once was.
    """
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull, "rb") as one:
        last = fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, min(connections + OTHERS, most - 1))
    os.close(last)
