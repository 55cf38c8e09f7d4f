"""Every trial's series, second by second, as OpenMetrics text with time stamps.

For `promtool tsdb create-blocks-from openmetrics`, after which a Prometheus of one's own has them.
Wall clocks were labels when it was measured: the stamps are right to some seconds.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analysis.reading.attempts import one_line
from analysis.reading.session import Session, read_session
from analysis.summaries.measures import PERCENTS
from analysis.summaries.trials import TrialResult, results
from rig.disk.contents import samples
from rig.disk.histograms import Counts, histogram_of, percentile_us, read_lines
from rig.model import OUTCOME_OK, Phase, RigError, printable
from rig.record import Record

Sample = tuple[Mapping[str, str], float, float]
"""Its own labels, its time in s since the load began, its value."""


@dataclass(frozen=True)
class Family:
    """A metric; a counter's samples are called `…_total`."""

    name: str
    kind: str
    help: str
    lines: list[str] = field(default_factory=list, compare=False)

    @property
    def sample(self) -> str:
        """What its samples are called."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


def openmetrics(session_dir: Path) -> tuple[str, Sequence[str]]:
    """The document; and a line on each trial or file that has no series. UsageError."""
    session = read_session(session_dir)
    families = {name: Family(f"rig_{name}", *about) for name, about in _FAMILIES.items()}
    left_out = list(session.notes)
    for result in results(session):
        name, record, folder = result.scheduled.trial, result.record, result.folder
        left_out += result.notes
        if record is None or folder is None or not result.timeline.ok:
            left_out.append(f"{name}: {result.reason or 'it has no load'}")
            continue
        began_s = _began_s(record)
        if began_s is None:
            left_out.append(f"{name}: its manifest does not say when it was")
            continue
        labels = _labels(session, result)
        for kind, found in _series(result, record, folder, left_out):
            family = families[kind]
            family.lines.extend(_line(family, labels, began_s, one) for one in found)
    return "".join(_written(one) for one in families.values()) + "# EOF\n", left_out


_FAMILIES = {
    "answers_per_second": ("gauge", "Answers of one second, by outcome."),
    "users": ("gauge", "Users at the end of the second; 0 in an open load."),
    "requests_in_flight": ("gauge", "Requests without an answer at the end of the second."),
    "response_seconds": ("gauge", "Percentiles of the correct answers of one second."),
    "database_sessions": ("gauge", "Client sessions of Postgres."),
    "cpu_seconds": ("counter", "CPU time of a role's processes."),
    "resident_memory_bytes": ("gauge", "Memory of a role's processes."),
}


def _series(
    result: TrialResult, record: Record, folder: Path, left_out: list[str]
) -> Iterator[tuple[str, Iterator[Sample]]]:
    line = result.timeline
    by_outcome = {OUTCOME_OK: line.ok, **line.classes}
    for outcome, counts in by_outcome.items():
        yield "answers_per_second", _seconds({"outcome": outcome}, counts)
    yield "users", _seconds({}, line.users)
    yield "requests_in_flight", _seconds({}, line.in_flight)
    from_files = (
        ("load/latencies.hlog", _responses(folder)),
        ("probes/postgres.csv", _sessions(folder, record)),
        ("probes/processes.csv", _processes(folder, record)),
    )
    for name, found in from_files:
        if name in result.damaged:
            left_out.append(f"{result.scheduled.trial}: {name} is not as it was written")
            continue
        try:
            for kind, one in list(found):
                yield kind, iter([one])
        except RigError as error:
            left_out.append(f"{result.scheduled.trial}: {one_line(error, folder)}")


def _seconds(labels: Mapping[str, str], counts: Sequence[int]) -> Iterator[Sample]:
    for second, count in enumerate(counts):
        yield labels, float(second), float(count)


def _responses(folder: Path) -> Iterator[tuple[str, Sample]]:
    log = folder / "load" / "latencies.hlog"
    counts_of: dict[int, list[Counts]] = {}
    for _, second, counts in read_lines(log, lambda tag: tag.endswith(f"|{OUTCOME_OK}")):
        counts_of.setdefault(second, []).append(counts)
    by_second = {second: histogram_of(counts_of[second]) for second in sorted(counts_of)}
    for percent in PERCENTS:
        labels = {"quantile": f"{percent / 100:g}"}
        for second, histogram in by_second.items():
            took_s = percentile_us(histogram, percent) / 1e6
            yield "response_seconds", (labels, float(second), took_s)


def _sessions(folder: Path, record: Record) -> Iterator[tuple[str, Sample]]:
    for numbers, _ in samples(folder / "probes" / "postgres.csv"):
        at_s, total = numbers["at_s"], numbers.get("total")
        if at_s is not None and total is not None:
            yield "database_sessions", ({}, at_s - record.load.began_at_s, total)


def _processes(folder: Path, record: Record) -> Iterator[tuple[str, Sample]]:
    found = samples(folder / "probes" / "processes.csv", ("at_s", "role", "index"))
    by_role: dict[tuple[str, str], list[Mapping[str, float | None]]] = {}
    for numbers, texts in found:
        by_role.setdefault((texts["role"], texts["index"]), []).append(numbers)
    columns = ("cpu_seconds", "cpu_s"), ("resident_memory_bytes", "rss_bytes")
    for (role, index), lines in by_role.items():
        for kind, column in columns:
            for numbers in lines:
                at_s, value = numbers["at_s"], numbers.get(column)
                if at_s is not None and value is not None:
                    labels = {"role": role, "index": index}
                    yield kind, (labels, at_s - record.load.began_at_s, value)


def _began_s(record: Record) -> float | None:
    """When the load began, s of wall clock; None where nothing tells."""
    load = next((one for one in record.spans if one.phase == Phase.LOAD), None)
    try:
        started_at = datetime.datetime.fromisoformat(record.started_at)
    except ValueError:
        return None
    before_s = load.start_s - record.spans[0].start_s if load else 0.0
    return started_at.timestamp() + before_s


def _labels(session: Session, result: TrialResult) -> Mapping[str, str]:
    """Which trial it is, and its levels of what varies."""
    scheduled = result.scheduled
    varying = [one.name for one in session.factors if len(one.levels) > 1]
    told = [one for one in ("target", "route", *varying) if one in scheduled.levels]
    return {
        **{_name(one): str(scheduled.levels[one]) for one in told},
        "experiment": session.experiment,
        "session": session.name,
        "trial": scheduled.trial,
        "verdict": result.verdict,
    }


def _line(family: Family, labels: Mapping[str, str], began_s: float, sample: Sample) -> str:
    own, at_s, value = sample
    said = ",".join(f'{key}="{_text(word)}"' for key, word in {**labels, **own}.items())
    return f"{family.sample}{{{said}}} {value:.9g} {began_s + at_s:.3f}\n"


def _name(factor: str) -> str:
    """As a label may be called."""
    return re.sub(r"\W|^(?=\d)", "_", factor, flags=re.ASCII)


def _text(value: str) -> str:
    escaped = printable(value).replace("\\", r"\\").replace('"', r"\"")
    return escaped.replace("\n", r"\n")


def _written(family: Family) -> str:
    if not family.lines:
        return ""
    about = f"# TYPE {family.name} {family.kind}\n# HELP {family.name} {family.help}\n"
    return about + "".join(family.lines)
