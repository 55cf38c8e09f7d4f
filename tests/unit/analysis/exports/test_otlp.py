"""OTLP/JSON as OpenTelemetry's own protocol definitions read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from analysis.exports import export, otlp
from tests.unit.analysis.exports.metrics import families_of
from tests.unit.analysis.exports.test_openmetrics import STARTED_S
from tests.unit.analysis.sessions import Answer, Made, make, steady

Point = tuple[dict[str, str], float, float]
"""Attributes, s of wall clock, value."""


def requests_of(text: str) -> list[Any]:
    """Each line as a message; ParseError for what is none."""
    assert text.isascii()
    return [json_format.Parse(line, ExportMetricsServiceRequest()) for line in text.splitlines()]


def points_of(text: str) -> dict[str, list[Point]]:
    """By the name of the metric."""
    found: dict[str, list[Point]] = {}
    for request in requests_of(text):
        (resource,) = request.resource_metrics
        ((metric,),) = (scope.metrics for scope in resource.scope_metrics)
        data = metric.sum if metric.HasField("sum") else metric.gauge
        for point in data.data_points:
            words = {one.key: one.value.string_value for one in point.attributes}
            at_s = point.time_unix_nano / 1e9
            found.setdefault(metric.name, []).append((words, at_s, point.as_double))
    return found


def recorded(folder: Path) -> Path:
    """A session of one trial, with a probe's series."""
    answers = [*steady(10, 20.0), Answer(4.5, outcome="timeout")]
    session = make(folder / "s", [Made({"delay_ms": 100}, answers)])
    (attempt,) = session.glob("trials/*/attempt-1")
    (attempt / "probes").mkdir()
    (attempt / "probes" / "processes.csv").write_text(
        "at_s,role,index,cpu_s,rss_bytes\n1,app,0,0.5,1000\n2.5,app,0,1.25,2000\n"
    )
    return session


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    session = recorded(tmp_path)
    made = export(session, "otel", "")
    assert list(made.left_out) == []
    found = points_of(made.text)
    others = families_of(export(session, "prometheus", "").text)
    assert len(found) == len(others) > 5
    for name, samples in others.items():
        points = found[name.replace("rig_", "rig.", 1)]
        assert len(points) == len(samples)
        for (words, at_s, value), sample in zip(points, samples, strict=True):
            assert words.items() <= sample.labels.items()
            assert at_s == pytest.approx(float(sample.timestamp), abs=1e-3)
            assert value == pytest.approx(sample.value)


def test_a_counter_and_whose_it_is(tmp_path: Path) -> None:
    requests = requests_of(export(recorded(tmp_path), "otel", "").text)
    whose = {
        one.key: one.value.string_value
        for request in requests
        for one in request.resource_metrics[0].resource.attributes
    }
    assert whose["service.name"] == otlp.SERVICE
    assert {"rig.experiment", "rig.session"} < set(whose)
    metrics = [request.resource_metrics[0].scope_metrics[0].metrics[0] for request in requests]
    (spent,) = [metric for metric in metrics if metric.HasField("sum")]
    assert (spent.name, spent.unit, spent.sum.is_monotonic) == ("rig.cpu_seconds", "s", True)
    cumulative = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    assert spent.sum.aggregation_temporality == cumulative
    starts = {point.start_time_unix_nano for point in spent.sum.data_points}
    assert starts == {round(STARTED_S) * 10**9}
    assert [point.time_unix_nano for point in spent.sum.data_points] == [
        round(STARTED_S * 1000 + at_ms) * 10**6 for at_ms in (1000, 2500)
    ]


def test_no_line_is_longer_than_collectors_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = recorded(tmp_path)
    whole = points_of(export(session, "otel", "").text)
    monkeypatch.setattr(otlp, "MOST_POINTS", 3)
    text = export(session, "otel", "").text
    assert points_of(text) == whole
    assert max(map(len, text.splitlines())) / 3 * 1000 < 2**20


@pytest.mark.parametrize("name", ['a"b', "a\nb", "\x1b[2J", "\u202eü"])
def test_names_are_text(tmp_path: Path, name: str) -> None:
    session = make(tmp_path / "s", [Made(answers=steady(10))], experiment=name)
    (request, *_) = requests_of(export(session, "otel", "").text)
    words = {one.value.string_value for one in request.resource_metrics[0].resource.attributes}
    assert name.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e") in words
