"""A target's own Python: the packages its project names, the servers beside them, kept by content.

Made by uv before a session enters its sandbox, where there is no network.
"""

from rig.backends.environment.asking import script_output
from rig.backends.environment.environment import Environment
from rig.backends.environment.making import HANDED_ON, handed_over, of_project, provide

__all__ = ["HANDED_ON", "Environment", "handed_over", "of_project", "provide", "script_output"]
