"""Every trial's series as OTLP/JSON, by OpenTelemetry's own SDK.

A line is one `ExportMetricsServiceRequest`, as a collector's `otlpjsonfile` receiver reads files,
and as its `/v1/metrics` takes a request's body. Each has one metric of one trial: collectors read
no line above a megabyte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from opentelemetry.exporter.otlp.json.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from analysis.exports.series import COUNTER, FAMILIES, Family, Sample, SessionSeries, TrialSeries
from rig.model import VERSION, printable

SERVICE = "async-django-rig"
MOST_POINTS = 1000
"""Of one line. A point takes some 500 bytes."""


def otlp(series: SessionSeries) -> str:
    """The document: lines of JSON."""
    return "".join(f"{line}\n" for line in _lines(series))


def _lines(series: SessionSeries) -> Iterator[str]:
    resource = Resource(
        {
            "service.name": SERVICE,
            "service.version": VERSION,
            "rig.experiment": printable(series.experiment),
            "rig.session": printable(series.session),
        }
    )
    scope = InstrumentationScope("analysis.exports", VERSION)
    for trial in series.trials:
        for family in FAMILIES:
            points = trial.samples.get(family.name, ())
            for first in range(0, len(points), MOST_POINTS):
                metric = _metric(family, trial, points[first : first + MOST_POINTS])
                scoped = ScopeMetrics(scope, [metric], schema_url="")
                data = MetricsData([ResourceMetrics(resource, [scoped], schema_url="")])
                yield json.dumps(encode_metrics(data).to_dict(), separators=(",", ":"))


def _metric(family: Family, trial: TrialSeries, samples: Sequence[Sample]) -> Metric:
    name = f"rig.{family.name}"
    rises = family.kind == COUNTER
    # before an attempt began none of its processes had used anything
    start_ns = _ns(trial.started_s) if rises else 0
    points = [_point(trial.labels, trial.began_s, start_ns, sample) for sample in samples]
    data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True) if rises else None
    return Metric(name, family.help, family.unit, data or Gauge(points))


def _point(
    labels: Mapping[str, str], began_s: float, start_ns: int, sample: Sample
) -> NumberDataPoint:
    own, at_s, value = sample
    attributes = {key: printable(word) for key, word in {**labels, **own}.items()}
    return NumberDataPoint(attributes, start_ns, _ns(began_s + at_s), value)


def _ns(at_s: float) -> int:
    """To the millisecond: a float has no more of a wall clock in ns."""
    return round(at_s * 1000) * 1_000_000
