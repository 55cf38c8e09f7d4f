"""From a session's raw files to its rows, its text table and its figures.

May import `rig.model` and `rig.record` only: the results directory is the interface. What
it needs of the factors (label, unit, order of levels) stands in `session.json`.
"""

from analysis.recheck import differences
from analysis.tables import Derived, derive, table

__all__ = ["Derived", "derive", "differences", "table"]
