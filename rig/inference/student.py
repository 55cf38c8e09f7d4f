"""Student's t: tails and quantiles, and Holm's correction for asking several questions.

Pure, and the standard library only: a design asks for them while a session runs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

_TINY = 1e-300
_STEPS = 500


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1].

    By its continued fraction, DLMF 8.17.22 (NIST Digital Library of Mathematical Functions),
    evaluated by Lentz's method; where that converges slowly, by I_x(a, b) = 1 - I_1-x(b, a).
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) / a * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """1 ÷ (1 + d1 ÷ (1 + d2 ÷ …)) with the coefficients of DLMF 8.17.23."""
    found, numerator, denominator = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        denominator = 1.0 / _not_zero(1.0 + term * denominator)
        numerator = _not_zero(1.0 + term / numerator)
        change = numerator * denominator
        found *= change
        if step and abs(change - 1.0) < 1e-15:
            break
    return found - 1.0


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def t_tail(t: float, df: float) -> float:
    """How likely a Student's t with `df` degrees of freedom is to lie beyond ±|t| (two-sided).

    I_x(df ÷ 2, 1 ÷ 2) with x = df ÷ (df + t²): Abramowitz and Stegun, 26.7.1 and 26.5.27.
    """
    if math.isinf(t):
        return 0.0
    return incomplete_beta(df / 2, 0.5, df / (df + t * t))


@functools.cache
def t_quantile(confidence: float, df: float) -> float:
    """The t of which ±t holds `confidence` (0 to 1) of Student's distribution.

    By Newton's method from 0: the tail falls ever less steeply, so that no step goes too far.
    """
    beyond, t = 1.0 - confidence, 0.0
    for _ in range(_STEPS):
        step = (t_tail(t, df) - beyond) / (2 * _density(t, df))
        t += step
        if step <= 1e-12 * t:
            break
    return t


def _density(t: float, df: float) -> float:
    log_front = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(log_front - (df + 1) / 2 * math.log1p(t * t / df))


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
