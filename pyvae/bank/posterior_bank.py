"""A module that keeps every data point's posterior and asks minibatches' densities of all of them."""

import math
from collections.abc import Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from pyvae.bank.arguments import checked_index, checked_leading, checked_rows
from pyvae.bank.processes import rows_of_all_processes, several_processes
from pyvae.bank.rows import NEVER, latest, store
from pyvae.ops import KLDecomposition, LogDensity
from pyvae.ops.arguments import is_number, whole
from pyvae.ops.bank_log_density import bank_log_density
from pyvae.ops.gridded_marginals import takes_grids
from pyvae.ops.kl_decomposition import kl_parts
from pyvae.ops.minibatch_log_density import Method

STORED = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


class PosteriorBank(nn.Module):
    r"""The posteriors of all N data points as they were last seen, under which the densities log q(z) and log q(z_d) of
    a minibatch's samples are those of the whole data set, whatever the minibatch's size.

    .. math::
        q(z_i) = \frac 1N q(z_i | x_i) + \frac{N - 1}{N (F - 1)} \sum_{j \ne i} q(z_i | x_j)

    over the F rows in use, of which the minibatch's own are fresh. Where all are in use every row weighs 1 / N, and the
    value is exact but for rows that training has left behind. Rows carry no gradients, which is allowed: at a fixed z
    the mean of :math:`\nabla \log q(z)` over q(z) is 0. The sample's own row in the joint carries its own, as a control
    variate. docs/bank.md derives both, and says when a larger minibatch serves better.

    In training mode, also under torch.no_grad(), `log_density` and `kl_decomposition` store the minibatch's rows first;
    each call is an update. In evaluation mode they change nothing, and take samples of other data without an index:
    then every row in use weighs 1 / F. `forward` is `log_density`.

    Where torch.distributed runs, every process gets the rows of all, so that all have the same bank; it belongs beside
    the model that DistributedDataParallel wraps, which would send its buffers again at every step.

    Buffers, saved and moved with the module: `mu` and `logvar` [..., N, D]; `seen` [..., N], the update in which a row
    was stored, -1 for none; `updates` [...], how many there were.

    Args:
        dataset_size: N, the number of data points.
        latents: D.
        rows: how many stored rows to use at most, those of the last updates, as many as are whole, and the last one in
            any case; None for all.
        max_lag: how many updates ago a row may have been seen; None for any number. Of data in a new order each epoch
            rows are up to 2 N / M updates old.
        leading: leading axes, such as (K,) for K stacked models, each with rows of its own.
        dtype: how rows are stored. A half type takes half of the memory; a sample's own row is never rounded.
        method, rtol: as in pyvae.minibatch_log_density.
        synchronised: whether processes share their rows.

    Raises TypeError and ValueError for a size, dtype or method that is none.

    Example:
        >>> bank = PosteriorBank(dataset_size=1000, latents=2)
        >>> z = mu = logvar = torch.zeros(4, 2)
        >>> bank.log_density(z, mu, logvar, torch.tensor([3, 1, 4, 15])).joint[0]
        tensor(-1.8379)
        >>> int(bank.filled.sum())
        4
    """

    mu: Tensor
    logvar: Tensor
    seen: Tensor
    updates: Tensor

    def __init__(
        self,
        dataset_size: int,
        latents: int,
        *,
        rows: int | None = None,
        max_lag: int | None = None,
        leading: Sequence[int] = (),
        dtype: torch.dtype = torch.float32,
        method: Method = "auto",
        rtol: float = 1e-5,
        synchronised: bool = True,
    ) -> None:
        super().__init__()
        self.dataset_size = whole("dataset_size", dataset_size, least=1)
        self.latents = whole("latents", latents, least=1)
        self.rows = None if rows is None else whole("rows", rows, least=1)
        self.max_lag = None if max_lag is None else whole("max_lag", max_lag, least=0)
        if dtype not in STORED:
            raise TypeError(f"dtype must be torch.float32, float64, bfloat16 or float16, got {dtype!r}.")
        if method not in get_args(Method):
            raise ValueError(f"method must be 'auto', 'exact' or 'gridded', got {method!r}.")
        if not is_number(rtol) or not 0 < rtol < math.inf:
            raise ValueError(f"rtol must be a number greater than 0, got {rtol!r}.")
        if not isinstance(synchronised, bool):
            raise TypeError(f"synchronised must be True or False, got {synchronised!r}.")
        self.method, self.rtol, self.synchronised = method, float(rtol), synchronised
        axes = *checked_leading(leading), self.dataset_size
        for name in ("mu", "logvar"):
            self.register_buffer(name, torch.zeros(*axes, self.latents, dtype=dtype))
        self.register_buffer("seen", torch.full(axes, NEVER, dtype=torch.int64))
        self.register_buffer("updates", torch.zeros(axes[:-1], dtype=torch.int64))

    @property
    def filled(self) -> Tensor:
        """Which rows hold a posterior, bool [..., N]."""
        return self.seen != NEVER

    @property
    def age(self) -> Tensor:
        """How many updates there were since a row was stored, int64 [..., N]; -1 where there is none."""
        return (self.updates.unsqueeze(-1) - 1 - self.seen).masked_fill(~self.filled, NEVER)

    @property
    def in_use(self) -> Tensor:
        """Which rows densities are of, bool [..., N]: those filled, but for `max_lag` and `rows`."""
        use = self.filled
        if self.max_lag is not None:
            use = use & (self.age <= self.max_lag)
        if self.rows is not None and self.rows < self.dataset_size:
            use = use & latest(self.seen, self.rows)
        return use

    def update(self, index: Tensor, mu: Tensor, logvar: Tensor) -> None:
        """Stores the rows of these data points, detached, as those seen last. One update of each process is one in all.

        Of a data point that comes more than once the last row is kept; a row that is not finite, as after an overflow,
        or of a log-variance beyond ±170 is kept out until its data point is seen again.

        Args:
            index: the data points' numbers, from 0 to N - 1, integers [..., M].
            mu, logvar: their posteriors, [..., M, D], any floating dtype.

        Raises:
            TypeError: for an index without integers, or posteriors that are no floating tensors of one dtype.
            ValueError: for shapes that do not fit the bank, another device, and numbers out of range.
        """
        mu, logvar = checked_rows(self.mu, mu=mu, logvar=logvar)
        self._store(checked_index(self.seen, index, mu.shape[-2]), mu, logvar)

    @torch.no_grad()
    def _store(self, index: Tensor, mu: Tensor, logvar: Tensor) -> None:
        """`update` of what has been checked."""
        if self._gathers:
            index, mu, logvar = rows_of_all_processes(index, mu, logvar)
        store(self.mu, self.logvar, self.seen, self.updates, index, mu, logvar)
        self.updates += 1

    @property
    def _gathers(self) -> bool:
        return self.synchronised and several_processes()

    def log_density(
        self, z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor | None = None, *, store: bool | None = None
    ) -> LogDensity:
        """log q(z_i) and log q(z_id) of samples under the rows in use, the minibatch's own rows fresh.

        Gradients reach z and, through the joint, the sample's own mu and logvar; there are no second derivatives.

        Args:
            z: samples, [..., M, D], row i drawn from posterior i.
            mu, logvar: the posteriors, [..., M, D].
            index: whose they are: numbers of the data points, integers [..., M] or [M]. Where nothing is stored None
                says that they are none of the bank's.
            store: whether the rows are stored first; None is as the mode says.

        Returns:
            LogDensity(joint [..., M], marginals [..., M, D]), nats, float32 (float64 for float64 samples).

        Raises:
            TypeError, ValueError: as `update`; ValueError without an index where rows are to be stored, and for a bank
                without rows in use where there is no index either.
            NotImplementedError: for the method "gridded" with float64.
        """
        return self._densities(z, mu, logvar, index, store)[1]

    forward = log_density

    def kl_decomposition(
        self, z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor | None = None, *, store: bool | None = None
    ) -> KLDecomposition:
        """Mutual information, total correlation and dimension-wise KL per sample, [..., M], as pyvae.kl_decomposition
        has them, under the rows in use. Arguments and errors as those of `log_density`.
        """
        (z, mu, logvar), density = self._densities(z, mu, logvar, index, store)
        return kl_parts(z, mu, logvar, density)

    def _densities(
        self, z: Tensor, mu: Tensor, logvar: Tensor, index: Tensor | None, store: bool | None
    ) -> tuple[tuple[Tensor, Tensor, Tensor], LogDensity]:
        """The samples and posteriors in the dtype of the arithmetic, and the densities."""
        z, mu, logvar = checked_rows(self.mu, z=z, mu=mu, logvar=logvar)
        store = self.training if store is None else store
        if self.method == "gridded":
            takes_grids(self.method, z, mu)  # its refusal, before anything is stored
        if index is not None:
            index = checked_index(self.seen, index, mu.shape[-2])
        elif store:
            raise ValueError("index must be given where rows are stored: the numbers of the minibatch's data points.")
        else:
            index = self.seen[..., :0]
        if store:
            self._store(index, mu, logvar)
        # The bank's rows serve for the minibatch's own where they are these to the bit: not rounded, and not those of
        # another process.
        stored = store and self.mu.dtype in (z.dtype, torch.float64) and not self._gathers
        how: dict[str, Any] = {"method": self.method, "rtol": self.rtol, "stored": stored}
        return (z, mu, logvar), bank_log_density(z, mu, logvar, self.mu, self.logvar, index, self.in_use, **how)

    def extra_repr(self) -> str:
        leading = list(self.mu.shape[:-2])
        dtype = None if self.mu.dtype == torch.float32 else self.mu.dtype
        shown = {"rows": self.rows, "max_lag": self.max_lag, "leading": leading or None, "dtype": dtype}
        return ", ".join(
            [f"{self.dataset_size}, {self.latents}", *(f"{k}={v}" for k, v in shown.items() if v is not None)]
        )
