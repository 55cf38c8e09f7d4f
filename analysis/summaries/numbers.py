"""Numbers as words: the same digits in tables, figures and pages. May not know of what."""

from __future__ import annotations

from rig.model import Level

NOTHING = "-"


def number(value: Level | None) -> str:
    """A number with three significant digits, never in powers of ten; a dash for none."""
    if value is None or isinstance(value, str):
        return NOTHING
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    text = f"{value:.3g}"
    return f"{value:.6f}".rstrip("0") if "e" in text else text


def around(before: float | None, after: float | None) -> str:
    """What was seen on both sides of a moment, as `46 to 97`; "" where nothing was."""
    seen = [number(value) for value in (before, after) if value is not None]
    return " to ".join(dict.fromkeys(seen))
