"""HdrHistogram logs (format 1.3, V2 histograms in µs), as the master writes them.

May not know what the tags mean. Any viewer of HdrHistogram logs opens them.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rig.disk.hdr import HIGHEST_US, KEPT_BITS, LOWEST_US, SIGNIFICANT_DIGITS

_PLAIN, _PACKED = 0x1C849303 | 0x10, 0x1C849304 | 0x10
_HEAD, _PACKED_HEAD = struct.Struct(">iiiiqqd"), struct.Struct(">ii")

_HEADING = """\
#[Histogram log format version 1.3]
#[Seconds since the load began; values in us, Interval_Max in ms]
#[BaseTime: 0.000 (seconds since epoch)]
#[StartTime: 0.000 (seconds since epoch), load began]
"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
"""


@dataclass(frozen=True)
class Line:
    """One second of one tag: a histogram that is not empty, as `encode` gives it."""

    tag: str
    second: int
    longest_us: int
    histogram: str

    @classmethod
    def of(cls, tag: str, second: int, counts: Mapping[int, int]) -> Line:
        """How often each time occurs, in a histogram's precision; not empty."""
        return cls(tag, second, max(counts), encode(counts))


def tally(values_us: Iterable[int]) -> dict[int, int]:
    """How often each time occurs, in a histogram's precision; those out of range at its ends."""
    return Counter(map(as_counted_us, values_us))


def as_counted_us(value_us: int) -> int:
    """A time as a histogram has it: one out of range is at its end."""
    # what a histogram cannot tell apart has the same leading bits
    dropped_bits = value_us.bit_length() - KEPT_BITS
    if dropped_bits <= 0:
        return value_us if value_us >= LOWEST_US else LOWEST_US
    if value_us > HIGHEST_US:
        return as_counted_us(HIGHEST_US)
    return value_us >> dropped_bits << dropped_bits


def encode(counts: Mapping[int, int]) -> str:
    """A tally as the base64 of a compressed V2 histogram.

    By hand: the load master writes tens of thousands of nearly empty ones at the end of a load.
    The layout is HdrHistogram's (HistogramLogProcessor's format 1.3, `V2EncodingCookieBase`): a
    head, then for each cell in order its count, or less than 0 for a run of so many empty ones;
    signs stand in the lowest bit.
    """
    body = bytearray()
    reached = 0
    for cell, count in sorted((_cell(value_us), count) for value_us, count in counts.items()):
        if empty := cell - reached:
            _append(body, 2 * empty - 1)
        _append(body, 2 * count)
        reached = cell + 1
    head = _HEAD.pack(_PLAIN, len(body), 0, SIGNIFICANT_DIGITS, LOWEST_US, HIGHEST_US, 1.0)
    packed = zlib.compress(head + body)
    return base64.b64encode(_PACKED_HEAD.pack(_PACKED, len(packed)) + packed).decode()


def _cell(value_us: int) -> int:
    """Which cell of a histogram counts a time."""
    dropped_bits = max(value_us.bit_length() - KEPT_BITS, 0)
    return (dropped_bits << KEPT_BITS - 1) + (value_us >> dropped_bits)


def _append(body: bytearray, number: int) -> None:
    """Seven bits a byte, the lowest first; the highest bit of a byte: there are more."""
    while number > 0x7F:
        body.append(number & 0x7F | 0x80)
        number >>= 7
    body.append(number)


def write_log(path: Path, lines: Iterable[Line]) -> None:
    """Writes a log, in the order of its lines."""
    with path.open("w", encoding="ascii") as log:
        log.write(_HEADING)
        for line in lines:
            log.write(_text(line))


def _text(line: Line) -> str:
    longest_us = as_counted_us(line.longest_us)
    # the upper edge of its cell
    max_ms = (longest_us + (1 << max(longest_us.bit_length() - KEPT_BITS, 0)) - 1) / 1000
    return f"Tag={line.tag},{line.second:.3f},1.000,{max_ms:.3f},{line.histogram}\n"
