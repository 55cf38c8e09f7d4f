"""The way from an experiment's YAML to its report, in one place and in the order of the data.

`run_session` is that way; each of its lines names the room that does the step. `run` enters it at
its beginning, `resume` where an older session ended. May not know click, nor how anything is
measured, judged or drawn.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rig import interruption, resumption
from rig.backends.base import Backend
from rig.cli import lock, roots
from rig.cli.elsewhere import json_text
from rig.cli.ending import resumable
from rig.cli.live.listener import Address, Listener, handed_on, listening
from rig.cli.place import cpus, nodes_for, run_on_backend
from rig.cli.plan_text import plan_json, plan_text, planned
from rig.cli.reporting import Analysis, write_tables_and_figure
from rig.cli.streams import when_nobody_reads
from rig.cli.terminal import Screen
from rig.cli.watch import Several, clock, watch
from rig.config import (
    Instead,
    Matrix,
    Only,
    parse_only,
    read_experiment,
    with_locustfile,
    with_options,
)
from rig.design import Design
from rig.disk.refusals import takes_files
from rig.model import ExitCode, UsageError
from rig.record import Record
from rig.resumption import Say, SessionOptions
from rig.session import (
    SessionListener,
    SessionRun,
    SessionSummary,
    design_of,
    plans_of,
)
from rig.session_facts import session_facts
from rig.store import creation, names, session_folder
from rig.store.session_folder import SessionFolder

ASK_BEFORE_S = 15 * 60.0

Records = Mapping[str, Record]
"""By the name of the trial."""


def run_session(
    entry: Entry,
    backend: Backend,
    analysis: Analysis,
    screen: Screen,
    listener: Listener | None = None,
) -> int:
    """A session from its experiment to its figure; the exit code.

    Each trial of a block becomes a record with its checks and its verdict (`rig.attempt`). The
    report is made of the folder whenever it is asked for (`reporting.write_report`).
    """
    matrix = entry.experiment()
    design = design_of(matrix, entry.only, cpus(backend.name))
    with entry.open(matrix, backend) as folder:
        done = entry.done(folder, design, screen.say_line)
        with resumable(folder):
            with _shown(folder, backend.name, screen, listener) as view:
                session = SessionRun(folder, design, backend, view, done)
                for block in session.blocks():
                    session.calibrate(block, entry.calibrate)
                    session.run(block)
            figure = write_tables_and_figure(folder, analysis, screen)
        return _result(session.summary, figure, entry.figure_is_enough, screen)


def run(options: RunOptions, analysis: Analysis, screen: Screen) -> int:
    """A new session."""
    entry = NewSession.of(options)
    nodes = nodes_for(options.backend, options.nodes)
    takes_files(options.out.absolute() / entry.matrix.experiment)
    with listening(options.live) as listener:
        return run_on_backend(
            options.backend,
            lambda backend: run_session(entry, backend, analysis, screen, listener),
            lambda: plans_of(entry.matrix, entry.only),
            lambda: _confirm_long_run(entry, screen),
            handed_on(listener),
            nodes,
        )


def resume(
    out: Path,
    name: str | None,
    figure_is_enough: bool,
    analysis: Analysis,
    screen: Screen,
    live: Address | None = None,
    nodes_file: Path | None = None,
) -> int:
    """The trials of a session that have no finished attempt; without a name, of the newest.

    On the nodes that it was begun on, or those of another `nodes_file`.
    """
    folder = session_folder.find_session(out, name)
    entry = OlderSession(folder, resumption.opened(folder), figure_is_enough)
    if name is None and creation.killed_since(folder):
        raise UsageError(
            f"the run after session {folder.name} was killed before it had a session to resume",
            f"run it again; or resume the one before it: python runner.py resume {folder.name}",
        )
    began_on = folder.session()["host"].get("nodes_file")
    nodes = nodes_for(
        entry.options["backend"], nodes_file or (Path(began_on) if began_on else None)
    )
    takes_files(folder.path.absolute())
    with listening(live) as listener:
        return run_on_backend(
            entry.options["backend"],
            lambda backend: run_session(entry, backend, analysis, screen, listener),
            lambda: plans_of(entry.experiment(), entry.only),
            handed_on=handed_on(listener),
            nodes=nodes,
        )


def plan(options: RunOptions, screen: Screen, as_json: bool = False) -> int:
    """The way as far as the design: shows its schedule, and starts nothing."""
    entry = NewSession.of(options)
    design = design_of(entry.matrix, entry.only, cpus(options.backend))
    if as_json:
        screen.document(json_text(plan_json(entry.matrix, design)))
    else:
        screen.say(plan_text(entry.matrix, design))
    return ExitCode.OK


@dataclass(frozen=True)
class RunOptions:
    """The options of `run` and `plan`."""

    file: Path
    profile: str | None
    backend: str
    out: Path
    only: str | None
    seed: int | None
    repeats: int | None
    load_workers: int | None
    yes: bool
    figure_is_enough: bool
    calibrate: bool
    nodes: Path | None = None
    """A file of the machines of a Swarm."""
    live: Address | None = None
    """Where its page is served while it runs; None: nowhere."""
    locustfile: Path | None = None
    tags: str | None = None
    exclude_tags: str | None = None

    @property
    def instead(self) -> Instead | None:
        """The Locust file that takes the place of routes. UsageError for tags without one."""
        if self.locustfile is None:
            if self.tags or self.exclude_tags:
                what = "--tags and --exclude-tags choose tasks of a --locustfile"
                raise UsageError(what, "name the file, too: --locustfile FILE")
            return None
        chosen = (
            tuple(re.findall(r"[^,\s]+", one or "")) for one in (self.tags, self.exclude_tags)
        )
        return Instead(os.path.abspath(self.locustfile), *chosen)


class Entry(Protocol):
    """Where a session comes from: the command line, or a folder in which it ended too early."""

    @property
    def only(self) -> Only:
        """Levels of factors; cells of others are left out."""
        ...

    @property
    def calibrate(self) -> bool:
        """Whether to measure before the first trial."""
        ...

    @property
    def figure_is_enough(self) -> bool:
        """Whether a figure makes the exit code 0."""
        ...

    def experiment(self) -> Matrix:
        """The experiment, with the options that it is run with."""
        ...

    def open(self, matrix: Matrix, backend: Backend) -> AbstractContextManager[SessionFolder]:
        """The session's folder, held until the context ends."""
        ...

    def done(self, folder: SessionFolder, design: Design, say: Say) -> Records:
        """The trials that need not run again."""
        ...


