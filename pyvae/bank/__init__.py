"""The posteriors of all data points, kept from when each was last seen: docs/bank.md."""

from pyvae.bank.posterior_bank import PosteriorBank

__all__ = ["PosteriorBank"]
