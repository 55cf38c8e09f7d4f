"""Runs the load master: a JSON file in, a folder out."""

from rig.load.run import main

main("master")
