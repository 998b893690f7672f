"""A sweep as one page: the best cells, maps over the axes, trade-offs, curves, pictures, and a table of all models."""

from pyvae.sweeps.report.show import Show
from pyvae.sweeps.report.write import write_report

__all__ = ["Show", "write_report"]
