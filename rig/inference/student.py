"""Student's t, and Holm's correction for asking several questions.

Pure: a design asks for them while a session runs. The distribution is scipy's.
"""

from __future__ import annotations

from collections.abc import Sequence


def t_tail(t: float, df: float) -> float:
    """How likely a Student's t with `df` degrees of freedom is to lie beyond ±|t| (two-sided)."""
    # here, as it starts threads that most commands have no use for
    from scipy import special

    return float(2 * special.stdtr(df, -abs(t)))


def t_quantile(confidence: float, df: float) -> float:
    """The t of which ±t holds `confidence` (0 to 1) of Student's distribution."""
    from scipy import special

    return float(-special.stdtrit(df, (1 - confidence) / 2))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjustment, in the order given.

    Claiming only what stays below 0.05 makes the chance of any false claim among all of them
    at most 5 %, however they depend on each other (Holm 1979, Scand. J. Statist. 6, 65-70).
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = worst
    return tuple(adjusted)
