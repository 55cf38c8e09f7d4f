"""The command line: parses, asks, shows. May not know how anything is measured."""

from rig.cli.commands import Analysis, make_cli

__all__ = ["Analysis", "make_cli"]
