"""The aggregate posterior of a whole data set, streamed: densities, samples and information."""

from pyvae.aggregate.estimate import Estimate
from pyvae.aggregate.posterior import AggregateKL, AggregatePosterior, Samples, aggregate_posterior

__all__ = ["AggregateKL", "AggregatePosterior", "Estimate", "Samples", "aggregate_posterior"]
