"""HdrHistogram logs (format 1.3, V2 histograms in µs), read.

May not know what the tags mean. A payload is held against the recorder's range before it is
decoded: a few bytes could ask for any amount of memory. numpy takes its time to load: it is
imported where something is counted.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hdrh.codec import (
    HdrCookieException,
    HdrHistogramEncoder,
    HdrHistogramSettingsException,
    HdrLengthException,
)

from rig.disk.files import open_regular
from rig.disk.hdr import HIGHEST_US, LOWEST_US, SIGNIFICANT_DIGITS, new_histogram
from rig.model import DamagedFile, StorageError, nearest_rank

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Counts = Sequence[tuple[int, int]]
"""(µs, how many), ascending, at the upper edges of a histogram's buckets."""

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


_EMPTY = new_histogram()
_MOST_BYTES = _HEAD.size + _MOST_BYTES_A_COUNT * _EMPTY.counts_len


def read_log(path: Path, wanted: Callable[[str], bool]) -> Any:
    """The sum of all lines whose tag is wanted. DamagedFile, StorageError."""
    return histogram_of(counts for _, _, counts in read_lines(path, wanted))


def histogram_of(parts: Iterable[Counts]) -> Any:
    """One histogram of the sum of many counts."""
    total: Counter[int] = Counter()
    for counts in parts:
        total.update(dict(counts))
    merged = new_histogram()
    for us, count in total.items():
        merged.record_value(us, count)
    return merged


def read_lines(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int, Counts]]:
    """(tag, second, counts) of each line whose tag is wanted. DamagedFile, StorageError."""
    try:
        descriptor = open_regular(path, _MOST_LOG_BYTES)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    number, values = 0, 0
    with open(descriptor, encoding="ascii", newline="\n") as log:  # a tag may have other ends
        try:
            while line := log.readline(_MOST_LINE_CHARS):
                number += 1
                tag, start, payload = _parts(line)
                if not tag or not wanted(tag):
                    continue
                counts = _decoded(payload)
                values += sum(count for _, count in counts)
                _hold(values <= MOST_VALUES, "too many values")
                yield tag, int(float(start)), counts
            _hold(number > 0, "it is empty")
        except _NO_HISTOGRAM as error:
            said = str(error) or type(error).__name__
            raise DamagedFile(f"{path}:{number}: no histogram: {said}") from error


def counts_us(histogram: Any) -> Counts:
    """How many values a histogram has, bucket by bucket."""
    return _filled(_array(histogram.counts))


def _filled(counts: NDArray[np.uint64]) -> Counts:
    import numpy as np

    # numpy finds what is true in a third of the time that it takes to find what is not 0
    filled = np.flatnonzero(counts != 0)
    return tuple(zip(map(_upper_us, filled.tolist()), counts[filled].tolist(), strict=True))


def lowest_us(us: int) -> int:
    """The lower edge of a value's bucket."""
    return int(_EMPTY.get_lowest_equivalent_value(us))


def percentile_us(histogram: Any, percent: int) -> int:
    """The value of the nearest rank, 0 of no values, at the upper edge of its bucket."""
    return _percentile_us(_array(histogram.counts), percent)


def percentiles_us(payloads: Sequence[str], percents: Sequence[int]) -> list[int]:
    """The same of the sum of encoded histograms, for each percent. DamagedFile."""
    total = _array(new_histogram().counts)
    try:
        for payload in payloads:
            total = total + _array(_decoded_counts(payload))
    except _NO_HISTOGRAM as error:
        said = str(error) or type(error).__name__
        raise DamagedFile(f"no histogram: {said}") from error
    return [_percentile_us(total, percent) for percent in percents]


def _percentile_us(counts: NDArray[np.uint64], percent: int) -> int:
    import numpy as np

    total = int(counts.sum())
    if not total:
        return 0
    rank = nearest_rank(total, percent / 100)
    return _upper_us(int(np.searchsorted(np.cumsum(counts), rank)))


def _array(counts: Any) -> NDArray[np.uint64]:
    """How many in each bucket; another view of a histogram's own memory."""
    import numpy as np

    return np.frombuffer(counts, dtype=np.uint64)


@cache
def _upper_us(index: int) -> int:
    """The upper edge of a bucket."""
    return int(_EMPTY.get_highest_equivalent_value(_EMPTY.get_value_from_index(index)))


def _parts(line: str) -> tuple[str, str, str]:
    """Tag, start and payload of a line; no tag for a remark."""
    _hold(line.endswith("\n"), "the line is cut off, or too long")
    if not line.startswith("Tag="):
        _hold(line[0] in '#"', "a line without a tag")
        return "", "", ""
    tag, start, *_, payload = line.rstrip("\n").removeprefix("Tag=").rsplit(",", 4)
    return tag, start, payload


def _decoded(payload: str) -> Counts:
    return _filled(_array(_decoded_counts(payload)))


def _decoded_counts(payload: str) -> Any:
    """The counts alone: a histogram around them takes as long to make, and longer to be freed."""
    _check(payload)
    decoded = HdrHistogramEncoder.decode(payload)
    decoded.init_counts(_EMPTY.counts_len)
    return decoded.get_counts()


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
