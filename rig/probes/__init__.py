"""Record while a trial runs: one file for each kind of probe, and the sampler that runs them.

A probe may look, but never judge, and never end a trial.
"""

from rig.probes.base import OnSample, Row, to_nobody
from rig.probes.sampler import sampling

__all__ = ["OnSample", "Row", "sampling", "to_nobody"]
