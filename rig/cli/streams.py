"""Standard output and error that outlive whoever reads them.

A session goes on after `run | head -1`, and its exit code is what came of it; so does a reading
command. May not know what is written.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO

from rig.model import printable

_NOBODY_READS = (errno.EPIPE, errno.EIO)
"""A pipe without a reader; a terminal that is gone."""


class _Outliving(io.FileIO):
    """A descriptor to write to, and to nothing once nobody reads it."""

    last_words = ""
    """What standard error says then."""

    def write(self, data: Any) -> int:
        """OSError, naming the output, where it is refused for another reason."""
        try:
            return super().write(data) or 0
        except OSError as error:
            # whatever is still to be written would be refused like this
            _nowhere(self.fileno())
            if self.fileno() != 2 and error.errno not in _NOBODY_READS:
                raise OSError(error.errno, error.strerror, "the output") from error
            self._say()
            return len(data)

    def _say(self) -> None:
        if self.last_words:
            with contextlib.suppress(OSError):
                os.write(2, f"{self.last_words}\n".encode())


def outlive_readers() -> None:
    """Makes both streams so. A descriptor that the shell has closed leads nowhere from now on."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _nowhere(descriptor)
    sys.stdout, sys.stderr = _stream(1, sys.stdout), _stream(2, sys.stderr)


def when_nobody_reads(line: str) -> None:
    """What standard error says once nobody reads standard output any more."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Outliving):
        raw.last_words = printable(line)


def _stream(descriptor: int, was: TextIO | None) -> TextIO:
    raw = _Outliving(descriptor, "w", closefd=False)
    encoding, errors = (was.encoding, was.errors) if was else ("utf-8", "backslashreplace")
    by_line = descriptor == 2 or raw.isatty()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=by_line)


def _nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
