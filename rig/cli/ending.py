"""How a command ends: its exit code and, on standard error, the one message of what went wrong."""

from __future__ import annotations

import contextlib
import io
import traceback
from collections.abc import Callable, Iterator

import click

from rig import interruption
from rig.cli.terminal import Screen, flush
from rig.disk.refusals import refusal
from rig.model import BadYaml, ExitCode, RigError, StorageError
from rig.store.names import SESSION
from rig.store.session_folder import SessionFolder


def ended(command: Callable[[], int]) -> int:
    """Runs a command to its end; its exit code."""
    code = 0
    try:
        with interruption.Unwinding():
            code = command()
            flush()
    except BaseException as error:
        # what an interruption breaks on its way is no error
        if not interruption.interrupted():
            return _print_error(error, Screen(stderr=True))
    if not interruption.interrupted():
        return code
    if code != ExitCode.INTERRUPTED:  # else the runner inside the sandbox has said so
        interruption.say()
    return ExitCode.INTERRUPTED


def _print_error(error: BaseException, errors: Screen) -> int:
    """Says what is wrong; the exit code. An error that nobody expected is a traceback."""
    match error:
        case BadYaml():
            count = len(error.problems)
            message = f"{error}\n{count} problem{'s' * (count > 1)}; nothing was started."
            errors.say(message)
            return error.exit_code
        case RigError():
            errors.say(f"error: {error}")
            return error.exit_code
        case OSError() if (refused := refusal(error)) is not None:
            errors.say(f"error: {refused}")
            return refused.exit_code
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            shown = io.StringIO()
            error.show(shown)
            errors.say(shown.getvalue().rstrip())
            return ExitCode.USAGE
        case click.Abort():
            errors.say("not started")
            return ExitCode.INTERRUPTED
        case Exception():
            # Python would print it raw, and it may quote text from outside
            errors.say("".join(traceback.format_exception(error)).rstrip())
            return ExitCode.BUG
    raise error


@contextlib.contextmanager
def resumable(folder: SessionFolder) -> Iterator[None]:
    """A file system that refuses ends the session in order; what to do then."""
    try:
        yield
    except (OSError, StorageError) as error:
        refused = refusal(error, folder.path) if isinstance(error, OSError) else error
        if refused is None:
            raise
        then = f"{refused.do or 'mend that'}, then: python runner.py resume {folder.path}"
        if not (folder.path / SESSION).exists():
            then = "start a new session: this one's folder is gone"
        raise StorageError(refused.what, then) from error
