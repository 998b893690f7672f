"""The ops as data: what a promise made for every op (docs/reliability.md) is checked on; who adds one adds it here."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae.ops import reference
from pyvae.ops.joint_log_density import joint_log_density
from pyvae.ops.reparameterize_moments import Moments, reparameterize_moments
from pyvae.ops.seeds import seed_tensor
from tests.instruction_sets import CUDA
from tests.ops.mixtures import gradient_terms
from tests.ops.stems import CUDA_OPS, FUNCTIONS, stem_of

Function = Callable[..., tuple[Tensor, ...]]
POSTERIOR, PRIOR = ("mu", "logvar"), ("prior_mu", "prior_logvar")


@dataclass(frozen=True)
class Op:
    """An op in one of its uses, on tensors [..., M, D] of one shape.

    `plain(*inputs)` is the function in plain torch that goes with these inputs, in the dtype of its own arguments.
    `reach[k]` says which results an element of input k may touch besides its own row: "row" (its own row of everything
    only), "all" (every row of its batch entry). `rtol` is what grids may add to the errors; `terms` gives what each
    gradient is a sum of, in absolute value, where terms can cancel, and `value_terms` the same of each result.
    """

    name: str
    function: Function
    plain: Callable[..., Function]
    arguments: tuple[str, ...]
    reach: tuple[str, ...]
    dtypes: tuple[torch.dtype, ...] = (torch.float32, torch.float64)
    rtol: float = 0.0
    terms: Callable[..., Sequence[Tensor] | None] = lambda cotangents, *inputs: None
    value_terms: Callable[..., Sequence[Tensor | None]] = lambda *inputs: itertools.repeat(None)

    @property
    def stem(self) -> str:
        return stem_of(self.name)

    @property
    def has_pairs(self) -> bool:
        """Whether rows are compared with all posteriors."""
        return "z" in self.arguments

    @property
    def has_marginals(self) -> bool:
        """Whether the last result is a density of each latent."""
        return self.stem in ("minibatch_log_density", "gridded_marginals")

    def __str__(self) -> str:
        return self.name

    def inputs(self, *shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """Samples and posteriors as a model makes them. Skips the test where the op has no kernels for their device."""
        if torch.get_default_device().type == CUDA and self.stem not in CUDA_OPS:
            pytest.skip(f"{self.stem} has no CUDA kernels")
        values = {}
        for prior in ("", "prior_"):
            values[f"{prior}mu"] = torch.randn(shape, dtype=dtype)
            values[f"{prior}logvar"] = torch.randn(shape, dtype=dtype) - 1
        values["z"] = values["mu"] + torch.exp(0.5 * values["logvar"]) * torch.randn(shape, dtype=dtype)
        return [values[name] for name in self.arguments]


def _noise(mu: Tensor, logvar: Tensor) -> Tensor:
    # The op's own, in the precision it has for these inputs: test_reparameterize.py holds it against float64.
    zeros = torch.zeros(torch.broadcast_shapes(mu.shape, logvar.shape), dtype=mu.dtype)
    return pyvae.reparameterize(zeros, zeros, seed=11)


def _plain_reparameterize(mu: Tensor, logvar: Tensor) -> Function:
    eps = _noise(mu, logvar)
    return lambda mu, logvar: (reference.reparameterize(mu, logvar, eps.to(mu.dtype)),)


def _plain_reparameterize_with_kl(mu: Tensor, logvar: Tensor) -> Function:
    sample = _plain_reparameterize(mu, logvar)
    return lambda mu, logvar: (*sample(mu, logvar), reference.gaussian_kl(mu, logvar).sum(-1))


def _terms_with_kl(cotangents: Sequence[Tensor], mu: Tensor, logvar: Tensor) -> list[Tensor]:
    """What the gradients of mu and logvar are sums of: what comes through z, and what through the KL."""
    grad_z, grad_kl = cotangents[0].double(), cotangents[1].double().unsqueeze(-1)
    through_noise = 0.5 * torch.exp(0.5 * logvar.double()) * _noise(mu, logvar).double()
    through_kl = 0.5 * torch.expm1(logvar.double())
    return [
        grad_z.abs() + (grad_kl * mu.double()).abs(),
        (grad_z * through_noise).abs() + (grad_kl * through_kl).abs(),
    ]


def _moments(name: str, *, packed: bool, **reading: float) -> Op:
    """Two heads, or both in one tensor, read in this way."""

    def as_read(mu: Tensor, logvar: Tensor) -> tuple[Tensor, Tensor | None, Moments]:
        how = Moments(mu.dim() - 1, **reading, channels=mu.shape[-1], axis=mu.dim() - 1)
        return (torch.cat([mu, logvar], -1), None, how) if packed else (mu, logvar, how)

    def function(mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        *moments, how = as_read(mu, logvar)
        return reparameterize_moments(*moments, seed_tensor(11, None, mu), how, rounded=True)

    def plain(mu: Tensor, logvar: Tensor) -> Function:
        eps = _noise(mu, logvar)

        def of_moments(*heads: Tensor) -> tuple[Tensor, ...]:
            *moments, how = as_read(*heads)
            return reference.reparameterize_moments(*moments, eps.to(heads[0].dtype), **asdict(how))

        return of_moments

    def terms(cotangents: Sequence[Tensor], mu: Tensor, spread: Tensor) -> list[Tensor]:
        how = Moments(0, **reading)
        of_mean, of_logvar = _terms_with_kl(cotangents, mu, how.scale * spread.clamp(how.low, how.high))
        return [of_mean, torch.where((spread < how.low) | (spread > how.high), 0, how.scale * of_logvar)]

    return Op(f"reparameterize_moments-{name}", function, plain, POSTERIOR, ("row", "row"), terms=terms)


ESTIMATORS = ("full", "mws", "mss", "balanced")
"""In the order of their numbers in csrc/math/estimators.h."""


def _options(estimator: str, m: int) -> dict[str, object]:
    """Of an estimator, or of "<estimator>-weighed", whose posteriors have importance weights by their places."""
    estimator, *weighed = estimator.split("-")
    options = {"dataset_size": None if estimator == "full" else 3 * m + 5, "estimator": estimator}
    return {**options, "log_weights": 2 * torch.arange(m).double().cos()} if weighed else options


def _terms(estimator: str, kinds: Sequence[str], cotangents: Sequence[Tensor], *inputs: Tensor) -> list[Tensor]:
    """What the gradients of z, mu and logvar are sums of where the results are these of the two densities."""
    z, mu, logvar = (t.double() for t in inputs)
    options = _options(estimator, mu.shape[-2])
    weights = reference.pair_weights(z.shape[-2], mu.shape[-2], **options).unsqueeze(-1)
    joint, marginals = reference.minibatch_log_density(z, mu, logvar, **options)
    densities = {"joint": joint.unsqueeze(-1), "marginals": marginals}
    sums = [
        gradient_terms(weights, z, mu, logvar, densities[kind], cotangent.double().view(densities[kind].shape))
        for kind, cotangent in zip(kinds, cotangents, strict=True)
    ]
    return [sum(parts) for parts in zip(*sums, strict=True)]


def _density(estimator: str) -> Op:
    def function(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.minibatch_log_density(z, mu, logvar, **_options(estimator, mu.shape[-2]), method="exact"))

    def plain(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(z, mu, logvar, **_options(estimator, mu.shape[-2]))

    terms = functools.partial(_terms, estimator, ("joint", "marginals"))
    name = f"minibatch_log_density-{estimator}"
    return Op(name, function, lambda *inputs: plain, ("z", "mu", "logvar"), ("row", "all", "all"), terms=terms)


def _joint_density(estimator: str) -> Op:
    def function(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return (joint_log_density(z, mu, logvar, 3 * mu.shape[-2] + 5, ESTIMATORS.index(estimator)),)

    def plain(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(z, mu, logvar, **_options(estimator, mu.shape[-2]))[:1]

    terms = functools.partial(_terms, estimator, ("joint",))
    name = f"joint_log_density-{estimator}"
    return Op(name, function, lambda *inputs: plain, ("z", "mu", "logvar"), ("row", "all", "all"), terms=terms)


def _marginals(estimator: str) -> Op:
    def function(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        options = _options(estimator, mu.shape[-2])
        return (pyvae.minibatch_log_density(z, mu, logvar, **options, method="gridded").marginals,)

    def plain(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return (reference.minibatch_log_density(z, mu, logvar, **_options(estimator, mu.shape[-2]))[1],)

    return Op(
        f"gridded_marginals-{estimator}",
        function,
        lambda *inputs: plain,
        ("z", "mu", "logvar"),
        ("row", "all", "all"),
        (torch.float32,),
        1e-5,
        functools.partial(_terms, estimator, ("marginals",)),
    )


def _stacked(affine: Callable[..., Tensor], z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
    """Rows z under the maps whose weights are the rows mu: each row meets every one of its batch entry."""
    rows, latents = z.shape[-2:]
    x, weight = (t.reshape(-1, rows, latents) for t in (z, mu))
    # The largest, so that the order of the latents changes nothing.
    bias = logvar.amax(-1).reshape(-1, 1, rows)
    return (affine(x, weight.mT, bias).reshape(*z.shape[:-1], rows),)


def _plain_affine(relu: bool, *inputs: Tensor) -> Function:
    if not relu:
        return functools.partial(_stacked, reference.stacked_affine)
    # Where the op's own output is above 0, in the precision that it has for these inputs: beside 0 rounding decides.
    (y,) = _stacked(functools.partial(pyvae.stacked_affine, relu=True), *inputs)
    return lambda *t: (torch.where(y == 0, 0, *_stacked(reference.stacked_affine, *t)),)


def _affine_terms(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
    absolute = (t.double().abs() for t in (z, mu))
    (products,) = _stacked(reference.stacked_affine, *absolute, torch.zeros_like(logvar, dtype=torch.float64))
    return (products + logvar.double().amax(-1).abs().unsqueeze(-2),)


def _affine_gradient_terms(cotangents: Sequence[Tensor], *inputs: Tensor) -> list[Tensor]:
    leaves = [t.double().abs().requires_grad_() for t in inputs[:2]] + [inputs[2].double().requires_grad_()]
    (y,) = _stacked(reference.stacked_affine, *leaves)
    return list(torch.autograd.grad(y, leaves, cotangents[0].double().abs()))


def _stacked_affine(relu: bool) -> Op:
    return Op(
        f"stacked_affine{'-relu' if relu else ''}",
        functools.partial(_stacked, functools.partial(pyvae.stacked_affine, relu=relu)),
        functools.partial(_plain_affine, relu),
        ("z", "mu", "logvar"),
        ("row", "all", "all"),
        terms=_affine_gradient_terms,
        value_terms=_affine_terms,
    )


def _discrepancy(mmd: Callable[..., Tensor], z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
    """That of the rows z and mu from the rows mu and logvar, two of each at least, for every row."""
    value = mmd(torch.cat([z, mu], -2), torch.cat([mu, logvar], -2))
    # In float64, so that the cotangent, torch's sum over rows, does not depend on how theirs lie in memory.
    return (value.double().unsqueeze(-1).expand(z.shape[:-1]).to(value.dtype),)


def _discrepancy_terms(options: dict[str, object], cotangents: Sequence[Tensor], *inputs: Tensor) -> list[Tensor]:
    """What the gradients are sums of: the slope of every pair's kernel, in absolute value."""
    z, mu, logvar = (t.double() for t in inputs)
    x, y, rows = torch.cat([z, mu], -2), torch.cat([mu, logvar], -2), z.shape[-2]
    cotangent = cotangents[0].double().sum(-1).abs()[..., None, None]

    def slopes(a: Tensor, b: Tensor, weight: float) -> Tensor:
        apart = (a.unsqueeze(-2) - b.unsqueeze(-3)).requires_grad_()
        kernels = sum(
            torch.exp(-apart.square().sum(-1) / c) if options["kernel"] == "rbf" else c / (c + apart.square().sum(-1))
            for c in options["scales"]
        )
        (slope,) = torch.autograd.grad(kernels.sum() / len(options["scales"]), apart)
        return cotangent * weight * slope.abs().sum(-2)

    n = 2 * rows
    within, between = 2 / (n * (n - 1)), 2 / (n * n)
    of_x = slopes(x, x, within) + slopes(x, y, between)
    of_y = slopes(y, y, within) + slopes(y, x, between)
    return [of_x[..., :rows, :], of_x[..., rows:, :] + of_y[..., :rows, :], of_y[..., rows:, :]]


