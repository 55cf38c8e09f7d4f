"""From a session's raw files to its rows, its text table and its figures.

May import `rig.model` and `rig.record` only: the results directory is the interface. What
it needs of the factors (label, unit, order of levels) stands in `session.json`.
"""

from analysis.derived import Derived, derive, table
from analysis.recomputed import differences

__all__ = ["Derived", "derive", "differences", "table"]
