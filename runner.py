#!/usr/bin/env python3
"""Runs experiments and shows what came of them: the composition root.

The only file that knows both the rig, which measures, and the analysis, which reads.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from rig.cli import Analysis, make_cli


def _derive(session: Path) -> Path | None:
    # drawing takes a second to import, and most commands do not draw
    import analysis

    return analysis.derive(session).figure


def _table(session: Path) -> str:
    import analysis

    return analysis.table(session)


def _differences(session: Path) -> Sequence[str]:
    import analysis

    return analysis.differences(session)


if __name__ == "__main__":
    sys.exit(make_cli(Analysis(_derive, _table, _differences))())