def _squared_mmd(kernel: str, *scales: float) -> Op:
    options = {"kernel": kernel, "scales": scales}
    plain = functools.partial(_discrepancy, functools.partial(reference.squared_mmd, **options))
    return Op(
        f"squared_mmd-{kernel}",
        functools.partial(_discrepancy, functools.partial(pyvae.squared_mmd, **options)),
        lambda *inputs: plain,
        ("z", "mu", "logvar"),
        ("all", "all", "all"),
        terms=functools.partial(_discrepancy_terms, options),
    )


USES = [
    Op(
        "reparameterize",
        lambda mu, logvar: (pyvae.reparameterize(mu, logvar, seed=11),),
        _plain_reparameterize,
        POSTERIOR,
        ("row", "row"),
    ),
    Op(
        "gaussian_kl",
        lambda *t: (pyvae.gaussian_kl(*t),),
        lambda *inputs: lambda *t: (reference.gaussian_kl(*t).sum(-1),),
        POSTERIOR,
        ("row", "row"),
    ),
    Op(
        "gaussian_kl-none",
        lambda *t: (pyvae.gaussian_kl(*t, reduction="none"),),
        lambda *inputs: lambda *t: (reference.gaussian_kl(*t),),
        POSTERIOR,
        ("row", "row"),
    ),
    Op(
        "gaussian_kl-number",
        lambda *t: (pyvae.gaussian_kl(*t, 0.5, -1.0),),
        lambda *inputs: lambda *t: (reference.gaussian_kl(*t, 0.5, -1.0).sum(-1),),
        POSTERIOR,
        ("row", "row"),
    ),
    Op(
        "gaussian_kl-prior",
        lambda *t: (pyvae.gaussian_kl(*t),),
        lambda *inputs: lambda *t: (reference.gaussian_kl(*t).sum(-1),),
        POSTERIOR + PRIOR,
        ("row",) * 4,
    ),
    Op(
        "gaussian_kl-prior-none",
        lambda *t: (pyvae.gaussian_kl(*t, reduction="none"),),
        lambda *inputs: lambda *t: (reference.gaussian_kl(*t),),
        POSTERIOR + PRIOR,
        ("row",) * 4,
    ),
    Op(
        "reparameterize_with_kl",
        lambda mu, logvar: tuple(pyvae.reparameterize_with_kl(mu, logvar, seed=11)),
        _plain_reparameterize_with_kl,
        POSTERIOR,
        ("row", "row"),
        terms=_terms_with_kl,
    ),
    _moments("heads", packed=False),
    _moments("packed", packed=True, scale=2.0, low=-3.0, high=2.0),
    *map(_density, (*ESTIMATORS, "mws-weighed", "balanced-weighed")),
    *map(_joint_density, ESTIMATORS),
    *map(_marginals, ("full", "mss")),
    *map(_stacked_affine, (False, True)),
    _squared_mmd("rbf", 8.0),
    _squared_mmd("imq", 0.5, 8.0, 128.0),
]

