"""The commands. `runner.py` hands in what analysing takes; everything else is asked for here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from rig import interruption, resumption
from rig import session as sessions
from rig.backends.base import Backend
from rig.backends.specs import PROJECT
from rig.cli import lock, upkeep
from rig.cli.ending import ended, resumable
from rig.cli.out import ResultsFolder
from rig.cli.place import cpus, run_on_backend
from rig.cli.plan_text import plan_text
from rig.cli.reporting import print_result
from rig.cli.streams import when_nobody_reads
from rig.cli.terminal import Screen
from rig.cli.watch import OVERHEAD_GUESS_S, clock, watch
from rig.config import Matrix, parse_only, read_experiment, with_options
from rig.disk.refusals import takes_files, writing
from rig.evidence import verify
from rig.model import ExitCode, ReportResult, RigError, UsageError
from rig.record import Record
from rig.store import creation, session_folder
from rig.store.session_folder import SessionFolder

ASK_BEFORE_S = 15 * 60.0
NOTHING_DONE: Mapping[str, Record] = {}
COMMANDS = (
    *("run", "plan", "show", "analyse", "report", "compare"),
    *("resume", "verify", "doctor", "clean"),
)


@dataclass(frozen=True)
class Analysis:
    """What the command line needs of analysing: derived/ and its figure, and the table."""

    derive: Callable[[Path], Path | None]
    """Writes derived/ of a session; the figure's path, if there is one."""
    table: Callable[[Path], str]
    report: Callable[[Path], ReportResult]
    compare: Callable[[Path, Path], ReportResult]
    differences: Callable[[Path], tuple[Sequence[str], Sequence[str]]]
    """What of derived/ is not as the raw files give it; and what could not be checked."""


@dataclass(frozen=True)
class RunOptions:
    """The options that several commands share."""

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


