"""The command line: parses, asks, shows. May not know how anything is measured."""

from rig.cli.commands import Analysis, make_cli
from rig.cli.streams import outlive_readers

__all__ = ["Analysis", "make_cli", "outlive_readers"]
