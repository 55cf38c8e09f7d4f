"""Runs the load worker: a JSON file in, a folder out."""

from rig.load.run import main

main("worker")
