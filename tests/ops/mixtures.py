"""Mixtures for the gridded marginals: regimes by name, random ones, and the contract each has to keep."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from pyvae.ops.gridded_marginals import gridded_marginals
from tests.instruction_sets import CUDA
from tests.ops.contract import assert_gradients, assert_values

MAX = torch.finfo(torch.float32).max
SURE = math.log(2) * MAX
"""Exponents, and what gradients of logvar sum, are in base 2: beyond this the last of float32's range is infinite."""
# The numbers of csrc/math/estimators.h.
ESTIMATORS = {"full": 0, "mws": 1, "mss": 2, "balanced": 3}


@dataclass(frozen=True)
class Mixture:
    """Arguments of minibatch_log_density, float32."""

    z: Tensor  # [..., Q, D]
    mu: Tensor  # [..., M, D]
    logvar: Tensor  # [..., M, D]
    dataset_size: int | None = None
    estimator: str = "full"
    rtol: float = 1e-5

    @property
    def inputs(self) -> list[Tensor]:
        return [self.z, self.mu, self.logvar]

    def gridded(self, z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        """The marginals, from grids."""
        return (gridded_marginals(z, mu, logvar, self._size, ESTIMATORS[self.estimator], self.rtol)[0],)

    def plain(self, z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        """The marginals, in plain torch."""
        options = {"dataset_size": self.dataset_size, "estimator": self.estimator}
        return (reference.minibatch_log_density(z, mu, logvar, **options)[1],)

    def exact(self, z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        """The marginals, for float64: logsumexp's own gradient loses the weights of densities below e^-1e15."""
        pairs = self._pairs(z, mu, logvar)
        peak = pairs.detach().amax(-2, keepdim=True)
        return ((peak + torch.exp(pairs - peak).sum(-2, keepdim=True).log()).squeeze(-2),)

    def rounding(self) -> Tensor:
        """What the weights of a marginal's nearest posteriors err by, relatively, for float32's exponents: [..., Q, D].

        Far from all posteriors an exponent is large, and the weights are a rounding of it apart. One posterior that is
        nearest by far has all the weight in any case.
        """
        pairs = self._pairs(*(t.double() for t in self.inputs))
        peak = pairs.amax(-2, keepdim=True)
        resolution = 2.0**-21 * peak.abs()
        rivals = (pairs < peak) & (pairs > peak - resolution - 16)
        return torch.where(rivals.any(-2), resolution.squeeze(-2), 0.0)

    def tiers(self) -> Tensor:
        """How each marginal is made: 0 by grids, 1 from the components within reach, 2 from all."""
        return gridded_marginals(*self.inputs, self._size, ESTIMATORS[self.estimator], self.rtol)[2]

    def terms(self, marginals: Tensor, cotangent: Tensor) -> list[Tensor]:
        """What the gradients of z, mu and logvar are sums of, in absolute value; in the marginals' float64."""
        z, mu, logvar = (t.double() for t in self.inputs)
        return gradient_terms(self._weights, z, mu, logvar, marginals, cotangent)

    def _pairs(self, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return reference.log_normal(z.unsqueeze(-2), mu.unsqueeze(-3), logvar.unsqueeze(-3)) + self._weights.log()

    @property
    def _weights(self) -> Tensor:
        rows, columns = self.z.shape[-2], self.mu.shape[-2]
        return reference.pair_weights(rows, columns, self.dataset_size, self.estimator).unsqueeze(-1)

    @property
    def _size(self) -> int:
        return 1 if self.dataset_size is None else self.dataset_size


def gradient_terms(
    weights: Tensor, z: Tensor, mu: Tensor, logvar: Tensor, densities: Tensor, cotangent: Tensor
) -> list[Tensor]:
    """Sums of |cotangent| softmax (1 + |u|) / sigma over the columns and over the rows, and with (1 + u^2) / 2.

    `densities` [..., Q, D], with weights [..., Q, M, 1], are the marginals, or [..., Q, 1] the joint.
    """
    z, mu, logvar = z.unsqueeze(-2), mu.unsqueeze(-3), logvar.unsqueeze(-3)
    pairs = reference.log_normal(z, mu, logvar)
    pairs = pairs.sum(-1, keepdim=True) if densities.shape[-1] == 1 else pairs
    share = weights * torch.exp(pairs - densities.unsqueeze(-2)).clamp_max(1 / weights)
    share = cotangent.unsqueeze(-2).abs() * share
    u = (z - mu).abs() * torch.exp(-0.5 * logvar)
    slope = share * (1 + u) * torch.exp(-0.5 * logvar)
    return [slope.sum(-2), slope.sum(-3), (share * (1 + u * u) / 2).sum(-3)]


# --- Regimes by name --------------------------------------------------------------------------------------------------


def _samples(mu: Tensor, logvar: Tensor) -> list[Tensor]:
    return [t.float() for t in (mu + torch.exp(0.5 * logvar) * torch.randn_like(mu), mu, logvar)]


def _like(sigma: float, spread: float = 0.0) -> Callable[[int, int], list[Tensor]]:
    """Means of a standard normal; deviations around sigma, whose logarithm has the deviation `spread`."""

    def draw(m: int, d: int) -> list[Tensor]:
        return _samples(torch.randn(m, d), 2 * math.log(sigma) + 2 * spread * torch.randn(m, d))

    return draw


def _mixed(m: int, d: int) -> list[Tensor]:
    return _samples(torch.randn(m, d), 2 * math.log(10) * (4 * torch.rand(m, d) - 3))


def _collapsed(m: int, d: int) -> list[Tensor]:
    mu, logvar = torch.randn(m, d), torch.full((m, d), 2 * math.log(0.05))
    mu[:, ::2], logvar[:, ::2] = 1e-3 * mu[:, ::2], 1e-3 * torch.randn(m, d)[:, ::2]
    return _samples(mu, logvar)


def _outliers(m: int, d: int) -> list[Tensor]:
    mu, logvar = torch.randn(m, d), -3 + 0.5 * torch.randn(m, d)
    mu[::97] *= 1e6
    logvar[::89] = -27.0
    return _samples(mu, logvar)


def _duplicated(m: int, d: int) -> list[Tensor]:
    few, logvar = torch.randn(max(m // 8, 1), d), torch.full((m, d), -4.0)
    return _samples(few[torch.arange(m) % len(few)], logvar)


def _one_point(m: int, d: int) -> list[Tensor]:
    return _samples(torch.full((m, d), 0.7), torch.full((m, d), -2.0))


# The posteriors that a training run passes through, and what it should not.
REGIMES: dict[str, Callable[[int, int], list[Tensor]]] = {
    "one sigma": _like(0.3),
    "broad": _like(3.0, 0.3),
    "narrow": _like(1e-3, 0.3),
    "isolated": _like(1e-4),
    "mixed over four decades": _mixed,
    "collapsed": _collapsed,
    "outliers": _outliers,
    "duplicated": _duplicated,
    "all mass on one point": _one_point,
}


# --- Random regimes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recipe:
    """What a random mixture is made of. Means are scale * (what `means` names) + shift."""

    means: str  # a key of MEANS
    scale: float
    shift: float
    log_sigma: float  # middle of the standard deviations
    spread: float  # deviation of their logarithms
    strays: str  # a key of STRAYS: a few sigmas of another size
    queries: str  # a key of QUERIES: what becomes of samples
    seed: int
    generator: torch.Generator = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "generator", torch.Generator().manual_seed(self.seed))

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=torch.float64)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, dtype=torch.float64)

    def draw(self, leading: Sequence[int], queries: int, m: int, d: int) -> list[Tensor]:
        """z [..., Q, D], mu and logvar [..., M, D]."""
        mu = self.scale * MEANS[self.means](self, (*leading, m, d)) + self.shift
        logvar = 2 * (self.log_sigma + self.spread * self.normal(*leading, m, d))
        logvar = STRAYS[self.strays](self, logvar).clamp(-100, 100)
        rows = torch.arange(queries) % m
        own, deviation = mu[..., rows, :], torch.exp(0.5 * logvar[..., rows, :])
        z = own + deviation * self.normal(*leading, queries, d)
        return [t.float() for t in (QUERIES[self.queries](self, z), mu, logvar)]


def _some(values: Tensor, where: Tensor, put: Tensor | float) -> Tensor:
    return torch.where(where, torch.as_tensor(put, dtype=values.dtype), values)


def _far(r: Recipe, values: Tensor) -> Tensor:
    return _some(values, r.uniform(*values.shape) < 0.02, 1e6 * values)


MEANS: dict[str, Callable[[Recipe, tuple[int, ...]], Tensor]] = {
    "normal": lambda r, shape: r.normal(*shape),
    "rounded": lambda r, shape: torch.round(4 * r.normal(*shape)) / 4,
    "Cauchy": lambda r, shape: torch.tan(math.pi * (r.uniform(*shape) - 0.5)),
    "outliers": lambda r, shape: _far(r, r.normal(*shape)),
    "one point": lambda r, shape: r.normal(*shape[:-2], 1, shape[-1]).expand(shape),
    "two clusters": lambda r, shape: r.normal(*shape) + 1e3 * (r.uniform(*shape) < 0.5),
    "grid of equal steps": lambda r, shape: torch.linspace(-1, 1, shape[-2], dtype=torch.float64)[:, None].expand(
        shape
    ),
}
STRAYS: dict[str, Callable[[Recipe, Tensor], Tensor]] = {
    "none": lambda r, logvar: logvar,
    "a few": lambda r, logvar: _some(logvar, r.uniform(*logvar.shape) < 0.02, float(60 * r.uniform(1) - 40)),
    "a few levels": lambda r, logvar: logvar + 4 * torch.floor(3 * r.uniform(*logvar.shape)),
    "everything": lambda r, logvar: 200 * r.uniform(*logvar.shape) - 100,
}
QUERIES: dict[str, Callable[[Recipe, Tensor], Tensor]] = {
    "samples": lambda r, z: z,
    "stretched": lambda r, z: _some(z, r.uniform(*z.shape) < 0.1, z * 10.0 ** float(4 * r.uniform(1))),
    "far": lambda r, z: _some(z, r.uniform(*z.shape) < 0.1, float(1e10 * r.normal(1))),
    "one": lambda r, z: z[..., :1, :].expand(z.shape).clone(),
}

# --- The contract -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Marginals and gradients of one implementation."""

    marginals: Tensor
    gradients: list[Tensor]


def outcome(function: Callable[..., tuple[Tensor]], inputs: Sequence[Tensor], cotangent: Tensor) -> Outcome:
    leaves = [t.detach().clone().requires_grad_() for t in inputs]
    (marginals,) = function(*leaves)
    return Outcome(marginals.detach(), list(torch.autograd.grad(marginals, leaves, cotangent.to(marginals.dtype))))


def assert_contract(case: Mixture, *isas: str) -> Tensor:
    """Values and gradients of the grids within the gridded row of the accuracy contract, on these instruction sets.

    Returns the errors of the values over 1 + |value|, on the last.
    """
    (want,) = case.exact(*(t.double() for t in case.inputs))
    within, beyond = want.abs() <= SURE, want.abs() > MAX
    rounding = case.rounding()
    # A density that float32 has no logarithm for has no gradient that means anything, nor have weights that are luck.
    means_something = within & (rounding < 1e-2)
    cotangent = torch.randn(want.shape, generator=torch.Generator().manual_seed(0)) * means_something
    exact = outcome(case.exact, [t.double() for t in case.inputs], cotangent)
    plain = outcome(case.plain, case.inputs, cotangent)
    terms = case.terms(want, cotangent.double() * (1 + rounding / (10 * case.rtol)))
    for isa in isas or (pyvae.cpu_isa(),):
        got = _outcome_on(isa, case, cotangent)
        assert bool((got.marginals[beyond].double() == want[beyond].sign() * math.inf).all())
        assert_values(got.marginals[within], plain.marginals[within], want[within], case.rtol)
        _assert_gradients(got.gradients, plain.gradients, exact.gradients, case.rtol, terms)
    return (got.marginals[within].double() - want[within]).abs() / (1 + want[within].abs())


def _outcome_on(isa: str, case: Mixture, cotangent: Tensor) -> Outcome:
    """On an instruction set, or on the GPU; brought back to the CPU."""
    if isa == CUDA:
        there = outcome(case.gridded, [t.to(CUDA) for t in case.inputs], cotangent.to(CUDA))
        return Outcome(there.marginals.cpu(), [gradient.cpu() for gradient in there.gradients])
    before = pyvae.cpu_isa()
    pyvae.set_cpu_isa(isa)
    try:
        return outcome(case.gridded, case.inputs, cotangent)
    finally:
        pyvae.set_cpu_isa(before)


def _assert_gradients(
    got: list[Tensor], plain: list[Tensor], exact: list[Tensor], rtol: float, terms: list[Tensor]
) -> None:
    """The contract on what float32 has room for; what it has not is to be infinite.

    Between the two are sums that fit while a partial one, in some order, does not: nothing is asked of them.
    """
    beyond = [g.abs() > MAX for g in exact]
    # Terms are made from float64 densities, in which a pair's weight is lost where they are as large.
    fits = [torch.maximum(t, g.abs()) <= SURE for t, g in zip(terms, exact, strict=True)]
    assert all(bool(g[b].isinf().all()) for g, b in zip(got, beyond, strict=True))
    kept = [[g[f] for g, f in zip(side, fits, strict=True)] for side in (got, plain, exact, terms)]
    assert_gradients(*kept[:3], rtol, kept[3])
