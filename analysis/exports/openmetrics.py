"""Every trial's series as OpenMetrics text with time stamps.

For `promtool tsdb create-blocks-from openmetrics`, after which a Prometheus of one's own has them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from analysis.exports.series import COUNTER, FAMILIES, Family, Sample, SessionSeries
from rig.model import printable


def openmetrics(series: SessionSeries) -> str:
    """The document."""
    return "".join("".join(_written(family, series)) for family in FAMILIES) + "# EOF\n"


def _written(family: Family, series: SessionSeries) -> Iterator[str]:
    name, whose = f"rig_{family.name}", {"experiment": series.experiment, "session": series.session}
    lines = [
        _line(f"{name}_total" if family.kind == COUNTER else name, labels, trial.began_s, sample)
        for trial in series.trials
        for labels in [{_name(key): word for key, word in trial.labels.items()} | whose]
        for sample in trial.samples.get(family.name, ())
    ]
    if lines:
        yield f"# TYPE {name} {family.kind}\n# HELP {name} {family.help}\n"
        yield from lines


def _line(name: str, labels: Mapping[str, str], began_s: float, sample: Sample) -> str:
    own, at_s, value = sample
    said = ",".join(f'{key}="{_text(word)}"' for key, word in {**labels, **own}.items())
    return f"{name}{{{said}}} {value:.9g} {began_s + at_s:.3f}\n"


def _name(factor: str) -> str:
    """As a label may be called."""
    return re.sub(r"\W|^(?=\d)", "_", factor, flags=re.ASCII)


def _text(value: str) -> str:
    escaped = printable(value).replace("\\", r"\\").replace('"', r"\"")
    return escaped.replace("\n", r"\n")
