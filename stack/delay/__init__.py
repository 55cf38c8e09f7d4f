"""Delays packets that leave the app's network namespace, and measures that it does.

`python -m stack.delay SPEC.json OUT/` runs inside that namespace, with CAP_NET_ADMIN. It knows
links, devices and peers; it may not know Django, Locust or the rig.
"""
