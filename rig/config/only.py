"""`--only route=cpu|io_read,target=async`: which cells of a matrix to run.

May not know YAML nor the command line's other options.
"""

from __future__ import annotations

from rig.config.document import scalar
from rig.config.findings import did_you_mean, one_of
from rig.config.matrix import Matrix, cells, filter_cells
from rig.factors import FACTORS
from rig.model import Level, UsageError


def parse_only(text: str, matrix: Matrix) -> dict[str, tuple[Level, ...]]:
    """The levels asked for, by factor: the same factor again, or `|`, means any of them.

    UsageError for a factor or level that the matrix's cells do not have, and where no cell
    is left.
    """
    all_cells = cells(matrix)
    only: dict[str, tuple[Level, ...]] = {}
    for part in text.split(","):
        name, equals, words = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise UsageError(f"--only: `{part}` is no FACTOR=LEVEL")
        if name not in FACTORS:
            what = f"--only: there is no factor `{name}`, expected {one_of(tuple(FACTORS))}"
            raise UsageError(what, did_you_mean(name, FACTORS))
        known = tuple(dict.fromkeys(cell.levels[name] for cell in all_cells))
        levels = tuple(_level(name, word.strip(), known) for word in words.split("|"))
        only[name] = tuple(dict.fromkeys((*only.get(name, ()), *levels)))
    if not filter_cells(all_cells, only):
        raise UsageError(f"--only {text}: no cell of {matrix.experiment} has all of these levels")
    return only


def _level(name: str, word: str, known: tuple[Level, ...]) -> Level:
    value = scalar(word)
    for level in known:
        if level in (word, value):
            return level
    words = [str(level) for level in known]
    what = f"--only: `{word}` is no level of {name} here, expected {one_of(words)}"
    raise UsageError(what, did_you_mean(word, words))
