"""How many standard errors an interval reaches to each side."""

import functools
import math

NORMAL_975 = 1.959964
"""Upper 97.5 % point of the normal distribution."""

_HALVINGS = 60
"""Of [0, π/2]: what is left of it is below a double's rounding."""


@functools.cache
def t_quantile(degrees: int, level: float = 0.95) -> float:
    """The t that a variable of Student's t of so many degrees of freedom stays within, to either side, with the
    probability `level`: the upper 97.5 % point for 0.95.

    For whole degrees the probability is a finite sum (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), which bisection
    inverts. Raises ValueError unless degrees is at least 1 and level is between 0 and 1.
    """
    if degrees < 1:
        raise ValueError(f"degrees must be at least 1, got {degrees}")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    low, high = 0.0, math.pi / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < level else (low, middle)
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _within(angle: float, degrees: int) -> float:
    """The probability that |t| is at most sqrt(degrees) tan(angle)."""
    sine, square = math.sin(angle), math.cos(angle) ** 2
    odd = degrees % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for k in range(degrees // 2):  # an odd series is (1, 2/3, 2·4/(3·5), …) cos^(2k+1), an even (1, 1/2, …) cos^(2k)
        total += term
        term *= square * (2 * k + 1 + odd) / (2 * k + 2 + odd)
    return (angle + sine * total) * 2 / math.pi if odd else sine * total
