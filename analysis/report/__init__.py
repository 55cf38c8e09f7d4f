"""A session's report: one HTML page, its Markdown, its figures with their data.

Material is read, sections turn it into blocks of words and figures, two writers turn those into
files. Nothing of a page is written anywhere else.
"""

from analysis.report.compare import compare
from analysis.report.write import Outcome, Written, report

__all__ = ["Outcome", "Written", "compare", "report"]
