"""Files whose contents are declared: tables with rows of a dataclass, and JSON of a type.

Whatever a file holds beside that is DamagedFile, with the file's name, its line or key, and what is
wrong; a file that cannot be opened is StorageError. May not know what any number means.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rig.disk.files import read_bytes, read_json, read_text
from rig.disk.typed import Unfit, cell_reader, columns, fitted
from rig.model import DamagedFile, StorageError

MOST_TABLE_BYTES = 256 << 20

Kind = TypeVar("Kind")
Numbers = Mapping[str, float | None]
Texts = Mapping[str, str]


def json_value(path: Path, kind: type[Kind]) -> Kind | None:
    """What a JSON file holds, as `kind`; None without the file. DamagedFile, StorageError."""
    return decoded(path, lambda value: fitted(kind, value))


def needed(path: Path, decode: Callable[[Any], Kind]) -> Kind:
    """What `decode` makes of a JSON file that must be there. DamagedFile, StorageError."""
    found = decoded(path, decode)
    if found is None:
        raise DamagedFile(f"{path} is missing")
    return found


def decoded(path: Path, decode: Callable[[Any], Kind]) -> Kind | None:
    """What `decode` makes of a JSON file, Unfit where it cannot; None without the file.

    DamagedFile, StorageError.
    """
    if not _there(path):
        return None
    try:
        return decode(read_json(path))
    except OSError as error:
        raise _unopened(path, error) from error
    except Unfit as error:
        raise DamagedFile(f"{path}: {error}") from error


def rows(path: Path, kind: type[Kind], patchy: bool = False) -> tuple[Kind, ...] | None:
    """The rows of a CSV file under their heading; None without the file.

    `patchy`: a line that is none is left out, as a probe's that was cut short. A column of a field
    with a default may be missing, and one that `kind` does not have is passed over.
    DamagedFile, StorageError.
    """
    lines = _lines(path, patchy)
    if lines is None:
        return None
    wanted, found = columns(kind), []
    heading = lines[0][1]
    _hold_columns(path, heading, [name for name, (_, needed) in wanted.items() if needed])
    places = [
        (name, heading.index(name), cell_reader(of))
        for name, (of, _) in wanted.items()
        if name in heading
    ]
    for number, line in lines[1:]:
        try:
            read = {name: cell(line[at], name) for name, at, cell in places}
        except Unfit as error:
            if patchy:
                continue
            raise DamagedFile(f"{path}:{number}: {error}") from error
        found.append(kind(**read))
    return tuple(found)


WORDS = ("role", "index", "names", "node")
"""Columns of the probes' files that hold text."""


def samples(path: Path, needed: Sequence[str] = ("at_s",)) -> Sequence[tuple[Numbers, Texts]]:
    """The lines of a probe's file as numbers and as text; none without the file.

    An empty cell is None among the numbers, as a text is; a line that is none is left out.
    DamagedFile, StorageError.
    """
    lines = _lines(path, patchy=True)
    if lines is None:
        return []
    heading = lines[0][1]
    _hold_columns(path, heading, needed)
    found = []
    for _, line in lines[1:]:
        texts = dict(zip(heading, line, strict=True))
        with contextlib.suppress(Unfit):
            found.append(({name: _sample(text, name) for name, text in texts.items()}, texts))
    return found


_number_or_none = cell_reader(float | None)


def _sample(text: str, name: str) -> float | None:
    return None if name in WORDS else _number_or_none(text, name)


def _hold_columns(path: Path, heading: Sequence[str], needed: Sequence[str]) -> None:
    if missing := [name for name in needed if name not in heading]:
        raise DamagedFile(f"{path}: it has no column {missing[0]!r}")


def _lines(path: Path, patchy: bool) -> Sequence[tuple[int, list[str]]] | None:
    """The lines of a CSV file and their numbers, its heading first; None without the file."""
    if not _there(path):
        return None
    try:
        text = read_text(path, MOST_TABLE_BYTES)
    except OSError as error:
        raise _unopened(path, error) from error
    if not text.endswith("\n"):
        if not patchy:
            raise DamagedFile(f"{path}: its last line is cut off" if text else f"{path} is empty")
        text = text[: text.rfind("\n") + 1]
        if not text:
            return None
    try:
        return list(_split(text, patchy))
    except (csv.Error, Unfit) as error:
        raise DamagedFile(f"{path}: {error}") from error


def _split(text: str, patchy: bool) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    heading = next(reader)
    if len(set(heading)) < len(heading):
        raise Unfit("a column stands twice in its heading")
    yield 1, heading
    for line in reader:
        if len(line) == len(heading):
            yield reader.line_num, line
        elif not patchy:
            raise Unfit(f"line {reader.line_num} has {len(line)} cells, the heading {len(heading)}")


def data(path: Path) -> bytes | None:
    """All of a file, whatever it holds; None without the file. DamagedFile, StorageError."""
    if not _there(path):
        return None
    try:
        return read_bytes(path)
    except OSError as error:
        raise _unopened(path, error) from error


def _there(path: Path) -> bool:
    """Whether there is anything of that name; a link to nothing, too."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unopened(path, error) from error
    return True


def _unopened(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read: {error.strerror or error}")
