"""The load worker's entry point, thin on `rig/load/`: `python -m locust_worker SPEC.json OUT/`."""
