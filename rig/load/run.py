"""Starts Locust as load master or load worker: a JSON file in, a folder out."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path

from rig.disk.typed import fitted
from rig.load import scout
from rig.load.scout import ScoutSpec
from rig.load.spec import OUT_VARIABLE, SPEC_VARIABLE, LoadSpec, read_spec
from rig.load.users_file import UsersFile

_LOCUSTFILE = str(Path(__file__).with_name("locustfile.py"))


def master_arguments(spec: LoadSpec, out: Path) -> list[str]:
    """Locust's command line for the load master."""
    bind = ["--master-bind-host", spec.master_address, "--master-bind-port", str(spec.master_port)]
    if not spec.headless:
        by_hand = ["locust", "-f", _LOCUSTFILE, "--master", *bind, "--web-host", "0.0.0.0"]
        return [*by_hand, *_of_users_file(spec)]
    return [
        *("locust", "-f", _LOCUSTFILE, "--master", "--headless", "--only-summary", *bind),
        *("--expect-workers", str(spec.load_workers)),
        # a deadline even though the locustfile waits first: Locust's own default is for ever
        *("--expect-workers-max-wait", str(int(spec.connect_deadline_s))),
        *("--csv", str(out / "locust"), "--html", str(out / "locust.html")),
        *("--exit-code-on-error", "0"),  # failed requests are data, not an error of the load
        *_of_users_file(spec),
    ]


def _of_users_file(spec: LoadSpec) -> list[str]:
    """What makes somebody's own Locust file ask the target, whatever host it names."""
    return ["--host", spec.target_url] if spec.users_file else []


def worker_arguments(spec: LoadSpec) -> list[str]:
    """Locust's command line for a load worker."""
    return [
        *("locust", "-f", _LOCUSTFILE, "--worker", "--headless"),
        *("--master-host", spec.master_address),
        *("--master-port", str(spec.master_port)),
        *_of_users_file(spec),
    ]


def _ended_by_file(kind: str, file: UsersFile, error: SystemExit) -> None:
    """Says so where a load process ends before its load, and the file has made it."""
    from rig.load import process
    from rig.load.users.users_loading import place_of

    where = place_of(file, error)
    # a load worker ends for no other reason; a load master does, and says why itself
    if process.recorder.frozen or (kind == "master" and where == file.name):
        return
    process.leave(f"{where}: it ends its load {kind} before the load is over ({error.code!r})")


def main(kind: str) -> None:
    """Runs Locust in this process; `kind` is master or worker."""
    spec_path, out = Path(sys.argv[1]), Path(sys.argv[2])
    os.environ[SPEC_VARIABLE] = str(spec_path)
    os.environ[OUT_VARIABLE] = str(out)
    if "scout" in (told := json.loads(spec_path.read_text())):
        scout.run(fitted(ScoutSpec, told), out)
        return
    spec = read_spec(spec_path)
    sys.argv = master_arguments(spec, out) if kind == "master" else worker_arguments(spec)
    from locust.main import main as locust  # patches the standard library: not before it is due

    try:
        locust()  # type: ignore[no-untyped-call]
    except SystemExit as error:
        if spec.users_file:
            _ended_by_file(kind, spec.users_file, error)
        raise
    finally:
        if kind == "worker" and spec.headless:
            # the paths' delay is measured against this host once more after the load
            signal.sigwait({signal.SIGTERM, signal.SIGINT})
        if kind == "master" and spec.users_file and (out / "load.json").exists():
            # a thread of the file's would keep this process, and its listeners choose an exit code
            logging.shutdown()
            os._exit(0)