assert sorted({op.stem for op in USES}) == FUNCTIONS
CUDA_USES = [op for op in USES if op.stem in CUDA_OPS]

# --- The ops as they are registered -----------------------------------------------------------------------------------

OPCHECK_SHAPES = [(1, 1), (9, 4), (2, 3, 5), (2, 1, 4, 3), (17, 1), (0, 3)]
DTYPES = [torch.float32, torch.float64]


def with_gradients(*tensors: Tensor) -> list[Tensor]:
    return [t.requires_grad_() for t in tensors]


def reparameterize_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype in itertools.product(OPCHECK_SHAPES, DTYPES):
        for seed_axes in (0, 1):
            mu, logvar = with_gradients(torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype))
            yield mu, logvar, torch.arange(torch.Size(shape[:seed_axes]).numel()).view(shape[:seed_axes])


def reparameterize_moments_inputs() -> Iterator[tuple[Any, ...]]:
    """Two heads with a seed a row, both packed, and one spread for all means."""
    for shape, dtype in itertools.product(OPCHECK_SHAPES, (*DTYPES, torch.bfloat16)):
        *leading, latents = shape
        how = len(leading), latents, len(leading), 2.0, -1.0, 1.0
        yield *with_gradients(*torch.randn(2, *shape).to(dtype)), torch.arange(shape[0]), *how, True
        for spreads in (latents, 1):
            (moments,) = with_gradients(torch.randn(*leading, latents + spreads, dtype=dtype))
            yield moments, None, torch.tensor(11), *how, spreads == 1


