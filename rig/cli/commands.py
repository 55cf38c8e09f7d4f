"""The commands: their options, and one call each. `runner.py` hands in what analysing takes.

Each command imports what it calls: what runs trials takes half a second to load, and those that
read a session run none.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from rig.cli import reporting
from rig.cli.ending import ended
from rig.cli.out import ResultsFolder
from rig.cli.reporting import Analysis
from rig.cli.terminal import Screen
from rig.model import ExitCode, UsageError
from rig.store.session_folder import find_session, find_sessions

if TYPE_CHECKING:
    from rig.cli.running import RunOptions

COMMANDS = (
    *("run", "plan", "init", "try", "show", "analyse", "report", "compare"),
    *("resume", "verify", "export", "doctor", "clean", "completion"),
)
PROGRAM, COMPLETE = "runner.py", "_RUNNER_PY_COMPLETE"
"""What shells complete, and the variable in which their scripts ask for it."""
SHELLS = ("bash", "zsh", "fish")
FORMS = ("benchmarks", "otel", "prometheus")
MEASURES = (
    *("goodput_rps", "max_goodput_rps", "capacity_per_s"),
    *("p50_ms", "p95_ms", "p99_ms", "failure_share"),
)


class RunByDefault(click.Group):
    """`runner.py FILE --option` means `runner.py run FILE --option`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and ctx.resilient_parsing:  # a shell completes the first word
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.commands and args[0] not in ("--help", "-h")):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        run = self.commands["run"]
        with run.make_context("run", [], ctx, resilient_parsing=True) as of_run:
            found = [
                *super().shell_complete(ctx, incomplete),
                *run.shell_complete(of_run, incomplete),
            ]
            return found or run.params[0].shell_complete(of_run, incomplete)


def _options(*names: str) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


_OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "file": click.argument("file", type=click.Path(path_type=Path), default="experiments.yaml"),
    "target": click.argument("target"),
    "project": click.argument("project", type=click.Path(path_type=Path)),
    "into": click.option(
        "--out", type=click.Path(path_type=Path), default=".", help="Where the files are written."
    ),
    "force": click.option("--force", is_flag=True, help="Write over files that are there."),
    "session": click.argument("session", required=False),
    "before": click.argument("before", metavar="A"),
    "after": click.argument("after", metavar="B"),
    "check": click.option(
        "--check",
        is_flag=True,
        help="For CI: the result sets the exit code (8 contradicted, 9 not decided, 10 slower).",
    ),
    "junit": click.option(
        "--junit",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JUnit XML for a CI service.",
    ),
    "json": click.option("--json", "as_json", is_flag=True, help="As JSON, for programs."),
    "shell": click.argument("shell", type=click.Choice(SHELLS)),
    "form": click.argument("form", type=click.Choice(FORMS)),
    "of": click.option(
        "--of",
        "measure",
        type=click.Choice(MEASURES),
        help="Of `benchmarks`: what is tracked. Of rates more is better, of the others less. "
        "Unless named, the goodput, or the capacity where the session has searched for it.",
    ),
    "to": click.option(
        "--to", type=click.Path(path_type=Path), metavar="FILE", help="Where it is written."
    ),
    "profile": click.option("--profile", metavar="NAME", help="A profile of the YAML."),
    "backend": click.option(
        "--backend",
        type=click.Choice(["auto", "local", "compose", "swarm", "fake"]),
        default="auto",
        help="Where trials run; auto is local where `doctor` passes, else compose.",
    ),
    "nodes": click.option(
        "--nodes",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The machines of a Swarm, for `--backend swarm`: docs/many-machines.md.",
    ),
    "out": click.option(
        "--out", type=ResultsFolder(), default="results", help="The results folder."
    ),
    "only": click.option("--only", metavar="FACTOR=LEVEL[|LEVEL],…", help="Just these cells."),
    "seed": click.option("--seed", type=int, help="The seed of the order of trials."),
    "repeats": click.option("--repeats", type=int, help="How often each cell is measured."),
    "workers": click.option("--workers", "load_workers", type=int, help="Locust load workers."),
    "cache": click.option(
        "--cache", is_flag=True, help="The seeded clusters and targets' packages, too."
    ),
    "locustfile": click.option(
        "--locustfile",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Load by the users of this Locust file, in the place of every route.",
    ),
    "tags": click.option("--tags", metavar="TAG,…", help="Of it, only tasks with one of these."),
    "exclude_tags": click.option(
        "--exclude-tags", metavar="TAG,…", help="Of it, no task with one of these."
    ),
    "yes": click.option("--yes", is_flag=True, help="Do not ask before a long session."),
    "figure": click.option("--figure-is-enough", is_flag=True, hidden=True),
    "live": click.option(
        "--live", is_flag=True, help="Serve a page of the running session on 127.0.0.1."
    ),
    "live_address": click.option(
        "--live-address",
        metavar="ADDR[:PORT]",
        help="Serve it there. Whoever reaches that address may look.",
    ),
    "calibrate": click.option(
        "--calibrate/--no-calibrate",
        default=True,
        help="Measure the load workers' own limit and unloaded requests first.",
    ),
}
_RUN = ("file", "profile", "backend", "nodes", "out", "only", "seed", "repeats", "workers", "yes",
        "figure", "calibrate", "locustfile", "tags", "exclude_tags")  # fmt: skip
