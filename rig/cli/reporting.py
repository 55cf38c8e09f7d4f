"""What is said of a session that is there: its table and figure, its report, what `verify` finds.

May not know how these are made: `runner.py` hands that in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rig.cli.elsewhere import (
    annotation_lines,
    append_step_summary,
    json_text,
    write_document,
)
from rig.cli.terminal import Screen
from rig.disk.refusals import writing
from rig.model import ExitCode, Export, ReportResult, RigError
from rig.store.names import DERIVED, MANIFEST
from rig.store.session_folder import SessionFolder


@dataclass(frozen=True)
class Analysis:
    """What the command line needs of analysing: derived/ and its figure, and the table."""

    derive: Callable[[Path], Path | None]
    """Writes derived/ of a session; the figure's path, if there is one."""
    table: Callable[[Path], str]
    report: Callable[[Path], ReportResult]
    compare: Callable[[Sequence[Path], Sequence[Path]], ReportResult]
    differences: Callable[[Path], tuple[Sequence[str], Sequence[str]]]
    """What of derived/ is not as the raw files give it; and what could not be checked."""
    summary: Callable[[Path], str]
    """A session as JSON, as in its summary.json."""
    export: Callable[[Path, str, str | None], Export]
    """A session in a form of another tool, of a measure where that form has one and it is named."""


def print_table(folder: SessionFolder, analysis: Analysis, screen: Screen) -> int:
    """Prints the table of a session; the exit code."""
    screen.say(analysis.table(folder.path))
    return ExitCode.OK


def print_summary(folder: SessionFolder, analysis: Analysis, screen: Screen) -> int:
    """Prints the same for programs; the exit code."""
    screen.document(analysis.summary(folder.path))
    return ExitCode.OK


def export(
    folder: SessionFolder,
    analysis: Analysis,
    screen: Screen,
    errors: Screen,
    form: str,
    measure: str | None,
    to: Path | None,
) -> int:
    """Prints a session in a form of another tool, or writes it; the exit code.

    What is not in it stands on `errors`, a line each.
    """
    made = analysis.export(folder.path, form, measure)
    if to is None:
        screen.document(made.text)
    else:
        write_document(made.text, to)
    for line in made.left_out:
        errors.say_line(f"left out: {line}")
    return ExitCode.OK


def write_tables_and_figure(
    folder: SessionFolder, analysis: Analysis, screen: Screen
) -> Path | None:
    """Writes derived/ and prints the table; the figure's path, if there is one."""
    with writing(folder.path / DERIVED):
        figure = analysis.derive(folder.path)
    print_table(folder, analysis, screen)
    screen.say_line(f"figure: {figure}" if figure else "no figure: there is nothing to draw")
    return figure


def write_report(
    folder: SessionFolder, analysis: Analysis, screen: Screen, check: bool, junit: Path | None
) -> int:
    """Writes a session's report and prints its result; the exit code, as `print_result`'s."""
    with writing(folder.path / DERIVED):
        result = analysis.report(folder.path)
    code = print_result(result, screen, check)
    for line in annotation_lines(result.annotations):
        screen.say_line(line)
    append_step_summary(result.markdown)
    if junit is not None:
        write_document(result.junit, junit)
    return code


def write_comparison(
    before: Sequence[SessionFolder],
    after: Sequence[SessionFolder],
    analysis: Analysis,
    screen: Screen,
    check: bool,
) -> int:
    """The same of two versions side by side; it stands in the last later session's folder."""
    with writing(after[-1].path / DERIVED):
        result = analysis.compare([one.path for one in before], [one.path for one in after])
    return print_result(result, screen, check)


def print_result(result: ReportResult, screen: Screen, check: bool) -> int:
    """Prints a result; the exit code, which only a check makes other than OK."""
    for line in result.messages:
        screen.say_line(line)
    screen.say_line(f"report: {result.html}")
    if not check:
        return ExitCode.OK
    if result.check is not ExitCode.OK:
        screen.say(f"check: exit code {int(result.check)}")
    return result.check


@dataclass(frozen=True)
class Verified:
    """What `verify` found, a line each."""

    differs: Sequence[str]
    not_checked: Sequence[str]
    attempts: int
    has_derived: bool


def verify_session(
    folder: SessionFolder, analysis: Analysis, screen: Screen, as_json: bool = False
) -> int:
    """Prints what differs from what the raw files give; the exit code."""
    found = _verified(folder, analysis)
    if as_json:
        screen.document(json_text({"session": folder.name, **asdict(found)}))
        return ExitCode.DIFFERS if found.differs else ExitCode.OK
    for note in found.not_checked:
        screen.say_line(f"not checked: {note}")
    for line in found.differs:
        screen.say_line(f"DIFFERS {line}")
    tables = "derived/ and " if found.has_derived else "no derived/, "
    result = f"{len(found.differs)} things differ" if found.differs else "nothing differs"
    screen.say_line(
        f"{tables}{found.attempts} finished attempts of session {folder.name}: {result}"
    )
    return ExitCode.DIFFERS if found.differs else ExitCode.OK


def _verified(folder: SessionFolder, analysis: Analysis) -> Verified:
    """OSError where nothing differs, and the tables could not be recomputed."""
    from rig.evidence.verify import verify

    found = list(verify(folder))
    refused: OSError | None = None
    try:
        differ, unknown = analysis.differences(folder.path)
    except RigError as error:
        differ, unknown = (f"derived/: cannot be recomputed: {error}",), ()
    except OSError as error:
        # what is found without scratch files is said all the same
        differ, unknown, refused = (), (), error
    wrong = [*(str(finding) for finding in found if finding.differs), *differ]
    if refused and not wrong:
        raise refused
    notes = [*(str(finding) for finding in found if not finding.differs), *unknown]
    manifests = len(list(folder.path.glob(f"trials/*/attempt-*/{MANIFEST}")))
    return Verified(wrong, notes, manifests, (folder.path / DERIVED).is_dir())
