"""The load master's entry point, thin on `rig/load/`: `python -m locust_master SPEC.json OUT/`."""