_LIVE = ("live", "live_address")


def make_cli(analysis: Analysis) -> Callable[[], int]:
    """The program: a function that runs it and gives its exit code."""
    group = RunByDefault(
        PROGRAM,
        help="Does a Django service serve more when it is async? Measures it: see README.md.",
        # `color`: click leaves what a user typed as it is, and the screen spells it out
        context_settings={"help_option_names": ["-h", "--help"], "color": True},
    )
    screen = Screen()

    _add_running(group, analysis, screen)
    _add_preparing(group, screen)
    _add_reading(group, analysis, screen)
    _add_upkeep(group, screen)
    _add_for_others(group, analysis, screen)
    return lambda: ended(lambda: _invoked(group))


def _add_running(group: click.Group, analysis: Analysis, screen: Screen) -> None:
    """What runs trials, or shows which."""

    @group.command("run")
    @_options(*_RUN, *_LIVE)
    def run(live: bool, live_address: str | None, **given: Any) -> int:
        """Run an experiment (the default command)."""
        from rig.cli import running
        from rig.cli.live.listener import Address

        page = Address.wanted(live, live_address)
        return running.run(_run_options({**given, "live": page}), analysis, screen)

    @group.command("plan")
    @_options(*_RUN, "json")
    def plan(as_json: bool, **given: Any) -> int:
        """Show the schedule, the hours and one plan; start nothing."""
        from rig.cli import running

        return running.plan(_run_options(given), screen, as_json)

    @group.command("resume")
    @_options("session", "out", "nodes", "figure", *_LIVE)
    def resume(
        session: str | None,
        out: Path,
        nodes: Path | None,
        figure_is_enough: bool,
        live: bool,
        live_address: str | None,
    ) -> int:
        """Run the trials of a session that have no finished attempt."""
        from rig.cli import running
        from rig.cli.live.listener import Address

        page = Address.wanted(live, live_address)
        return running.resume(out, session, figure_is_enough, analysis, screen, page, nodes)


def _add_preparing(group: click.Group, screen: Screen) -> None:
    """What comes before a first run of one's own project."""

    @group.command("init")
    @_options("project", "into", "force")
    def init(project: Path, out: Path, force: bool) -> int:
        """Write a target and a first experiment for a Django project."""
        from rig.cli import initialising

        return initialising.init(project, out, force, screen)

    @group.command("try")
    @_options("target", "backend")
    def try_(target: str, backend: str) -> int:
        """Ask each route of a target once; say what to mend."""
        from rig.cli import trying

        return trying.try_target(target, backend, screen)


