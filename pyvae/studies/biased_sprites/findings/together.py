"""What a sentence rests on that speaks of several comparisons: intervals that hold for all of them at once."""

from pyvae.plotting.numbers import decimals
from pyvae.report.statistics import simultaneous

ALONE = "Intervals of the details are of 95 %, each by itself, not of all at once."


def at_once(comparisons: int) -> str:
    """The intervals in words: "intervals of 99.8 %, so that all 30 hold at once"."""
    if comparisons < 2:
        return "an interval of 95 %"
    every = "both" if comparisons == 2 else f"all {comparisons}"
    return f"intervals of {decimals(100 * simultaneous(comparisons), 1)} %, so that {every} hold at once"
