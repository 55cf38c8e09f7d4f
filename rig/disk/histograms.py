"""HdrHistogram logs (format 1.3, V2 histograms in µs), read.

May not know what the tags mean. A payload is held against the recorder's range before it is
decoded: a few bytes could ask for any amount of memory.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

from hdrh.codec import (
    HdrCookieException,
    HdrHistogramSettingsException,
    HdrLengthException,
)
from hdrh.histogram import HdrHistogram

from rig.disk.files import open_regular
from rig.model import DamagedFile, StorageError

LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS = 1, 3_600_000_000, 3
MOST_VALUES = 10**9
"""In one log. More answers than any load has."""
_MOST_LINE_CHARS = 1 << 20
_MOST_LOG_BYTES = 512 << 20
_COMPRESSED = struct.Struct(">II")
_HEAD = struct.Struct(">IIIIQQd")
_MOST_BYTES_A_COUNT = 9
_NO_HISTOGRAM = (
    *(HdrCookieException, HdrHistogramSettingsException, HdrLengthException),
    *(zlib.error, struct.error, ArithmeticError, LookupError, TypeError, ValueError),
)


def new_histogram() -> Any:
    """An empty histogram in the recorder's range."""
    return HdrHistogram(LOWEST_US, HIGHEST_US, SIGNIFICANT_DIGITS)


_MOST_BYTES = _HEAD.size + _MOST_BYTES_A_COUNT * new_histogram().counts_len


def read_log(path: Path, wanted: Callable[[str], bool]) -> Any:
    """The sum of all lines whose tag is wanted. DamagedFile, StorageError."""
    try:
        descriptor = open_regular(path, _MOST_LOG_BYTES)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    merged, number = new_histogram(), 0
    with open(descriptor, encoding="ascii") as log:
        try:
            while line := log.readline(_MOST_LINE_CHARS):
                number += 1
                _add_line(merged, line, wanted)
            _hold(number > 0, "it is empty")
            _hold(max(merged.counts) <= merged.get_total_count() <= MOST_VALUES, "too many values")
        except _NO_HISTOGRAM as error:
            said = str(error) or type(error).__name__
            raise DamagedFile(f"{path}:{number}: no histogram: {said}") from error
    return merged


def percentile_us(histogram: Any, percent: int) -> int:
    """A percentile, 0 of no values: hdrh's own, which takes ten times as long."""
    target = histogram.get_target_count_at_percentile(percent)
    for index, total in enumerate(accumulate(histogram.counts[:])):
        if total >= target:
            value: int = histogram.get_value_from_index(index)
            return int(histogram.get_highest_equivalent_value(value))
    return 0


def _add_line(merged: Any, line: str, wanted: Callable[[str], bool]) -> None:
    _hold(line.endswith("\n"), "the line is cut off, or too long")
    if not line.startswith("Tag="):
        _hold(line[0] in '#"', "a line without a tag")
        return
    tag, *_, payload = line.rstrip("\n").removeprefix("Tag=").rsplit(",", 4)
    if wanted(tag):
        _check(payload)
        merged.decode_and_add(payload)


def _check(payload: str) -> None:
    """ValueError for a histogram that is not of the recorder's range, or is larger than one."""
    raw = base64.b64decode(payload, validate=True)
    _, length = _COMPRESSED.unpack_from(raw)
    _hold(length == len(raw) - _COMPRESSED.size, "the payload is cut off")
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(raw[_COMPRESSED.size :], _MOST_BYTES)
    _hold(unpacking.eof, "the payload is larger than a histogram")
    _, _, _, digits, lowest, highest, _ = _HEAD.unpack_from(data)
    ours = (SIGNIFICANT_DIGITS, LOWEST_US, HIGHEST_US)
    _hold((digits, lowest, highest) == ours, "its range is not the recorder's")


def _hold(fine: bool, wrong: str) -> None:
    if not fine:
        raise ValueError(wrong)
