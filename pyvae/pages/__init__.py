"""Trained runs as something to look at: `traverse` is a page of one run, `compare` one of several side by side."""

from pyvae.pages.compare import compare
from pyvae.pages.run import Run, run_of
from pyvae.pages.sheet import How
from pyvae.pages.traverse import traverse

__all__ = ["How", "Run", "compare", "run_of", "traverse"]
