"""A session's report: one HTML page, its Markdown, its figures with their data.

Material is read, sections turn it into blocks of words and figures, two writers turn those into
files. Nothing of a page is written anywhere else.
"""

from analysis.report.compare import compare
from analysis.report.write import report

__all__ = ["compare", "report"]
