"""OpenMetrics text, read by Prometheus's own client."""

from __future__ import annotations

from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def families_of(text: str) -> dict[str, list[Any]]:
    """Samples by the name of their family; ValueError for what is no OpenMetrics."""
    found = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {one.name: list(one.samples) for one in found}
