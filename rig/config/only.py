"""`--only route=cpu|io_read,target=async`: which cells of a matrix to run.

May not know YAML nor the command line's other options.
"""

from __future__ import annotations

from collections.abc import Mapping

from rig.config.document import scalar
from rig.config.findings import did_you_mean, one_of, shortened
from rig.config.matrix import Matrix, Only, cells, filter_cells
from rig.factors import FACTORS
from rig.factors.retired import RETIRED
from rig.model import Level, UsageError


def parse_only(text: str, matrix: Matrix) -> Only:
    """The levels asked for, by factor: the same factor again, or `|`, means any of them.

    UsageError for a factor or level that the matrix's cells do not have, and where no cell
    is left.
    """
    all_cells = cells(matrix)
    having = {name: [cell for cell in all_cells if name in cell.levels] for name in FACTORS}
    known = {name: {c.levels[name]: c.levels[name] for c in of} for name, of in having.items()}
    only: dict[str, dict[Level, None]] = {}
    for part in text.split(","):
        name, equals, words = (piece.strip() for piece in part.partition("="))
        if not equals:
            what = f"--only: `{shortened(part)}` is no FACTOR=LEVEL"
            raise UsageError(what, "write it like delay_ms=0|100,target=async")
        if name not in FACTORS:
            if name in RETIRED:
                raise UsageError(f"--only: {RETIRED[name].what}", RETIRED[name].do)
            what = f"--only: there is no factor `{shortened(name)}`"
            what += f", expected {one_of(tuple(FACTORS))}"
            raise UsageError(what, did_you_mean(name, FACTORS))
        asked = only.setdefault(name, {})
        asked.update((_level(name, word.strip(), known[name]), None) for word in words.split("|"))
    found = {name: tuple(levels) for name, levels in only.items()}
    if not filter_cells(all_cells, found):
        what = f"--only {shortened(text)}: no cell of {matrix.experiment} has all of these levels"
        raise UsageError(what, "python runner.py plan shows its cells")
    return found


def _level(name: str, word: str, known: Mapping[Level, Level]) -> Level:
    value = scalar(word)
    for asked in (word, value):
        if asked is not None and asked in known:
            return known[asked]
    words = [str(level) for level in known]
    what = f"--only: `{shortened(word)}` is no level of {name} here, expected {one_of(words)}"
    raise UsageError(what, did_you_mean(word, words))
