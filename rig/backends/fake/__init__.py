"""The fake backend: simulated hosts and a simulated clock, feeding the real recorder.

From YAML to figure in seconds, without root, network or Docker. Its numbers are a queue's, not
a measurement's, and every record says so.
"""

from rig.backends.fake.backend import FakeBackend
from rig.backends.fake.queue import queue_of
from rig.backends.fake.stack import FakeStack

__all__ = ["FakeBackend", "FakeStack", "queue_of"]