def _run_options(given: Mapping[str, Any]) -> RunOptions:
    """UsageError where there is no such file, which may be a command in the wrong place."""
    from rig.cli.running import RunOptions
    from rig.config import did_you_mean

    options = RunOptions(**given)
    if os.path.isfile(options.file):
        return options
    if os.path.lexists(options.file):
        raise UsageError(f"{options.file} is no regular file")
    if str(options.file) in COMMANDS:
        raise UsageError(f"the command comes first: runner.py {options.file} …")
    near = did_you_mean(str(options.file), COMMANDS)
    what = f"there is no file and no command {str(options.file)!r}"
    raise UsageError(what, near or "python runner.py --help")


def _add_reading(group: click.Group, analysis: Analysis, screen: Screen) -> None:
    """What reads sessions."""

    @group.command("show")
    @_options("session", "out", "json")
    def show(session: str | None, out: Path, as_json: bool) -> int:
        """Print the table of a session again (default: the newest)."""
        shown = reporting.print_summary if as_json else reporting.print_table
        return shown(find_session(out, session), analysis, screen)

    @group.command("analyse")
    @_options("session", "out")
    def analyse(session: str | None, out: Path) -> int:
        """Make derived/ again from the raw files."""
        reporting.write_tables_and_figure(find_session(out, session), analysis, screen)
        return ExitCode.OK

    @group.command("report")
    @_options("session", "out", "check", "junit")
    def report(session: str | None, out: Path, check: bool, junit: Path | None) -> int:
        """Write a session's report: derived/report.html and report.md."""
        return reporting.write_report(find_session(out, session), analysis, screen, check, junit)

    @group.command("compare")
    @_options("before", "after", "out", "check")
    def compare(before: str, after: str, out: Path, check: bool) -> int:
        """Set two versions side by side. A session each, or several by commas."""
        older, newer = find_sessions(out, before), find_sessions(out, after)
        return reporting.write_comparison(older, newer, analysis, screen, check)

    @group.command("verify")
    @_options("session", "out", "json")
    def verify(session: str | None, out: Path, as_json: bool) -> int:
        """Recompute every hash, check and number from the raw files."""
        return reporting.verify_session(find_session(out, session), analysis, screen, as_json)


def _add_upkeep(group: click.Group, screen: Screen) -> None:
    """What looks after the machine."""

    @group.command("doctor")
    @_options("json", "nodes")
    def examine(as_json: bool, nodes: Path | None) -> int:
        """Say what this machine can do, or the nodes of a Swarm."""
        from rig.cli import upkeep

        if nodes is not None:
            return upkeep.examine_nodes(screen, nodes, as_json)
        return upkeep.examine(screen, as_json)

    @group.command("clean")
    @_options("out", "cache", "nodes")
    def clean(out: Path, cache: bool, nodes: Path | None) -> int:
        """Remove what killed runs left behind. Here, or on the nodes of a Swarm."""
        from rig.cli import upkeep

        if nodes is not None:
            return upkeep.clean_nodes(screen, nodes, cache)
        return upkeep.clean(screen, out, cache)


def _add_for_others(group: click.Group, analysis: Analysis, screen: Screen) -> None:
    """What other programs use."""

    @group.command("export")
    @_options("form", "session", "out", "of", "to")
    def export(
        form: str, session: str | None, out: Path, measure: str | None, to: Path | None
    ) -> int:
        """Print a session for another tool. Its cells, or its trials' series."""
        folder = find_session(out, session)
        errors = Screen(stderr=True)
        return reporting.export(folder, analysis, screen, errors, form, measure, to)

    @group.command("completion")
    @_options("shell")
    def completion(shell: str) -> int:
        """Print a script that makes a shell complete ./runner.py."""
        kind = get_completion_class(shell)
        assert kind is not None
        screen.document(kind(group, {}, PROGRAM, COMPLETE).source())
        return ExitCode.OK


def _invoked(group: click.Group) -> int:
    if asked := os.environ.get(COMPLETE):
        return shell_complete(group, {}, PROGRAM, COMPLETE, asked)
    # `group.main` would make another error of an interruption
    with group.make_context(str(group.name), sys.argv[1:]) as context:
        return int(group.invoke(context) or 0)
