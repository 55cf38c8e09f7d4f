"""Record while a trial runs: one file for each kind of probe, and the sampler that runs them.

A probe may look, but never judge, and never end a trial.
"""

from rig.probes.sampler import sampling

__all__ = ["sampling"]