@dataclass(frozen=True)
class NewSession:
    """An Entry: as the command line asks for it."""

    options: RunOptions
    matrix: Matrix
    only: Only

    @classmethod
    def of(cls, options: RunOptions) -> NewSession:
        """Reads the experiment, before anything is started for it. BadYaml, UsageError."""
        file = options.file
        matrix = _read(file, options.profile, [file.resolve().parent])
        matrix = with_options(matrix, options.seed, options.repeats, options.load_workers)
        matrix = with_locustfile(matrix, options.instead)
        only = {} if options.only is None else parse_only(options.only, matrix)
        return cls(options, matrix, only)

    @property
    def calibrate(self) -> bool:
        return self.options.calibrate

    @property
    def figure_is_enough(self) -> bool:
        return self.options.figure_is_enough

    def experiment(self) -> Matrix:
        return self.matrix

    def open(self, matrix: Matrix, backend: Backend) -> AbstractContextManager[SessionFolder]:
        return creation.new_session(
            self.options.out.absolute() / matrix.experiment,
            matrix.profile,
            lambda name: session_facts(matrix, self.only, backend, name, self.calibrate),
            matrix.text,
        )

    def done(self, folder: SessionFolder, design: Design, say: Say) -> Records:
        return {}


@dataclass(frozen=True)
class OlderSession:
    """An Entry: as a session's own folder has it."""

    folder: SessionFolder
    options: SessionOptions
    figure_is_enough: bool

    @property
    def only(self) -> Only:
        return self.options["only"]

    @property
    def calibrate(self) -> bool:
        return self.options.get("calibrate", True)

    def experiment(self) -> Matrix:
        options = self.options
        besides = [Path(root) for root in options["target_roots"]]
        matrix = _read(self.folder.path / names.YAML, options["profile"], besides)
        adapts = options["until"] or options.get("search") or options.get("capacity")
        repeats = None if adapts else options["repeats"]
        matrix = with_options(matrix, options["seed"], repeats, options["load_workers"])
        return with_locustfile(matrix, options.get("locustfile"))

    @contextlib.contextmanager
    def open(self, matrix: Matrix, backend: Backend) -> Iterator[SessionFolder]:
        with self.folder.hold():
            yield self.folder

    def done(self, folder: SessionFolder, design: Design, say: Say) -> Records:
        return resumption.resumed(folder, design, say)


def _read(file: Path, profile: str | None, besides: Sequence[Path]) -> Matrix:
    """The experiment; `besides`: folders of targets other than the project's own."""
    return read_experiment(
        file,
        profile=profile,
        own=roots.OWN,
        others=roots.others(besides),
        routes_file=roots.ROUTES_FILE,
    )


def _confirm_long_run(entry: NewSession, screen: Screen) -> None:
    if entry.options.yes or not screen.is_terminal:
        return
    found = planned(entry.matrix, design_of(entry.matrix, entry.only, {}))
    if found.takes_s > ASK_BEFORE_S:
        about = "at most" if found.adapts else "about"
        screen.ask(f"This takes {about} {clock(found.takes_s)}. Start?")


@contextlib.contextmanager
def _shown(
    folder: SessionFolder, backend: str, screen: Screen, listener: Listener | None
) -> Iterator[SessionListener]:
    """The views of a session that runs, and its name wherever somebody may ask for it."""
    interruption.set_message("interrupted; python runner.py resume goes on")
    when_nobody_reads(f"nobody reads the output any more; session {folder.name} goes on")
    screen.say_line(f"session {folder.path}")
    lock.name(str(folder.path.resolve()))
    if listener is None:
        with contextlib.closing(watch(screen)) as view:
            yield view
        return
    from rig.cli.live.view import LivePage  # a server takes its time to load

    others = "" if listener.is_loopback else "; whoever reaches that address may look"
    screen.say_line(f"live page {listener.url}{others}")
    page = LivePage(f"{folder.path.parent.name} {folder.name}", listener, backend)
    with contextlib.closing(page), contextlib.closing(watch(screen)) as view:
        yield Several((view, page))
    if page.failure:
        screen.say_line(f"the live page failed: {page.failure}")


def _result(
    summary: SessionSummary, figure: Path | None, figure_is_enough: bool, screen: Screen
) -> int:
    """Says what became of the trials, where it was not all well; the exit code."""
    if figure:
        screen.say("the result and the bottlenecks: python runner.py report")
    code = summary.exit_code()
    if code is not ExitCode.OK:
        screen.say(f"{summary}; exit code {int(code)}")
    return ExitCode.OK if figure_is_enough and figure else code
