"""Runs commands of the rig in children of one process that has imported everything already.

    python -m tests.warm

Reads a request a line (JSON, see `Warm.run`) and answers with the exit code, which is negative
after a signal. The child does what `python runner.py` does, but for Python's own start and the
imports; it is killed at a file operation or after some time, where the request asks for it.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tests.campaign.disk import Disk, watch
from tests.runs import DEADLINE_S, ROOT, Done, Session, only_session

CALLED = (
    *("runner", "rig.evidence.verify", "analysis.report", "analysis.exports"),
    *("analysis.figures.goodput", "matplotlib.backends.backend_svg", "scipy.special"),
    *("pydantic.dataclasses", "encodings.ascii"),
)
"""Beside the commands themselves: what they import only once they call it."""


class Warm:
    """A process that has imported everything, and forks a child for each command."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(
        self,
        *arguments: str | Path,
        cwd: Path,
        kill_after_s: float = DEADLINE_S,
        disk: Disk | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """A command to its end: its own, after some seconds, or at an operation of a disk."""
        with tempfile.TemporaryDirectory() as streams:
            for name in ("out", "err"):  # a child may be killed before it has any
                Path(streams, name).touch()
            request = {
                "arguments": list(map(str, arguments)),
                "cwd": str(cwd),
                "streams": streams,
                "env": env or {},
                "kill_after_s": kill_after_s,
                "disk": disk and [disk.folder, disk.kill_at, disk.power_cut],
            }
            code = self._asked(json.dumps(request))
            out, err = (Path(streams, name).read_text() for name in ("out", "err"))
        return Done(code, out, err)

    def _asked(self, request: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        if not (said := self._process.stdout.readline()):
            raise RuntimeError(f"the warm process was ended: {self._process.wait()}")
        return int(said)

    def close(self) -> None:
        """Ends it, once its child has ended."""
        self._process.communicate(timeout=DEADLINE_S)


@functools.cache
def _shared() -> Warm:
    warm = Warm()
    atexit.register(warm.close)
    return warm


def runner(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Runs a command of the rig to its end, without the second that its start takes."""
    done = _shared().run(*arguments, cwd=cwd, env=env)
    assert done.code != -signal.SIGKILL, f"it took more than {DEADLINE_S} s: {done}"
    return done


def fake_session(experiment: str, folder: Path) -> Session:
    """A session of the fake backend, whose trials are all valid."""
    (folder / "one.yaml").write_text(experiment)
    done = runner("one.yaml", "--backend", "fake", "--yes", "--out", folder / "fake", cwd=folder)
    assert done.code == 0, done
    return only_session(folder / "fake")


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

    import rig.cli

    for module in pkgutil.walk_packages(rig.cli.__path__, "rig.cli."):
        importlib.import_module(module.name)
    for name in CALLED:
        importlib.import_module(name)
    drawn = matplotlib.figure.Figure()
    axes = drawn.add_subplot()
    axes.plot([1, 10], [1, 10], label="warm")
    axes.legend()
    for kind in ("svg", "png"):
        drawn.savefig(io.BytesIO(), format=kind)
    # what is here to stay is neither looked through nor copied by each child
    gc.collect()
    gc.freeze()


def _ended(child: int, kill_after_s: float) -> int:
    """The child's exit code, once it has one or was killed."""
    watched = os.pidfd_open(child)
    if not select.select([watched], [], [], kill_after_s)[0]:
        # not waited for yet: the number is still its own
        os.kill(child, signal.SIGKILL)
    os.close(watched)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _command(request: dict[str, Any]) -> NoReturn:
    """The child: as a process of its own that was started with these arguments."""
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    streams = Path(request["streams"])
    for descriptor, path in ((0, Path(os.devnull)), (1, streams / "out"), (2, streams / "err")):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = [str(ROOT / "runner.py"), *request["arguments"]]
    if request["disk"]:
        disk = Disk(*request["disk"])
        watch(disk)
        atexit.register(lambda: Path("operations").write_text("\n".join(disk.names)))
    try:
        _run()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)


def _run() -> NoReturn:
    import runner
    from rig import interruption

    interruption.install()
    runner.main()


if __name__ == "__main__":
    # the rig's tests turn warnings into errors; a command does not
    warnings.simplefilter("ignore")
    main()
