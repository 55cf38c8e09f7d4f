"""Designs: a Matrix to blocks of trials, told what was scheduled and recorded so far.

Pure. May not know YAML, sessions or backends; of the past only what was scheduled and recorded.
"""

from rig.config.matrix import cells
from rig.design.adaptive import SequentialBlocks
from rig.design.blocks import Design, RandomBlocks, plan_of, varied
from rig.design.capacity import CapacitySearch
from rig.design.search import CrossoverSearch

__all__ = [
    "CapacitySearch",
    "CrossoverSearch",
    "Design",
    "RandomBlocks",
    "SequentialBlocks",
    "cells",
    "plan_of",
    "varied",
]
