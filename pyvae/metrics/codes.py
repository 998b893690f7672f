"""The codes of a data set, as every metric takes them."""

from functools import cached_property

from pyvae.aggregate import AggregatePosterior, aggregate_posterior
from pyvae.aggregate.tables import Rows


class Codes:
    """One trained model's codes of N data points with D latents.

    Args:
        mu: posterior means, [N, D]: a tensor, a numpy array or memory map, or the path of a .npy file; float32,
            float64, or a half type, which is computed in float32. Or an AggregatePosterior, which holds both.
        logvar: posterior log-variances of the same shape and dtype. Without them the codes are points, the means.

    A metric takes Codes, or what stands for them: an array, tensor or path of means, or an AggregatePosterior. Metrics
    that ask for posteriors refuse points in one sentence.
    """

    def __init__(self, mu: Rows | AggregatePosterior, logvar: Rows | None = None) -> None:
        self.mu, self.logvar = mu, logvar

    @cached_property
    def posterior(self) -> AggregatePosterior:
        """The aggregate posterior; errors as pyvae.aggregate_posterior, and ValueError for codes that are points."""
        if isinstance(self.mu, AggregatePosterior):
            return self.mu
        if self.logvar is None:
            raise ValueError("codes must have a logvar for this metric: pass Codes(mu, logvar)")
        return aggregate_posterior(self.mu, self.logvar)


def codes_of(codes: Codes | Rows | AggregatePosterior) -> Codes:
    """`codes`, or Codes of what stands for them."""
    return codes if isinstance(codes, Codes) else Codes(codes)
