"""What stands in a figure that has nothing to draw: why there is nothing."""

import textwrap

from matplotlib.axes import Axes

from pyvae.plotting.style import INK

WIDTH = 44
"""Letters of a line: they fit into the narrowest panel."""


def untold(axes: Axes, why: str) -> None:
    """The reason in place of axes."""
    text = textwrap.fill(f"This study cannot tell: {why}.", WIDTH)
    axes.text(0.5, 0.5, text, ha="center", va="center", color=INK, fontsize=9, transform=axes.transAxes)
    axes.set_axis_off()
