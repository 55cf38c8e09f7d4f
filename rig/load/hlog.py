"""HdrHistogram logs (format 1.3, V2 histograms in µs), as the master writes them.

May not know what the tags mean. Any viewer of HdrHistogram logs opens them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from rig.disk.hdr import HIGHEST_US, LOWEST_US, new_histogram

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
