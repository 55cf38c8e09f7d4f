"""The sections of a report, a file each: from a session's inputs to blocks of words and figures.

A section that a session has nothing for is `Absent` and says why in one line.
"""
