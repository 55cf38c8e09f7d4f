"""A session in the forms of other people's tools. Each file is one form; none writes a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from analysis.exports import benchmarks, openmetrics
from analysis.exports.series import session_series
from analysis.tables import analysed
from rig.model import Export


def export(session_dir: Path, form: str, measure: str | None = None) -> Export:
    """A session as `benchmarks` (one `measure`), `otel` or `prometheus` (series).

    UsageError for a folder that is no session.
    """
    return _FORMS[form](session_dir, measure)


def _benchmarks(session_dir: Path, measure: str | None) -> Export:
    return Export(*benchmarks.benchmarks(analysed(session_dir), measure))


def _otel(session_dir: Path, _: str | None) -> Export:
    from analysis.exports import otlp  # the SDK takes its time to load

    series = session_series(session_dir)
    return Export(otlp.otlp(series), series.left_out)


def _prometheus(session_dir: Path, _: str | None) -> Export:
    series = session_series(session_dir)
    return Export(openmetrics.openmetrics(series), series.left_out)


_FORMS: Mapping[str, Callable[[Path, str | None], Export]] = {
    "benchmarks": _benchmarks,
    "otel": _otel,
    "prometheus": _prometheus,
}
