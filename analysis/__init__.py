"""From a session's raw files to its rows, its text table and its figures.

The results directory is the interface: of the rig it knows names, readers of files and statistics
only. What it needs of the factors (label, unit, order of levels) stands in `session.json`.
"""

from analysis.recheck import differences
from analysis.tables import Derived, derive, for_programs, table

__all__ = ["Derived", "derive", "differences", "for_programs", "table"]
