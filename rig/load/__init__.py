"""The load generator: users, ramp and recorder, on Locust.

Imports `rig.model`, locust and hdrh only, so that load images carry nothing else.
"""