def gaussian_kl_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype in itertools.product(OPCHECK_SHAPES, DTYPES):
        for prior, sum_latents in ((False, True), (True, False), (True, True)):
            tensors = with_gradients(*(torch.randn(shape, dtype=dtype) for _ in range(4)))
            yield (*(tensors if prior else [*tensors[:2], None, None]), sum_latents)


def density_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype, estimator in itertools.product(OPCHECK_SHAPES[:-1], DTYPES, range(4)):
        scores = estimator % 2 == 0 and torch.get_default_device().type == "cpu"
        yield (*with_gradients(*(torch.randn(shape, dtype=dtype) for _ in range(3))), 100, estimator, scores)


def gridded_marginals_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, estimator in itertools.product([*OPCHECK_SHAPES[:-1], (70, 2)], range(4)):
        yield (*with_gradients(*(torch.randn(shape) for _ in range(3))), 100, estimator, 1e-5)


def stacked_affine_inputs() -> Iterator[tuple[Any, ...]]:
    for shape, dtype, relu in itertools.product(OPCHECK_SHAPES, DTYPES, (False, True)):
        *leading, inputs = shape[:-2] + shape[-1:]
        sizes = shape, (*leading, inputs, 3), (*leading, 1, 3)
        yield (*with_gradients(*(torch.randn(size, dtype=dtype) for size in sizes)), relu)


def squared_mmd_inputs() -> Iterator[tuple[Any, ...]]:
    # A backward is called for what a forward was not told of: here one of the two, or both.
    told = ((False, False), (True, False), (False, True))
    for shape, dtype, kernel, scores in itertools.product(OPCHECK_SHAPES, DTYPES, (0, 1), told):
        *leading, rows, latents = shape
        sizes = (*leading, rows + 2, latents), (*leading, rows + 3, latents)
        yield (*with_gradients(*(torch.randn(size, dtype=dtype) for size in sizes)), kernel, [2.0, 5.0], *scores)


SCHEMA_INPUTS: dict[str, Callable[[], Iterator[tuple[Any, ...]]]] = {
    "reparameterize": reparameterize_inputs,
    "reparameterize_with_kl": reparameterize_inputs,
    "reparameterize_moments": reparameterize_moments_inputs,
    "gaussian_kl": gaussian_kl_inputs,
    "minibatch_log_density": density_inputs,
    "joint_log_density": density_inputs,
    "gridded_marginals": gridded_marginals_inputs,
    "stacked_affine": stacked_affine_inputs,
    "squared_mmd": squared_mmd_inputs,
}
"""Arguments of torch.ops.pyvae.<op>, for opcheck."""
