#!/usr/bin/env python3
"""Runs experiments and shows what came of them: the composition root.

The only file that knows both the rig, which measures, and the analysis, which reads.
"""

from rig import interruption

if __name__ == "__main__":
    # before the imports: they take a second, in which a signal may come
    interruption.install()

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rig.cli import Analysis, make_cli, outlive_readers
from rig.model import Export, ReportResult


def _derive(session: Path) -> Path | None:
    # drawing takes a second to import, and most commands do not draw
    import analysis

    return analysis.derive(session).figure


def _table(session: Path) -> str:
    import analysis

    return analysis.table(session)


def _report(session: Path) -> ReportResult:
    from analysis.report import report

    return report(session)


def _compare(before: Sequence[Path], after: Sequence[Path]) -> ReportResult:
    from analysis.report import compare

    return compare(before, after)


def _differences(session: Path) -> tuple[Sequence[str], Sequence[str]]:
    import analysis

    return analysis.differences(session)


def _summary(session: Path) -> str:
    import analysis

    return analysis.for_programs(session)


def _export(session: Path, form: str, measure: str | None) -> Export:
    from analysis.exports import export

    return export(session, form, measure)


ANALYSIS = Analysis(_derive, _table, _report, _compare, _differences, _summary, _export)


def main() -> NoReturn:
    """Runs the command that the program's arguments name, to the program's end."""
    outlive_readers()
    interruption.end(make_cli(ANALYSIS)())


if __name__ == "__main__":
    main()
