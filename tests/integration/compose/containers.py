"""Watches sessions in containers from outside: their processes, and what they leave behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.backends.docker.clusters import CACHE_VOLUME
from rig.backends.docker.stack_files import SCRATCH_PREFIX
from tests.integration.worlds import wait_for
from tests.runs import ROOT, Done, Session, command, sessions

DEADLINE_S = 300
STACK = ROOT / "stack"


def docker(*arguments: str | Path) -> str:
    """What `docker …` prints; AssertionError with what it says where it fails."""
    done = call("docker", *arguments)
    assert done.code == 0, done.err
    return done.out


def call(*words: str | Path, env: Mapping[str, str] | None = None) -> Done:
    """Runs a command to its end."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=DEADLINE_S,
        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def names(*listing: str) -> frozenset[str]:
    return frozenset(docker(*listing).split())


@dataclass(frozen=True)
class Engine:
    """Everything an engine holds that a session could leave behind, whosever it is."""

    containers: frozenset[str]
    networks: frozenset[str]
    volumes: frozenset[str]
    folders: frozenset[str]

    def left_since(self, before: Engine) -> dict[str, set[str]]:
        """What is there now and was not before; empty where nothing is."""
        both = {name: getattr(self, name) - getattr(before, name) for name in vars(self)}
        return {name: set(new) for name, new in both.items() if new}


def holds() -> Engine:
    """What is there now; the labelled cache may stay."""
    return Engine(
        names("ps", "--all", "--format", "{{.Names}}"),
        names("network", "ls", "--format", "{{.Name}}"),
        names("volume", "ls", "--format", "{{.Name}}") - {CACHE_VOLUME},
        frozenset(map(str, scratch_folders())),
    )


def scratch_folders() -> list[Path]:
    return sorted(Path(tempfile.gettempdir()).glob(f"{SCRATCH_PREFIX}*"))


def images() -> frozenset[str]:
    """Every image, by its id."""
    return names("images", "--all", "--quiet", "--no-trunc")


# processes


@dataclass(frozen=True)
class Seen:
    """A process in a container, as the host's /proc showed it."""

    service: str
    command: tuple[str, ...]
    status: Mapping[str, str]
    environment: bytes

    @property
    def name(self) -> str:
        """`module` for `python -m module`, otherwise the program."""
        words = self.command
        if "-m" in words:
            return words[words.index("-m") + 1]
        return next((w for w in map(os.path.basename, words) if "python" not in w), "")

    @property
    def capabilities(self) -> dict[str, int]:
        return {kind: int(self.status[kind], 16) for kind in CAPABILITY_SETS}


CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def processes(containers: Mapping[str, str]) -> list[Seen]:
    """Every process of containers, given as {id: service}."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            groups = (path / "cgroup").read_text()
            service = next((name for key, name in containers.items() if key in groups), None)
            if service is None:
                continue
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            lines = (path / "status").read_text().splitlines()
            status = {key: value.strip() for key, _, value in (x.partition(":") for x in lines)}
            environment = (path / "environ").read_bytes() if os.geteuid() == 0 else b""
            found.append(Seen(service, tuple(filter(None, words)), status, environment))
    return found


def running_services(project: str = "") -> dict[str, str]:
    """{container id: service} of what runs now, of one project or of every session's."""
    form = '{{.ID}} {{.Label "com.docker.compose.service"}}'
    which = f"label=com.docker.compose.project{'=' * bool(project)}{project}"
    lines = docker("ps", "--no-trunc", "--filter", which, "--format", form).splitlines()
    return dict(line.split() for line in lines)


# sessions


@dataclass
class UnderWay:
    """A session of the real command line, under way."""

    process: subprocess.Popen[str]
    out: Path
    before: frozenset[str]

    @property
    def session(self) -> Session:
        return sessions(self.out)[-1]

    def scratch(self) -> Path | None:
        """Its folder, once it has one."""
        new = [path for path in scratch_folders() if str(path) not in self.before]
        return new[0] if new else None

    def loading(self) -> str:
        """The folder's name of the trial whose users are active; empty between trials."""
        if not sessions(self.out) or not self.session.names("began"):
            return ""  # users are active while the session is calibrated, too
        scratch = self.scratch()
        for told in scratch.glob("trial-*/load_master/out/progress.jsonl") if scratch else ():
            with suppress(OSError):
                if told.stat().st_size and not (told.parent / "load.json").exists():
                    return told.parents[2].name
        return ""

    def reaches_load(self) -> None:
        """Waits until users are active."""

        def there() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            return bool(self.loading())

        wait_for(there, "users are active", 240)

    def comes_to(self, what: str) -> None:
        """Waits until it has a `folder`, or has made `containers`."""

        def there() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            session = "label=com.docker.compose.project"
            made = what == "folder" or docker("ps", "--all", "--quiet", "--filter", session)
            return bool(self.scratch() and made)

        wait_for(there, f"it comes to its {what}", 240)

    def interrupt(self, number: signal.Signals) -> None:
        """As a terminal does it: the signal goes to the docker commands under way, too."""
        os.killpg(self.process.pid, number)

    def ends(self, deadline_s: float = 60) -> Done:
        """How it ended. TimeoutExpired where it does not."""
        out, err = self.process.communicate(timeout=deadline_s)
        return Done(self.process.returncode, out, err)


@contextmanager
def under_way(*arguments: str | Path, cwd: Path, out: str = "results") -> Iterator[UnderWay]:
    """A session started and, whatever happens, ended; `out` is where its arguments put it."""
    before = frozenset(map(str, scratch_folders()))
    process = subprocess.Popen(
        command(*arguments), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield UnderWay(process, cwd / out, before)
    finally:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def rendered(*files: str, profiles: Sequence[str] = (), **variables: str) -> dict[str, Any]:
    """What Compose makes of files of stack/, with variables set or, where empty, unset."""
    words = [word for name in files for word in ("--file", str(STACK / name))]
    words += [word for name in profiles for word in ("--profile", name)]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RIG_")}
    done = subprocess.run(
        ["docker", "compose", *words, "config", "--format", "json"],
        capture_output=True, text=True, env={**kept, **variables}, check=True, timeout=60,
    )  # fmt: skip
    data: dict[str, Any] = json.loads(done.stdout)
    return data
