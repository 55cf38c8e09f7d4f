"""YAML to values: experiments to a Matrix, target folders to Targets. Pure but for reading files.

The only room that knows YAML. May not know designs, sessions, backends or records.
"""

from rig.config.env_file import NoEnvFile, read_env_file
from rig.config.experiment import read_matrix
from rig.config.matrix import (
    Claim,
    Extra,
    Matrix,
    Repeats,
    Search,
    Until,
    cells,
    filter_cells,
    with_options,
)
from rig.config.only import parse_only
from rig.config.placeholders import OF_ENV, PLACEHOLDERS
from rig.config.reading import find_target, names_taken, read_experiment
from rig.config.targets import read_targets

__all__ = [
    "OF_ENV",
    "PLACEHOLDERS",
    "Claim",
    "Extra",
    "Matrix",
    "NoEnvFile",
    "Repeats",
    "Search",
    "Until",
    "cells",
    "filter_cells",
    "find_target",
    "names_taken",
    "parse_only",
    "read_env_file",
    "read_experiment",
    "read_matrix",
    "read_targets",
    "with_options",
]
