"""This side of `stack/agent`: a node reached by one stream through its own engine.

Files go in and folders come out over it, and connections to addresses there: whatever way the
engine is reached by, nothing else of the node has to be open.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import queue
import re
import shutil
import socket
import struct
import tarfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.backends.processes import Piped
from rig.backends.specs import PROJECT
from rig.backends.swarm import folders
from rig.model import DamagedFile, LostNode, StackError

SOURCE = PROJECT / "stack" / "agent" / "__main__.py"
HEAD = struct.Struct(">BII")
OPEN, OPENED, DATA, CLOSE, CALL, RESULT, FAILED = range(7)
CALL_DEADLINE_S, START_DEADLINE_S, END_DEADLINE_S = 30.0, 90.0, 10.0
PING_EVERY_S, SILENT_DEADLINE_S = 2.0, 15.0
SLOWEST_BYTES_PER_S = 100_000
CHUNK_BYTES, MOST_ANSWER_BYTES = 1 << 16, 2 << 30
_LOGGED = re.compile(r'msg="([^"]*)"')
"""As Docker's command line logs it."""
FRESH_FOR_S = 0.04
"""A folder is not asked for more often."""


@dataclass
class _Mirror:
    """What of a node's folder is here already: name to size and time of change."""

    names: dict[str, list[int]] = field(default_factory=dict)
    at_s: float = -1.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class NodeAgent:
    """The agent of a node. LostNode of any method: it can be reached no more."""

    def __init__(self, node: str, process: Piped) -> None:
        """`process` speaks the agent's frames."""
        self.node = node
        self._process = process
        self._lost = ""
        self._closing = False
        self._answered = threading.Event()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[tuple[int, bytes]]] = {}
        self._open: dict[int, socket.socket] = {}
        self._servers: dict[tuple[str, int], socket.socket] = {}
        self._mirrors: dict[Path, _Mirror] = {}
        for step in (self._listen_to, self._watch):
            threading.Thread(target=step, daemon=True, name=f"agent of {node}").start()

    @property
    def lost(self) -> str:
        """Why it can be reached no more; empty while it can."""
        return self._lost

    def check(self) -> None:
        """LostNode once it is."""
        if self._lost:
            raise LostNode(self.node, self._lost)

    # calls

    def call(
        self, do: str, body: bytes = b"", deadline_s: float = CALL_DEADLINE_S, **words: Any
    ) -> tuple[Any, bytes]:
        """What the agent answers, as JSON and bytes. StackError where it cannot."""
        self.check()
        channel = next(self._numbers)
        answers = self._answers[channel] = queue.SimpleQueue()
        try:
            asked = json.dumps({"do": do, **words}).encode()
            self._send(CALL, channel, asked + b"\n" + body)
            kind, payload = answers.get(timeout=deadline_s)
        except queue.Empty:
            raise StackError(
                f"node {self.node} did not {do} within {deadline_s:g} s",
                "see whether the machine is up and can be reached",
            ) from None
        finally:
            self._answers.pop(channel, None)
        if kind == FAILED:
            self.check()
            raise StackError(f"node {self.node}: {do}: {payload.decode(errors='replace')}")
        said, _, out = payload.partition(b"\n")
        return json.loads(said), out

    def put(self, files: Mapping[str, bytes], under: str, mode: int = 0o644) -> None:
        """Writes files, by their names below a folder of the session's there."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as out:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), mode
                out.addfile(member, io.BytesIO(content))
        self.call("put", archive.getvalue(), under=under)

    def put_folder(self, here: Path, under: str, writable: bool) -> None:
        """A folder of this machine, as a new one of the session's there. StackError, OSError."""
        self.call("empty", folders={under: folders.mode_of_folder(writable)})
        for archive in folders.archives(here, writable):
            deadline_s = CALL_DEADLINE_S + len(archive) / SLOWEST_BYTES_PER_S
            self.call("put", archive, deadline_s=deadline_s, under=under)

    def mirror(self, folder: str, here: Path) -> Path:
        """A folder of the session's there, as it now stands, copied to `here`.

        DamagedFile where something else than regular files lies in it.
        """
        mirror = self._mirrors.setdefault(here, _Mirror())
        with mirror.lock:
            if time.monotonic() - mirror.at_s < FRESH_FOR_S:
                return here
            said, archive = self.call("pull", folder=folder, known=mirror.names)
            _unpack(archive, here)
            for gone in mirror.names.keys() - said["names"].keys():
                (here / gone).unlink(missing_ok=True)
            mirror.names, mirror.at_s = said["names"], time.monotonic()
            if said["odd"]:
                raise DamagedFile(f"node {self.node}: {folder}/{said['odd'][0]} is no regular file")
        return here

    def forget(self, here: Path) -> None:
        """What was copied to `here` is not what stands there any more."""
        self._mirrors.pop(here, None)
        shutil.rmtree(here, ignore_errors=True)

    # connections

    def forward(self, address: str, port: int) -> tuple[str, int]:
        """Where, on this machine, an address and port of the node's networks are reached."""
        self.check()
        server = self._servers.get((address, port))
        if server is None:
            server = self._servers[address, port] = socket.create_server(("127.0.0.1", 0))
            accepting = threading.Thread(
                target=self._accept, args=(server, f"{address}:{port}"), daemon=True
            )
            accepting.start()
        host, number = server.getsockname()
        return host, number

    def _accept(self, server: socket.socket, where: str) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                here, _ = server.accept()
                here.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                channel = next(self._numbers)
                self._open[channel] = here
                try:
                    self._send(OPEN, channel, where.encode())
                except StackError:
                    self._drop(channel)

    def _pump(self, channel: int, here: socket.socket) -> None:
        with contextlib.suppress(OSError, StackError):
            while data := here.recv(CHUNK_BYTES):
                self._send(DATA, channel, data)
            self._send(CLOSE, channel)
        self._drop(channel)

    def _drop(self, channel: int) -> None:
        here = self._open.pop(channel, None)
        if here is not None:
            with contextlib.suppress(OSError):
                here.shutdown(socket.SHUT_RDWR)
            here.close()

    # the stream

    def _send(self, kind: int, channel: int, payload: bytes = b"") -> None:
        try:
            with self._lock:
                self._process.write(HEAD.pack(kind, channel, len(payload)) + payload)
        except (OSError, ValueError):
            self._give_up()
            self.check()

    def _listen_to(self) -> None:
        while len(head := self._process.read(HEAD.size)) == HEAD.size:
            kind, channel, length = HEAD.unpack(head)
            if length > MOST_ANSWER_BYTES:
                break
            payload = self._process.read(length)
            self._take(kind, channel, payload)
        self._give_up()

    def _take(self, kind: int, channel: int, payload: bytes) -> None:
        self._answered.set()
        if kind in (RESULT, FAILED):
            if answers := self._answers.get(channel):
                answers.put((kind, payload))
            return
        here = self._open.get(channel)
        if here is None:
            return
        if kind == OPENED:
            threading.Thread(target=self._pump, args=(channel, here), daemon=True).start()
        elif kind == DATA:
            try:
                here.sendall(payload)
            except OSError:
                self._drop(channel)
        elif kind == CLOSE:
            self._drop(channel)

    def _watch(self) -> None:
        """A machine that fell silent ends no stream."""
        self._answered.wait()  # its container may take its time to start
        while not self._lost and not self._closing:
            time.sleep(PING_EVERY_S)
            try:
                self.call("ping", deadline_s=SILENT_DEADLINE_S)
            except StackError as error:
                self._give_up(error.what)

    def _give_up(self, why: str = "") -> None:
        if not self._lost and not self._closing:
            said = [line for line in self._process.log_lines() if line.strip()]
            told = _LOGGED.search(said[-1]) if said else None
            last = told[1] if told else (said[-1] if said else "its engine ended the connection")
            self._lost = why or last
        for answers in list(self._answers.values()):
            answers.put((FAILED, b"the node is lost"))
        for channel in list(self._open):
            self._drop(channel)

    def close(self) -> None:
        """Ends the agent, and all connections by way of it."""
        self._closing = True
        self._answered.set()
        for server in self._servers.values():
            server.close()
        for channel in list(self._open):
            self._drop(channel)
        self._process.close(END_DEADLINE_S)


def _unpack(archive: bytes, here: Path) -> None:
    here.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as read:
        for member in read:
            path = here / member.name
            content = read.extractfile(member)
            if content is None or ".." in Path(member.name).parts or path == here:
                raise DamagedFile(f"{member.name} is no file that a role may write")
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content.read())


def _write_whole(path: Path, content: bytes) -> None:
    """So that a reader sees all of it or what was there before."""
    scratch = path.with_name(f".{path.name}.mirrored")
    scratch.write_bytes(content)
    scratch.replace(path)
