"""Goodput: correct answers per second of a steady window. The rule, once, for rig and analysis."""

from __future__ import annotations

from collections.abc import Iterable

FEW = 100
"""Below so many successes the window's edges cost more than 1 %: the span is used."""


def goodput(
    successes: int, first_s: float, last_s: float, window_s: float
) -> tuple[float | None, str]:
    """Correct answers per second in a window of `window_s`, and the method: window or span.

    `first_s`, `last_s`: the first and the last correct answer. The span between them counts
    only where it is at least a third of the window, as it is for any regular train of two or
    more answers. A shorter one is a clump: its inner rate says nothing of the window's.
    None where the sample carries no rate.
    """
    if successes < 2 or window_s <= 0:
        return None, ""
    span_s = last_s - first_s
    if successes < FEW and span_s > 0 and span_s >= window_s / 3:
        return (successes - 1) / span_s, "span"
    return successes / window_s, "window"


def goodput_of(
    groups: Iterable[tuple[int, float, float]], window_s: float
) -> tuple[float | None, str]:
    """The same of groups of correct answers: how many, when their first and their last came."""
    kept = tuple(groups)
    successes = sum(count for count, _, _ in kept)
    first_s = min((first for _, first, _ in kept), default=0.0)
    last_s = max((last for _, _, last in kept), default=0.0)
    return goodput(successes, first_s, last_s, window_s)