class RunByDefault(click.Group):
    """`runner.py FILE --option` means `runner.py run FILE --option`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _options(*names: str) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "file": click.argument("file", type=click.Path(path_type=Path), default="experiments.yaml"),
    "session": click.argument("session", required=False),
    "before": click.argument("before", metavar="A"),
    "after": click.argument("after", metavar="B"),
    "check": click.option(
        "--check",
        is_flag=True,
        help="For CI: the result sets the exit code (8 contradicted, 9 not decided, 10 slower).",
    ),
    "profile": click.option("--profile", metavar="NAME", help="A profile of the YAML."),
    "backend": click.option(
        "--backend",
        type=click.Choice(["auto", "local", "compose", "fake"]),
        default="auto",
        help="Where trials run; auto is local where `doctor` passes, else compose.",
    ),
    "out": click.option(
        "--out", type=ResultsFolder(), default="results", help="The results folder."
    ),
    "only": click.option("--only", metavar="FACTOR=LEVEL[|LEVEL],…", help="Just these cells."),
    "seed": click.option("--seed", type=int, help="The seed of the order of trials."),
    "repeats": click.option("--repeats", type=int, help="How often each cell is measured."),
    "workers": click.option("--workers", "load_workers", type=int, help="Locust load workers."),
    "cache": click.option("--cache", is_flag=True, help="The seeded clusters, too."),
    "yes": click.option("--yes", is_flag=True, help="Do not ask before a long session."),
    "figure": click.option("--figure-is-enough", is_flag=True, hidden=True),
    "calibrate": click.option(
        "--calibrate/--no-calibrate",
        default=True,
        help="Measure the load workers' own limit and unloaded requests first.",
    ),
}
_RUN = ("file", "profile", "backend", "out", "only", "seed", "repeats", "workers", "yes", "figure",
        "calibrate")  # fmt: skip


def make_cli(analysis: Analysis) -> Callable[[], int]:
    """The program: a function that runs it and gives its exit code."""
    group = RunByDefault(
        "runner.py",
        help="Does a Django service serve more when it is async? Measures it: see README.md.",
        # `color`: click leaves what a user typed as it is, and the screen spells it out
        context_settings={"help_option_names": ["-h", "--help"], "color": True},
    )
    screen = Screen()

    _add_running(group, analysis, screen)
    _add_reading(group, analysis, screen)
    _add_upkeep(group, screen)
    return lambda: ended(lambda: _invoked(group))


def _add_running(group: click.Group, analysis: Analysis, screen: Screen) -> None:
    """What runs trials, or shows which."""

    @group.command("run")
    @_options(*_RUN)
    def run(**given: Any) -> int:
        """Run an experiment (the default command)."""
        asked = RunOptions(**given)
        matrix, only = _matrix(asked)
        takes_files(asked.out.absolute() / matrix.experiment)
        return run_on_backend(
            asked.backend,
            lambda backend: _run(asked, matrix, only, backend, analysis, screen),
            lambda: _agreed(asked, matrix, only, screen),
        )

    @group.command("plan")
    @_options(*_RUN)
    def plan(**given: Any) -> int:
        """Show the schedule, the hours and one resolved plan; start nothing."""
        matrix, only = _matrix(RunOptions(**given))
        screen.say(plan_text(sessions.design_of(matrix, only, cpus())))
        return ExitCode.OK

    @group.command("resume")
    @_options("session", "out", "figure")
    def resume(session: str | None, out: Path, figure_is_enough: bool) -> int:
        """Run the trials of a session that have no finished attempt."""
        folder = session_folder.find_session(out, session)
        options = resumption.opened(folder)
        if session is None and creation.killed_since(folder):
            raise UsageError(
                f"the run after session {folder.name} was killed before it had a session to resume",
                f"run it again; or resume the one before it: python runner.py resume {folder.name}",
            )

        takes_files(folder.path.absolute())

        def go(backend: Backend) -> int:
            with folder.hold():
                return _resume(folder, options, backend, analysis, screen, figure_is_enough)

        return run_on_backend(options["backend"], go)


def _add_reading(group: click.Group, analysis: Analysis, screen: Screen) -> None:
    """What reads sessions."""

    @group.command("show")
    @_options("session", "out")
    def show(session: str | None, out: Path) -> int:
        """Print the table of a session again (default: the newest)."""
        folder = session_folder.find_session(out, session)
        screen.say(analysis.table(folder.path))
        return ExitCode.OK

    @group.command("analyse")
    @_options("session", "out")
    def analyse(session: str | None, out: Path) -> int:
        """Make derived/ again from the raw files."""
        _derived(session_folder.find_session(out, session), analysis, screen)
        return ExitCode.OK

    @group.command("report")
    @_options("session", "out", "check")
    def report(session: str | None, out: Path, check: bool) -> int:
        """Write the report of a session: derived/report.html, report.md and figures."""
        path = session_folder.find_session(out, session).path
        with writing(path / session_folder.DERIVED):
            reported = analysis.report(path)
        return print_result(reported, screen, check)

    @group.command("compare")
    @_options("before", "after", "out", "check")
    def compare(before: str, after: str, out: Path, check: bool) -> int:
        """Set two sessions side by side, cell by cell."""
        folders = [session_folder.find_session(out, name).path for name in (before, after)]
        with writing(folders[1] / session_folder.DERIVED):
            reported = analysis.compare(*folders)
        return print_result(reported, screen, check)

    @group.command("verify")
    @_options("session", "out")
    def verify(session: str | None, out: Path) -> int:
        """Recompute every hash, check and number of a session from its raw files."""
        return _verify(session_folder.find_session(out, session), analysis, screen)


def _add_upkeep(group: click.Group, screen: Screen) -> None:
    """What looks after the machine."""

    @group.command("doctor")
    def examine() -> int:
        """Say what this machine can do."""
        return upkeep.examine(screen)

    @group.command("clean")
    @_options("out", "cache")
    def clean(out: Path, cache: bool) -> int:
        """Remove whatever an earlier run may have left behind."""
        return upkeep.clean(screen, out, cache)


def _invoked(group: click.Group) -> int:
    # `group.main` would make another error of an interruption
    with group.make_context(str(group.name), sys.argv[1:]) as context:
        return int(group.invoke(context) or 0)


def _matrix(asked: RunOptions) -> tuple[Matrix, Mapping[str, tuple[Any, ...]]]:
    if not os.path.isfile(asked.file):
        if os.path.lexists(asked.file):
            raise UsageError(f"{asked.file} is no regular file")
        if str(asked.file) in COMMANDS:
            raise UsageError(f"the command comes first: runner.py {asked.file} …")
        raise UsageError(
            f"there is no file and no command {str(asked.file)!r}", "python runner.py --help"
        )
    matrix = _experiment(asked.file, asked.profile, [asked.file.resolve().parent])
    matrix = with_options(matrix, asked.seed, asked.repeats, asked.load_workers)
    return matrix, {} if asked.only is None else parse_only(asked.only, matrix)


def _experiment(file: Path, profile: str | None, roots: Sequence[Path]) -> Matrix:
    own = [PROJECT, PROJECT / "examples"]
    return read_experiment(
        file,
        profile=profile,
        own=own,
        others=[root for root in roots if root not in own],
        routes_file=PROJECT / "stack" / "routes.yaml",
    )


def _agreed(asked: RunOptions, matrix: Matrix, only: Mapping[str, Any], screen: Screen) -> None:
    design = sessions.design_of(matrix, only, {})
    takes_s = design.most_trials * (matrix.load.duration_s + OVERHEAD_GUESS_S)
    if takes_s > ASK_BEFORE_S and not asked.yes and screen.is_terminal:
        about = "at most" if design.adapts else "about"
        screen.ask(f"This takes {about} {clock(takes_s)}. Start?")


def _run(
    asked: RunOptions,
    matrix: Matrix,
    only: Mapping[str, Any],
    backend: Backend,
    analysis: Analysis,
    screen: Screen,
) -> int:
    design = sessions.design_of(matrix, only, cpus())

    def facts(name: str) -> Mapping[str, Any]:
        return sessions.session_facts(matrix, only, backend, name, asked.calibrate)

    parent = asked.out.absolute() / matrix.experiment
    with creation.new_session(parent, matrix.profile, facts, matrix.text) as folder:
        return _walk(
            folder, design, backend, analysis, screen, asked.figure_is_enough, asked.calibrate
        )


def _resume(
    folder: SessionFolder,
    options: resumption.SessionOptions,
    backend: Backend,
    analysis: Analysis,
    screen: Screen,
    figure_is_enough: bool,
) -> int:
    roots = [Path(root) for root in options["target_roots"]]
    matrix = _experiment(folder.path / session_folder.YAML, options["profile"], roots)
    adapts = options["until"] or options.get("search")
    repeats = None if adapts else options["repeats"]
    matrix = with_options(matrix, options["seed"], repeats, options["load_workers"])
    design = sessions.design_of(matrix, options["only"], cpus())
    done = resumption.resumed(folder, design, screen.say_line)
    calibrate = options.get("calibrate", True)
    return _walk(folder, design, backend, analysis, screen, figure_is_enough, calibrate, done)


def _walk(
    folder: SessionFolder,
    design: Any,
    backend: Backend,
    analysis: Analysis,
    screen: Screen,
    figure_is_enough: bool,
    calibrate: bool,
    done: Mapping[str, Record] = NOTHING_DONE,
) -> int:
    interruption.says("interrupted; python runner.py resume goes on")
    when_nobody_reads(f"nobody reads the output any more; session {folder.name} goes on")
    screen.say_line(f"session {folder.path}")
    lock.name(str(folder.path.resolve()))
    view = watch(screen)
    with resumable(folder):
        try:
            tally = sessions.run(folder, design, backend, view, done, calibrate)
        finally:
            view.close()
        figure = _derived(folder, analysis, screen)
    if figure:
        screen.say("the result and the bottlenecks: python runner.py report")
    code = tally.exit_code()
    if code is not ExitCode.OK:
        screen.say(f"{tally}; exit code {int(code)}")
    return ExitCode.OK if figure_is_enough and figure else code


def _derived(folder: SessionFolder, analysis: Analysis, screen: Screen) -> Path | None:
    with writing(folder.path / session_folder.DERIVED):
        figure = analysis.derive(folder.path)
    screen.say(analysis.table(folder.path))
    screen.say_line(f"figure: {figure}" if figure else "no figure: there is nothing to draw")
    return figure


def _verify(folder: SessionFolder, analysis: Analysis, screen: Screen) -> int:
    found = list(verify.verify(folder))
    refused: OSError | None = None
    try:
        differ, unknown = analysis.differences(folder.path)
    except RigError as error:
        differ, unknown = (f"derived/: cannot be recomputed: {error}",), ()
    except OSError as error:
        # what is found without scratch files is said all the same
        differ, unknown, refused = (), (), error
    wrong = [*(str(finding) for finding in found if finding.differs), *differ]
    for note in (*(finding for finding in found if not finding.differs), *unknown):
        screen.say_line(f"not checked: {note}")
    for line in wrong:
        screen.say_line(f"DIFFERS {line}")
    if refused and not wrong:
        raise refused
    manifests = len(list(folder.path.glob(f"trials/*/attempt-*/{session_folder.MANIFEST}")))
    tables = "derived/ and " if (folder.path / session_folder.DERIVED).is_dir() else "no derived/, "
    says = f"{len(wrong)} things differ" if wrong else "nothing differs"
    screen.say_line(f"{tables}{manifests} finished attempts of session {folder.name}: {says}")
    return ExitCode.DIFFERS if wrong else ExitCode.OK
