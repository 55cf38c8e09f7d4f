"""HdrHistogram logs (format 1.3, V2 histograms in µs): written by the master, read by the facts.

May not know what the tags mean. Any viewer of HdrHistogram logs opens them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hdrh.codec import (
    HdrCookieException,
    HdrHistogramSettingsException,
    HdrLengthException,
)
from hdrh.histogram import HdrHistogram

LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS = 1, 3_600_000_000, 3
_NO_HISTOGRAM = (
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException),
    *(zlib.error, ArithmeticError, LookupError, TypeError),
)

_HEADING = """\
#[Histogram log format version 1.3]
#[Seconds since the load began; values in us, Interval_Max in ms]
#[BaseTime: 0.000 (seconds since epoch)]
#[StartTime: 0.000 (seconds since epoch), load began]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
"""


@dataclass(frozen=True)
class Line:
    """One second of one tag: the sum of its encoded histograms, at least one."""

    tag: str
    second: int
    payloads: Sequence[str]


def new_histogram() -> Any:
    """An empty histogram in the recorder's range."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)


def encode(values_us: Iterable[int]) -> str:
    """Times as the base64 of a compressed V2 histogram; those out of range at its ends."""
    histogram = new_histogram()
    for value_us in values_us:
        histogram.record_value(min(max(value_us, LOWEST_US), HIGHEST_US))
    return str(histogram.encode().decode())


def write_log(path: Path, lines: Iterable[Line]) -> None:
    """Writes a log, in the order of its lines."""
    with path.open("w", encoding="ascii") as log:
        log.write(_HEADING)
        for line in lines:
            log.write(_text(line))


def _text(line: Line) -> str:
    histogram = HdrHistogram.decode(line.payloads[0])
    for payload in line.payloads[1:]:
        histogram.decode_and_add(payload)
    alone = len(line.payloads) == 1
    payload = line.payloads[0] if alone else histogram.encode().decode()
    max_ms = histogram.get_max_value() / 1000
    return f"Tag={line.tag},{line.second:.3f},1.000,{max_ms:.3f},{payload}\n"


def read_log(path: Path, wanted: Callable[[str], bool]) -> Any:
    """The sum of all lines whose tag is wanted. ValueError where one holds no histogram."""
    merged = new_histogram()
    with path.open(encoding="ascii") as log:
        for line in log:
            if line.startswith("Tag="):
                tag, *_, payload = line.rstrip("\n").removeprefix("Tag=").split(",")
                if wanted(tag):
                    _add(merged, payload)
    return merged


def _add(merged: Any, payload: str) -> None:
    try:
        merged.decode_and_add(payload)
    except _NO_HISTOGRAM as error:
        raise ValueError(f"no histogram: {type(error).__name__}: {error}") from error
