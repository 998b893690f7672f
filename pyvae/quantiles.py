"""How many standard errors a 95 % interval reaches to each side."""

NORMAL_975 = 1.959964
"""Upper 97.5 % point of the normal distribution."""

# Upper 97.5 % points of Student's t for 1, 2, ... degrees of freedom.
_T_975 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def t_quantile(degrees: int) -> float:
    """Upper 97.5 % point of Student's t: a table to 10 degrees of freedom, Fisher's expansion (1e-4)
    beyond.
    """
    if degrees < 1:
        raise ValueError(f"degrees must be at least 1, got {degrees}")
    if degrees <= len(_T_975):
        return _T_975[degrees - 1]
    z, v = NORMAL_975, degrees
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / v + second / v**2 + third / v**3
