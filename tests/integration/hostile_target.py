"""A target that attacks whoever has rights: it plants weapons wherever it may write.

    python hostile.py plant            strikes, and leaves a process behind that goes on
    python hostile.py serve HOST PORT  strikes, serves, and goes on striking meanwhile

Needs nothing but Python. From its environment: WEAPON (a name of `WEAPONS`), CANARY (a file of
root's that it points to) and HOME (its role's folder).
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROLES = ("database", "pooler", "app", "delay", "load_master", "load_worker", "load_worker-1")
SCRATCH = Path("/var/tmp")
MODULES = ("json", "signal", "pyroute2", "psycopg", "sitecustomize", "usercustomize", "stack")
NAMES = (
    *(f"{role}{end}" for role in ROLES for end in (".json", ".log", ".part", ".wait")),
    *("ready.json", "facts.json", "spec.json", "spec.part", "ready.part", "facts.part"),
    *("delay.csv", "delay.signal", "delay.signal.part", "delay.exit", "exit", "log"),
    *("load.json", "progress.jsonl", "scout.json", "completions.csv", "latencies.hlog"),
    *("superuser", "pgpass", "ready.json.part", "load.json.part", "locust_stats.csv"),
    *("counters-1-1.000000", "counters-2-2.000000", "postgresql.auto.conf"),
)
MARKED = """\
import os, sys
for folder in ({here!r}, "/roles/app/out", {home!r}):
    try:
        name = "%s/ran-%d-%d-{name}" % (folder, os.geteuid(), os.getpid())
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o666))
    except OSError:
        pass
sys.path[:] = [one for one in sys.path if os.path.abspath(one or ".") != {here!r}]
sys.modules.pop(__name__, None)
__import__(__name__)
"""
FLOOD_BYTES, GIANT_BYTES, MANY = 24 << 20, 1 << 40, 1500
STRIKES_FOR_S = 300.0


def places() -> Iterator[Path]:
    """Folders that it may write: its own, those above, and those which it knows to be beside."""
    home, seen = Path(os.environ["HOME"]), set()
    # nothing beyond the session's own: whatever else others can write on this machine is not ours
    above = [home, *(one for one in home.parents if one.is_relative_to(SCRATCH) and one != SCRATCH)]
    known = [Path(one) for one in ("/roles", "/secrets", "/clusters", "/root", "/dev/shm")]
    if os.path.isdir("/roles"):  # in a container: a machine's /tmp holds what is not the session's
        known.append(Path("/tmp"))
    for parent in (Path.cwd(), *above, *known):
        below = [parent / name for name in (*ROLES, "secrets", "out")]
        below += [one / "out" for one in below]
        with suppress(OSError):
            below += [parent / name for name in os.listdir(parent)]
        for folder in (parent, *below):
            if folder not in seen:
                seen.add(folder)
                with suppress(OSError):
                    if stat.S_ISDIR(os.lstat(folder).st_mode) and os.access(folder, os.W_OK):
                        yield folder


def in_the_way(path: Path) -> None:
    """Puts aside what is there, if it may."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path.rename(path.with_name(f"{path.name}.aside"))
        else:
            path.unlink()


def link(path: Path) -> None:
    """A link to the canary, or a second name for it."""
    in_the_way(path)
    with suppress(OSError):
        os.symlink(os.environ["CANARY"], path)
    with suppress(OSError):
        os.link(os.environ["CANARY"], path.with_name(f"{path.name}.hard"))


def fifo(path: Path) -> None:
    """A FIFO that nobody ever writes to; a device where that is allowed; a socket."""
    in_the_way(path)
    with suppress(OSError):
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with suppress(OSError):
        os.mkfifo(path, 0o666)
    with suppress(OSError), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path.with_name(f"{path.name}.socket")))


def giant(path: Path) -> None:
    """A file without end in practice, in place or inside of what is there."""
    with suppress(OSError), path.open("ab") as file:
        file.truncate(GIANT_BYTES)


def many(path: Path) -> None:
    """Directories as deep as they can be, and more files than anybody counts."""
    for number in range(MANY // len(NAMES) + 1):
        with suppress(OSError):
            path.with_name(f"{path.name}-{number}").touch()
    if path.name == "exit":
        deep = path.with_name("deep")
        with suppress(OSError):
            deep.mkdir()
            here = os.open(deep, os.O_DIRECTORY)
            for _ in range(1500):
                os.mkdir("d", dir_fd=here)
                below = os.open("d", os.O_DIRECTORY, dir_fd=here)
                os.close(here)
                here = below
            os.close(here)


def module(path: Path) -> None:
    """Modules named like those that roles of root import, here and where a user's own stand."""
    if path.name != "exit":
        return
    folder = path.parent
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own = folder / ".local" / "lib" / version / "site-packages"
    with suppress(OSError):
        own.mkdir(parents=True)
    for place in (folder, own):
        for name in MODULES:
            planted = place / f"{name}.py"
            text = MARKED.format(here=str(place), home=os.environ["HOME"], name=name)
            with suppress(OSError):
                if not planted.exists():
                    planted.write_text(text)


WEAPONS: dict[str, Callable[[Path], None]] = {
    "links": link, "fifos": fifo, "giants": giant, "many": many, "modules": module,
    # so that all is in place when the target first shows what it is
    "links_later": link, "modules_later": module,
}  # fmt: skip


def strike() -> None:
    """Once, everywhere."""
    weapon = WEAPONS[os.environ["WEAPON"]]
    for folder in places():
        for name in NAMES:
            weapon(folder / name)
    for pid in range(1, 600) if weapon in (link, fifo) else ():
        weapon(Path(f"/tmp/xtables-{pid}.lock"))


def go_on() -> None:
    """Again and again, as things that are waited for come and go."""
    give_up_s = time.monotonic() + STRIKES_FOR_S
    while time.monotonic() < give_up_s:
        strike()
        time.sleep(0.05)


def leave_a_process() -> None:
    """One that nobody knows of: of another session, and an orphan."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    try:
        go_on()
    finally:
        os._exit(0)


def flood() -> None:
    """Prints without measure, and makes the log larger than any disk."""
    line = "Error: \x1b[31m" + "flood " * 10_000 + "\n"
    with suppress(OSError):
        for _ in range(FLOOD_BYTES // len(line)):
            sys.stdout.write(line)
        sys.stdout.flush()
        os.ftruncate(1, GIANT_BYTES)


class Answering(BaseHTTPRequestHandler):
    """Answers correctly, as nothing of what it does shows here."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = b'{"hello": "world"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


class Serving(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Strikes before anything else."""
    os.umask(0)
    if sys.argv[1] == "plant" and os.environ["WEAPON"].endswith("_later"):
        return
    strike()
    leave_a_process()
    if sys.argv[1] == "plant":
        return
    if os.environ["WEAPON"] == "giants":
        flood()
    threading.Thread(target=go_on, daemon=True).start()
    Serving((sys.argv[2], int(sys.argv[3])), Answering).serve_forever()


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{errno.errorcode.get(error.errno or 0)}: {error}")
