"""A session in the forms of other people's tools. Each file is one form; none writes a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from analysis.exports import benchmarks, openmetrics
from analysis.tables import analysed
from rig.model import Export


def export(session_dir: Path, form: str, measure: str) -> Export:
    """A session as `benchmarks` (one `measure` of each cell) or `prometheus` (series of trials).

    UsageError for a folder that is no session.
    """
    return _FORMS[form](session_dir, measure)


def _benchmarks(session_dir: Path, measure: str) -> Export:
    return Export(*benchmarks.benchmarks(analysed(session_dir), measure))


def _prometheus(session_dir: Path, _: str) -> Export:
    return Export(*openmetrics.openmetrics(session_dir))


_FORMS: Mapping[str, Callable[[Path, str], Export]] = {
    "benchmarks": _benchmarks,
    "prometheus": _prometheus,
}
