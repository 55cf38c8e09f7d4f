"""Judges finished records: pure functions Record -> Check, and the verdict they add up to."""

from rig.checks.verdict import CHECKS, judge

__all__ = ["CHECKS", "judge"]
