"""The rig's hands on a node: connections to addresses there, files in and out, facts.

    python3 -P -s -c SOURCE FOLDER

One file, on the standard library alone: the rig hands over its text, so that any image with a
Python will do and both ends are always of one version. Frames on stdin and stdout, each a kind, a
channel, a length and as many bytes. It ends with its stdin, so that nothing of it outlives the rig.

May not know what the files are, nor who is at an address. What it reads was written by a stranger's
code: regular files of bounded number and size, no link followed.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import re
import shutil
import socket
import stat
import struct
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

HEAD = struct.Struct(">BII")
OPEN, OPENED, DATA, CLOSE, CALL, RESULT, FAILED = range(7)
CHUNK_BYTES = 1 << 16
CONNECT_S, STUCK_S = 5.0, 10.0
MOST_FILES, MOST_BYTES = 5_000, 1 << 30
ALWAYS_SENT_BYTES = 1 << 18
"""What is written through a mapping shows in no time of change: small files are always sent."""
_SIOCGIFCONF, _SIOCGIFADDR, _SIOCGIFMTU = 0x8912, 0x8915, 0x8921


class Agent:
    """One stream: connections and calls on channels that the other side numbers."""

    def __init__(self, folder: Path, read: BinaryIO, write: BinaryIO) -> None:
        self._folder, self._read, self._write = folder, read, write
        self._lock = threading.Lock()
        self._open: dict[int, socket.socket] = {}

    def serve(self) -> None:
        """Answers until the stream ends."""
        while head := self._read.read(HEAD.size):
            kind, channel, length = HEAD.unpack(head)
            payload = self._read.read(length)
            if kind == OPEN:
                self._start(self._connect, channel, payload.decode())
            elif kind == DATA:
                self._hand_on(channel, payload)
            elif kind == CLOSE:
                self._close(channel)
            elif kind == CALL:
                self._start(self._call, channel, payload)

    def _start(self, step: Callable[..., None], *arguments: Any) -> None:
        threading.Thread(target=step, args=arguments, daemon=True).start()

    def _send(self, kind: int, channel: int, payload: bytes = b"") -> None:
        with self._lock:
            self._write.write(HEAD.pack(kind, channel, len(payload)) + payload)
            self._write.flush()

    # connections

    def _connect(self, channel: int, where: str) -> None:
        address, _, port = where.rpartition(":")
        try:
            there = socket.create_connection((address, int(port)), CONNECT_S)
        except OSError as error:
            self._send(CLOSE, channel, str(error.strerror or error).encode())
            return
        there.settimeout(None)
        there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # what it sends may wait, what it is sent may not: all channels share one stream
        there.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(STUCK_S), 0))
        self._open[channel] = there
        self._send(OPENED, channel)
        with contextlib.suppress(OSError):
            while data := there.recv(CHUNK_BYTES):
                self._send(DATA, channel, data)
        self._close(channel)
        self._send(CLOSE, channel)

    def _hand_on(self, channel: int, data: bytes) -> None:
        there = self._open.get(channel)
        if there is not None:
            try:
                there.sendall(data)
            except OSError:
                self._close(channel)

    def _close(self, channel: int) -> None:
        there = self._open.pop(channel, None)
        if there is not None:
            with contextlib.suppress(OSError):
                there.shutdown(socket.SHUT_RDWR)
            there.close()

    # calls

    def _call(self, channel: int, payload: bytes) -> None:
        asked, _, body = payload.partition(b"\n")
        words: dict[str, Any] = json.loads(asked)
        try:
            answer, out = CALLS[words.pop("do")](self._folder, body, **words)
            self._send(RESULT, channel, json.dumps(answer).encode() + b"\n" + out)
        except (OSError, ValueError, tarfile.TarError) as error:
            said = str(error) or type(error).__name__
            self._send(FAILED, channel, said.encode())


Answer = tuple[Any, bytes]


def put(root: Path, body: bytes, under: str) -> Answer:
    """The files and links of a tar archive, each whole before it has its name."""
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        for member in archive:
            path = root / under / member.name
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(member.mode)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                path.symlink_to(member.linkname)
                continue
            found = archive.extractfile(member)
            assert found is not None
            scratch = path.with_name(f"{path.name}.part")
            scratch.unlink(missing_ok=True)
            scratch.write_bytes(found.read())
            scratch.chmod(member.mode)
            scratch.rename(path)
    return None, b""


def empty(root: Path, _: bytes, folders: dict[str, int]) -> Answer:
    """Makes folders that are empty, each with its mode; their parents are everybody's to enter."""
    for name, mode in folders.items():
        path = root / name
        if path.exists():
            # it is mounted where roles run: what is in it goes, itself it stays
            for inside in path.iterdir():
                if inside.is_dir() and not inside.is_symlink():
                    shutil.rmtree(inside)
                else:
                    inside.unlink()
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    return None, b""


