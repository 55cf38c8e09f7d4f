"""YAML to values: experiments to a Matrix, target folders to Targets. Pure but for reading files.

The only room that knows YAML. May not know designs, sessions, backends or records.
"""

from rig.config.env_file import NoEnvFile, read_env_file
from rig.config.experiment import read_matrix
from rig.config.findings import did_you_mean
from rig.config.instead import with_locustfile
from rig.config.matrix import (
    AnyDesign,
    Capacity,
    Claim,
    Extra,
    Instead,
    Matrix,
    Only,
    Repeats,
    Search,
    Until,
    cells,
    filter_cells,
    with_options,
)
from rig.config.nodes import read_nodes
from rig.config.only import parse_only
from rig.config.placeholders import OF_ENV, PLACEHOLDERS
from rig.config.reading import find_target, names_taken, read_experiment
from rig.config.targets import read_targets

__all__ = [
    "OF_ENV",
    "PLACEHOLDERS",
    "AnyDesign",
    "Capacity",
    "Claim",
    "Extra",
    "Instead",
    "Matrix",
    "NoEnvFile",
    "Only",
    "Repeats",
    "Search",
    "Until",
    "cells",
    "did_you_mean",
    "filter_cells",
    "find_target",
    "names_taken",
    "parse_only",
    "read_env_file",
    "read_experiment",
    "read_matrix",
    "read_nodes",
    "read_targets",
    "with_locustfile",
    "with_options",
]
