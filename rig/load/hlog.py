"""HdrHistogram logs (format 1.3, V2 histograms in µs), as the master writes them.

May not know what the tags mean. Any viewer of HdrHistogram logs opens them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hdrh.histogram import HdrHistogram

from rig.disk.hdr import HIGHEST_US, KEPT_BITS, LOWEST_US, new_histogram

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


def tally(values_us: Iterable[int]) -> dict[int, int]:
    """How often each time occurs, in a histogram's precision; those out of range at its ends."""
    counts: dict[int, int] = {}
    for value_us, count in Counter(values_us).items():
        within_us = min(max(value_us, LOWEST_US), HIGHEST_US)
        # what a histogram cannot tell apart has the same leading bits
        dropped_bits = max(within_us.bit_length() - KEPT_BITS, 0)
        as_counted_us = within_us >> dropped_bits << dropped_bits
        counts[as_counted_us] = counts.get(as_counted_us, 0) + count
    return counts


def encode(counts: Mapping[int, int]) -> str:
    """A tally as the base64 of a compressed V2 histogram."""
    histogram = new_histogram()
    for value_us, count in counts.items():
        histogram.record_value(value_us, count)
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