def pull(root: Path, _: bytes, folder: str, known: dict[str, list[int]]) -> Answer:
    """What a folder holds: name, size and change (ns) of each file, and those that are new."""
    names: dict[str, list[int]] = {}
    odd: list[str] = []
    archive = io.BytesIO()
    total = 0
    with tarfile.open(fileobj=archive, mode="w") as out:
        for path in _below(root / folder):
            name = str(path.relative_to(root / folder))
            content, size, changed_ns = _content(path, known.get(name))
            if size is None:
                odd.append(name)
                continue
            names[name] = [size, changed_ns]
            total += len(content or b"")
            if len(names) > MOST_FILES or total > MOST_BYTES:
                raise OSError(f"{folder} has more than {MOST_FILES} files, or 1 GiB")
            if content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                out.addfile(member, io.BytesIO(content))
    return {"names": names, "odd": odd}, archive.getvalue()


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for above, folders, names in os.walk(folder):
        found += [Path(above) / name for name in names]
        found += [Path(above) / name for name in folders if (Path(above) / name).is_symlink()]
        if len(found) > MOST_FILES:
            break
    return sorted(found)


def _content(path: Path, known: list[int] | None) -> tuple[bytes | None, int | None, int]:
    """Contents, size and time of change; None for contents as known, and for no regular file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None, None, 0
    with open(descriptor, "rb") as file:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > MOST_BYTES:
            return None, None, 0
        if known == [seen.st_size, seen.st_mtime_ns] and seen.st_size > ALWAYS_SENT_BYTES:
            return None, seen.st_size, seen.st_mtime_ns
        return file.read(seen.st_size), seen.st_size, seen.st_mtime_ns


def facts(_root: Path, _: bytes) -> Answer:
    """The machine, as far as it shapes results."""
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    said = {
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "kernel": os.uname().release,
        "cpu_model": model[1].strip() if model else "",
        "cpus": sorted(os.sched_getaffinity(0)),
        "clock_s": time.clock_gettime(time.CLOCK_MONOTONIC),
    }
    return said, b""


def mtu(_root: Path, _: bytes, address: str) -> Answer:
    """The MTU (bytes) of the interface that has an address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _index, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode())
            with contextlib.suppress(OSError):
                found = fcntl.ioctl(asking, _SIOCGIFADDR, request)[20:24]
                if socket.inet_ntoa(found) == address:
                    said = fcntl.ioctl(asking, _SIOCGIFMTU, request)[16:20]
                    return struct.unpack("i", said)[0], b""
    raise OSError(f"no interface has {address}")


def listen(_root: Path, _: bytes, address: str, port: int) -> Answer:
    """Takes bytes at an address from then on, and says after each megabyte that it has come."""
    server = socket.create_server((address, port), reuse_port=True)

    def take() -> None:
        while True:
            there, _ = server.accept()
            there.settimeout(STUCK_S)
            with there, contextlib.suppress(OSError):
                left = 1 << 20
                while left and (data := there.recv(min(left, CHUNK_BYTES))):
                    left -= len(data)
                there.sendall(b"." if not left else b"?")

    threading.Thread(target=take, daemon=True).start()
    return None, b""


def pass_megabyte(_root: Path, _: bytes, address: str, port: int, within_s: float) -> Answer:
    """How a megabyte gets to who listens: seconds; how far it came where it does not arrive."""
    begun_s = time.monotonic()
    try:
        there = socket.create_connection((address, port), within_s)
    except OSError as error:
        return {"came": "nothing", "why": str(error.strerror or error)}, b""
    with there:
        try:
            there.settimeout(within_s)
            there.sendall(bytes(1 << 20))
            arrived = there.recv(1) == b"."
        except OSError:
            arrived = False
    came = "all" if arrived else "small packets only"
    return {"came": came, "took_s": time.monotonic() - begun_s}, b""


def ping(_root: Path, _: bytes) -> Answer:
    """The moment on this machine's own clock."""
    return time.clock_gettime(time.CLOCK_MONOTONIC), b""


CALLS: dict[str, Callable[..., Answer]] = {
    one.__name__: one for one in (put, empty, pull, facts, mtu, listen, pass_megabyte, ping)
}


def main() -> None:
    """Serves until the rig lets go."""
    Agent(Path(sys.argv[1]), sys.stdin.buffer, sys.stdout.buffer).serve()


if __name__ == "__main__":
    main()
