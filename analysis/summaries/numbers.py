"""Numbers as words: the same digits in tables, figures and pages. May not know of what."""

from __future__ import annotations

from rig.model import Level, digits

NOTHING = "-"


def number(value: Level | None) -> str:
    """A number with three significant digits, never in powers of ten; a dash for none."""
    if value is None or isinstance(value, str):
        return NOTHING
    return digits(value)


def around(before: float | None, after: float | None) -> str:
    """What was seen on both sides of a moment, as `46 to 97`; "" where nothing was."""
    seen = [number(value) for value in (before, after) if value is not None]
    return " to ".join(dict.fromkeys(seen))
