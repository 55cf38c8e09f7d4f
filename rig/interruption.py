"""What SIGHUP, SIGINT and SIGTERM do, from the program's first line to its last: exit code 130.

Where nothing has to be undone, a signal ends the program at once. Within `Unwinding` the first one
unwinds what runs and the second ends it at once. May not know what runs, and imports next to
nothing: it stands before the imports that take a second.
"""

import _signal  # type: ignore[import-not-found]  # `signal` takes as long as Python's own start
import atexit
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Handle = Callable[[int], None]

SIGNALS = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)
EXIT_CODE = 130
_AGAIN_S = 0.01


class _State:
    """Of this process, which has one set of handlers."""

    seen = 0
    """Signals so far."""
    line = "interrupted"
    said = False
    handles: "list[Handle]" = []  # noqa: RUF012 - of the one process
    """Who is handed a signal, the last first. Without one it ends the program."""


def install() -> None:
    """From now on the signals end the program by what stands here."""
    for number in SIGNALS:
        _signal.signal(number, _arrived)
    _signal.signal(_signal.SIGALRM, _again)
    sys.unraisablehook = _unraisable
    # a library's forked child must die of its parent's SIGTERM, not unwind our session
    os.register_at_fork(after_in_child=_hand_back)


def interrupted() -> bool:
    """Whether a signal has come, whatever became of it."""
    return _State.seen > 0


def set_message(line: str) -> None:
    """Decides what is said of an interruption from now on."""
    _State.line = line


def say() -> None:
    """Says on standard error, once, that the program was interrupted."""
    if not _State.said:
        _State.said = True
        try:
            # not by `sys.stderr`: the signal may have come in the middle of one of its writes
            os.write(2, f"{_State.line}\n".encode())
        except OSError:
            pass  # the terminal may be what has gone


def end_at_once() -> "NoReturn":
    """Ends the process here."""
    say()
    os._exit(EXIT_CODE)


def end(code: int) -> "NoReturn":
    """Ends the program with a code, or with 130 where a signal came before its end.

    Python's own end would hand the signals back to the kernel and then take itself apart.
    """
    try:
        atexit._run_exitfuncs()
    except Exception:
        pass  # Python has shown it
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # closed by whoever started the program, or nobody reads it
    # those that have come are handled by this call; one that comes later is seen to be pending
    _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
    if _signal.sigpending() & set(SIGNALS):
        end_at_once()
    os._exit(code)


class Handing:
    """Within it, every signal is handed to a function."""

    def __init__(self, handle: "Handle") -> None:
        self._handle = handle

    def __enter__(self) -> None:
        _State.handles.append(self._handle)

    def __exit__(self, *_: object) -> None:
        _State.handles.remove(self._handle)


class Unwinding(Handing):
    """Within it, the first signal raises KeyboardInterrupt. The second calls `at_once` and ends.

    A third waits for nothing.
    """

    def __init__(self, at_once: "Callable[[], object]" = lambda: None) -> None:
        super().__init__(self._unwind)
        self._at_once = at_once

    def _unwind(self, _number: int) -> None:
        if _State.seen == 1:
            raise KeyboardInterrupt
        if _State.seen == 2:
            try:
                self._at_once()
            except Exception:
                pass  # it ends all the same
        end_at_once()


def _arrived(number: int, _frame: object) -> None:
    _State.seen += 1
    if not _State.handles:
        end_at_once()
    _State.handles[-1](number)


def _unraisable(ignored: "sys.UnraisableHookArgs") -> None:
    """An interruption that came where Python lets no exception out comes again."""
    if isinstance(ignored.exc_value, KeyboardInterrupt):
        _signal.setitimer(_signal.ITIMER_REAL, _AGAIN_S)
    else:
        sys.__unraisablehook__(ignored)


def _again(_number: int, _frame: object) -> None:
    if _State.handles:
        raise KeyboardInterrupt


def _hand_back() -> None:
    for number in SIGNALS:
        _signal.signal(number, _signal.SIG_DFL)
