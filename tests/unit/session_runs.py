"""The trials of a session without the command line around them."""

from __future__ import annotations

from collections.abc import Mapping

from rig.backends.base import Backend
from rig.design import Design
from rig.record import Record
from rig.session import SessionListener, SessionRun, SessionSummary
from rig.store.session_folder import SessionFolder


def run_trials(
    folder: SessionFolder,
    design: Design,
    backend: Backend,
    listener: SessionListener,
    done: Mapping[str, Record],
) -> SessionSummary:
    """Those that are not done, as `rig.cli.running.run_session` does it."""
    session = SessionRun(folder, design, backend, listener, done)
    for block in session.blocks():
        session.calibrate(block)
        session.run(block)
    return session.summary
