"""Looks at a Django project's files, and writes what a first experiment with it needs.

Pure but for reading the project: nothing of it is run here, and nothing is written.
"""

from rig.project.found import Found, NoProject, look
from rig.project.routes import Answered, Route, chosen
from rig.project.variables import missing, stand_ins
from rig.project.writing import Written, written

__all__ = [
    "Answered",
    "Found",
    "NoProject",
    "Route",
    "Written",
    "chosen",
    "look",
    "missing",
    "stand_ins",
    "written",
]
