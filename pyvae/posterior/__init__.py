"""Diagonal Gaussian posteriors as encoders write them."""

from pyvae.posterior.posterior import Posterior
from pyvae.posterior.spread import ACTIVATIONS, SPREADS, Spread

__all__ = ["ACTIVATIONS", "SPREADS", "Posterior", "Spread"]
