"""The command line: parses, asks, shows. May not know how anything is measured."""

from rig.cli.commands import make_cli
from rig.cli.reporting import Analysis
from rig.cli.streams import outlive_readers

__all__ = ["Analysis", "make_cli", "outlive_readers"]
