"""The load generator: users, ramp and recorder, on Locust.

Imports locust, gevent, hdrh and httptools only, so that load images carry nothing else.
"""
