"""How numbers are printed, in figures and in texts."""


def decimals(value: float, digits: int, *, signed: bool = False) -> str:
    """`value` in so many decimals, with a minus sign where a hyphen would be, and none before a zero."""
    return f"{round(value, digits) + 0.0:{'+' if signed else ''}.{digits}f}".replace("-", "−")
