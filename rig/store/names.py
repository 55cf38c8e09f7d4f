"""The names in the results directory, for those who write it and those who read it."""

from __future__ import annotations

SESSION, SCHEDULE, JOURNAL = "session.json", "schedule.csv", "journal.jsonl"
CALIBRATION = "calibration.json"
YAML = "experiments.yaml"
TRIALS, LOCK, DERIVED = "trials", "lock", "derived"
PLAN = "plan.json"
"""Of a trial."""
MANIFEST, VERIFY = "manifest.json", "verify.json"
"""Of an attempt."""
