"""Runs commands of the rig in children of one process that has imported everything already.

    python -m tests.campaign.warm

Reads a request a line (JSON, see `tests.campaign.killing`) and answers with the exit code, which
is negative after a signal. The child runs what `python runner.py` runs; it is killed at a file
operation or after some time, where the request asks for it.
"""

from __future__ import annotations

import io
import json
import os
import select
import signal
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any, NoReturn

from tests.campaign.disk import Disk, watch


def main() -> None:
    """Serves until its standard input ends."""
    _warm_up()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _command(request)
        print(_ended(child, request["kill_after_s"]), flush=True)


def _warm_up() -> None:
    """Imports whatever a command imports and draws once, so that a child has its fonts at once."""
    import matplotlib.figure

    import analysis.figures.goodput
    import analysis.report  # noqa: F401
    import runner  # noqa: F401

    drawn = matplotlib.figure.Figure()
    axes = drawn.add_subplot()
    axes.plot([1, 10], [1, 10], label="warm")
    axes.legend()
    for kind in ("svg", "png"):
        drawn.savefig(io.BytesIO(), format=kind)


def _ended(child: int, kill_after_s: float | None) -> int:
    """The child's exit code, once it has one or was killed."""
    if kill_after_s is not None:
        watched = os.pidfd_open(child)
        if not select.select([watched], [], [], kill_after_s)[0]:
            # not waited for yet: the number is still its own
            os.kill(child, signal.SIGKILL)
        os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _command(request: dict[str, Any]) -> NoReturn:
    """The child: as a process of its own that was started with these arguments."""
    os.chdir(request["cwd"])
    for descriptor, name in ((0, os.devnull), (1, "out"), (2, "err")):
        flags = os.O_RDWR | os.O_CREAT | (os.O_TRUNC if descriptor else 0)
        opened = os.open(name, flags, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = ["runner.py", *request["arguments"]]
    disk = Disk(request["folder"], request["kill_at"], request["power_cut"])
    if disk.folder:
        watch(disk)
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    if disk.folder:
        Path("operations").write_text("\n".join(disk.names))
    os._exit(code)


def _run() -> int:
    from rig.cli import make_cli
    from runner import ANALYSIS

    try:
        return make_cli(ANALYSIS)()
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


if __name__ == "__main__":
    # the rig's tests turn warnings into errors; a command does not
    warnings.simplefilter("ignore")
    main()
