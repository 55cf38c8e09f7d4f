"""The list of benchmarks that actions which track them over commits read: name, unit, value, range.

Such a list is of one kind: more is better, or less. Hence one measure at a time. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from analysis.comparisons.requirements import estimate
from analysis.inference import Basis
from analysis.summaries.cells import CellResult
from analysis.summaries.layout import layout_of
from analysis.summary_json import Analysed
from rig.model import digits, printable

UNITS = {
    "goodput_rps": "answers/s",
    "max_goodput_rps": "answers/s",
    "p50_ms": "ms",
    "p95_ms": "ms",
    "p99_ms": "ms",
    "failure_share": "%",
}
"""What can be tracked; of the first two more is better, of the others less."""


def benchmarks(found: Analysed, measure: str) -> tuple[str, Sequence[str]]:
    """The list as JSON; and each cell without a number, which such lists have no place for.

    `range` is the 95 % interval over several runs, empty of a single one.
    """
    layout = layout_of(found.session)
    made, left_out = [], []
    for cell in found.cells:
        parts = layout.group(cell.levels), layout.series(cell.levels)
        name = " · ".join([found.session.experiment, *filter(None, parts)])
        known = estimate(measure, cell)
        if not cell.valid or known.value is None:
            left_out.append(f"{name}: {_why(cell)}")
            continue
        scale = 100 if measure == "failure_share" else 1
        over_runs = known.basis is Basis.BETWEEN_TRIALS
        bounds = (known.low, known.high) if over_runs else ()
        made.append(
            {
                "name": printable(f"{name} · {measure}"),
                "unit": UNITS[measure],
                "value": float(f"{scale * known.value:.6g}"),
                "range": " to ".join(digits(scale * one) for one in bounds if one is not None),
            }
        )
    return json.dumps(made, indent=1) + "\n", left_out


def _why(cell: CellResult) -> str:
    return "no number for it is known" if cell.valid else cell.reason or "no valid trial"
