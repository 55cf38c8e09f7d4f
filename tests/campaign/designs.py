"""The smallest sessions of each kind of design."""

from __future__ import annotations

_HEAD = """\
experiment: tiny
claim: {says: Async is faster., ratio: {of: goodput_rps, target: [async, sync]}, at_least: 1}
vary: {route: [io_create], target: [sync, async]}
data: {posts: 1000, cpu_n: 1000}
"""
_LOAD = "load: {users: {from: 1, per_s: 1, to: 1}, steady: 1s}\n"

DESIGNS = {
    "fixed": _HEAD + _LOAD,
    "until": _HEAD + _LOAD + "design: {repeats: {until: ratio ±10 %, at_most: 6}}\n",
    "search": _HEAD
    + _LOAD.replace("to: 1}", "to: 3}")
    + "design: {search: {crossover: delay_ms, between: [10, 20]}}\n",
}
"""YAML, by kind: 2 trials, 8 of at most 12, and 4 of a search."""
