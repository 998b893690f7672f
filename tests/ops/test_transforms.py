"""torch.compile, torch.export, torch.func and distributed tensors: what each does with the ops, or is told."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.func as func
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.utils import _pytree

import pyvae
from pyvae import aggregate, losses, metrics
from tests.ops.catalogue import POSTERIOR, USES
from tests.ops.contract import assert_bit_equal
from tests.ops.posteriors import posteriors

OF_POSTERIORS = {op.name: op.function for op in USES if op.arguments == POSTERIOR}


def of_posteriors(call: Callable[..., object]) -> dict[str, Callable[..., Any]]:
    """For every op on posteriors alone, `call` with its function first."""
    return {name: partial(call, function) for name, function in OF_POSTERIORS.items()}


# --- torch.compile ----------------------------------------------------------------------------------------------------

SIZES = [100, 250, 300, 401, 5000, 10**6, 10**12, 77, 12, 13, 14]


def kl_parts(z: Tensor, mu: Tensor, logvar: Tensor, size: int) -> Tensor:
    return sum(pyvae.kl_decomposition(z, mu, logvar, dataset_size=size, estimator="mss"))  # type: ignore[return-value]


def density(z: Tensor, mu: Tensor, logvar: Tensor, size: int) -> Tensor:
    joint, marginals = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=size, method="gridded")
    return joint - marginals.sum(-1)


@pytest.mark.parametrize("function", [kl_parts, density])
@pytest.mark.parametrize("kind", [int, np.int64])
def test_one_compilation_serves_every_size_of_a_data_set(function: Callable[..., Tensor], kind: type) -> None:
    """At most one more, for the first size that is another."""
    torch._dynamo.reset()
    z, mu, logvar = posteriors((), 12, 3)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(function, fullgraph=True, backend=counter)
    for size in SIZES:
        leaves = [t.clone().requires_grad_() for t in (z, mu, logvar)]
        got, want = compiled(*leaves, kind(size)), function(*leaves, size)
        torch.testing.assert_close(got, want)
        for a, b in zip(*(torch.autograd.grad(loss.sum(), leaves) for loss in (got, want)), strict=True):
            torch.testing.assert_close(a, b)
    assert counter.frame_count <= 2


def test_a_size_that_is_too_small_is_still_refused_when_compiled() -> None:
    torch._dynamo.reset()
    compiled = torch.compile(kl_parts, backend="aot_eager")
    z, mu, logvar = posteriors((), 12, 3)
    compiled(z, mu, logvar, 100), compiled(z, mu, logvar, 200)
    for size in (11, np.int32(11)):
        with pytest.raises((ValueError, RuntimeError), match="dataset_size"):
            compiled(z, mu, logvar, size)


@pytest.mark.parametrize("number", [np.prod([3, 6, 40]), np.int32(720), np.uint8(200), np.int16(720)], ids=repr)
def test_numpys_integers_are_integers_when_compiled(number: np.integer) -> None:
    torch._dynamo.reset()
    z, mu, logvar = posteriors((), 12, 3)
    functions: list[Callable[[Tensor], Tensor]] = [
        lambda z: kl_parts(z, mu, logvar, number),
        lambda z: losses.BetaTCVAE(number)(z.sum(-1), z, mu, logvar).loss,
        lambda z: pyvae.reparameterize(z, logvar, seed=number),
    ]
    for function in functions:
        torch.testing.assert_close(torch.compile(function, fullgraph=True, backend="aot_eager")(z), function(z))
    objective = losses.BetaTCVAE(number)
    compiled = torch.compile(objective, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(z[:, 0], z, mu, logvar).loss, objective(z[:, 0], z, mu, logvar).loss)


def test_numpys_other_numbers_too() -> None:
    torch._dynamo.reset()
    z, mu, logvar = posteriors((), 12, 3)

    def function(z: Tensor) -> Tensor:
        kl = pyvae.gaussian_kl(z, logvar, np.float32(0.5), np.int64(1))
        rtol = np.float64(1e-4)
        return kl + pyvae.minibatch_log_density(z, mu, logvar, estimator="full", method="gridded", rtol=rtol).joint

    torch.testing.assert_close(torch.compile(function, fullgraph=True, backend="aot_eager")(z), function(z))


# --- torch.export -----------------------------------------------------------------------------------------------------


class Program(nn.Module):
    """A function of z, mu and logvar as torch.export takes one."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor, mu: Tensor, logvar: Tensor) -> object:
        return self.function(z, mu, logvar)


EXPORTED: dict[str, Callable[..., object]] = {
    "density": lambda z, mu, logvar: pyvae.minibatch_log_density(z, mu, logvar, estimator="full"),
    "decomposition": lambda z, mu, logvar: pyvae.kl_decomposition(z, mu, logvar, dataset_size=60_000),
    "beta-tcvae": lambda z, mu, logvar: losses.BetaTCVAE(60_000)(z[:, 0], z, mu, logvar),
    "beta-vae": lambda z, mu, logvar: losses.BetaVAE(4.0)(z[:, 0], z, mu, logvar),
    "information": lambda z, mu, logvar: metrics.code_information(z, mu, logvar),
    **of_posteriors(lambda op, z, mu, logvar: (z, *op(mu, logvar))),
    "batch mean": lambda z, mu, logvar: z.sum() + pyvae.gaussian_kl(mu, logvar, reduction="batchmean"),
}


def saved_and_loaded(program: torch.export.ExportedProgram) -> nn.Module:
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file).module()  # type: ignore[no-any-return]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("batch", [torch.export.Dim("batch"), torch.export.Dim.DYNAMIC], ids=["named", "any"])
@pytest.mark.parametrize("name", EXPORTED)
def test_an_open_batch_is_exported_saved_and_loaded(name: str, batch: object, strict: bool) -> None:
    """Also where "auto" would take grids for some of the sizes: from 426 rows on with eight latents."""
    function = EXPORTED[name]
    program = torch.export.export(
        Program(function), tuple(posteriors((), 64, 8)), dynamic_shapes=(({0: batch},) * 3), strict=strict
    )
    loaded = saved_and_loaded(program)
    for rows in (3, 1000):
        inputs = posteriors((), rows, 8)
        got, want = (_pytree.tree_flatten(f(*inputs)) for f in (loaded, function))
        assert got[1] == want[1]  # the NamedTuple itself
        for a, b in zip(got[0], want[0], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_a_batch_of_one_size_still_takes_grids() -> None:
    inputs = tuple(posteriors((), 1000, 8))
    program = torch.export.export(Program(EXPORTED["density"]), inputs)
    assert "gridded_marginals" in str(program.graph)


def test_an_exported_program_refuses_more_posteriors_than_the_data_set_has() -> None:
    function = lambda z, mu, logvar: pyvae.kl_decomposition(z, mu, logvar, dataset_size=100)  # noqa: E731
    open_batch = ({0: torch.export.Dim("batch")},) * 3
    loaded = saved_and_loaded(
        torch.export.export(Program(function), tuple(posteriors((), 64, 3)), dynamic_shapes=open_batch)
    )
    with pytest.raises(RuntimeError, match="expected dataset_size to be at least the number of posteriors"):
        loaded(*posteriors((), 101, 3))


NAMED = [
    pyvae.ops.LogDensity, pyvae.ops.KLDecomposition, pyvae.ops.SampleWithKL,
    aggregate.Estimate, aggregate.Samples, aggregate.AggregateKL,
    losses.BetaVAETerms, losses.BetaTCVAETerms,
    metrics.MutualInformationGap, metrics.LinearMap, metrics.Score,
]  # fmt: skip


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_every_answer_can_be_in_a_saved_program(kind: type) -> None:
    count = len(kind._fields)  # type: ignore[attr-defined]
    program = torch.export.export(
        Program(lambda z, mu, logvar: kind(*(z + k * mu * logvar for k in range(count)))), (torch.ones(3),) * 3
    )
    answer = saved_and_loaded(program)(*(torch.ones(3),) * 3)
    assert type(answer) is kind and [part[0].item() for part in answer] == [1.0 + k for k in range(count)]


# --- torch.func -------------------------------------------------------------------------------------------------------

X, Y = torch.randn(6, 3), torch.randn(6, 3)
OPS: dict[str, Callable[[Tensor], Tensor]] = {
    **of_posteriors(lambda op, x: op(x, Y)[-1]),
    "minibatch_log_density": lambda x: pyvae.minibatch_log_density(x, Y, Y, estimator="full").joint,
    "gridded": lambda x: pyvae.minibatch_log_density(Y, x, Y, estimator="full", method="gridded").joint,
    "kl_decomposition": lambda x: pyvae.kl_decomposition(x, x, Y, dataset_size=10).total_correlation,
}


def grad_of(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """By ordinary autograd."""
    leaf = x.detach().clone().requires_grad_()
    (grad,) = torch.autograd.grad(f(leaf).sum(), leaf)
    return grad


@pytest.mark.parametrize("op", OPS)
def test_gradients_of_torch_func_are_those_of_autograd(op: str) -> None:
    f = OPS[op]
    want = grad_of(f, X)
    assert_bit_equal(func.grad(lambda x: f(x).sum())(X), want)
    value, pull = func.vjp(f, X)
    assert_bit_equal(value, f(X))
    assert_bit_equal(pull(torch.ones_like(value))[0], want)
    per_sample = func.vmap(func.grad(lambda x: f(x).sum()))(X.expand(4, 6, 3))
    torch.testing.assert_close(per_sample, want.expand(4, 6, 3))
    together = func.grad(lambda x: func.vmap(f)(x.expand(4, 6, 3)).sum())(X)
    torch.testing.assert_close(together, 4 * want)
    jacobian = func.jacrev(f)(X)
    torch.testing.assert_close(jacobian.reshape(-1, 6, 3).sum(0), want)
    parameter = nn.Parameter(X)
    torch.testing.assert_close(func.grad(lambda x: f(parameter).sum() * x.sum())(X), f(X).sum() * torch.ones(6, 3))


@pytest.mark.parametrize("op", OPS)
def test_what_torch_func_cannot_differentiate_is_one_sentence(op: str) -> None:
    f = OPS[op]
    with pytest.raises(NotImplementedError, match=r"must not be differentiated forwards"):
        func.hessian(lambda x: f(x).sum())(X)
    if op == "reparameterize":
        return  # z is linear in mu
    with pytest.raises(RuntimeError, match=r"has no second derivative"):
        func.grad(lambda x: func.grad(lambda y: f(y).sum())(x).sum())(X)


@pytest.mark.parametrize("op", OPS)
def test_what_torch_func_does_not_differentiate_still_works(op: str) -> None:
    f, want = OPS[op], OPS[op](X)
    torch.testing.assert_close(func.grad(lambda x: (f(X) * 2 * x.sum()).sum())(X), want.sum() * torch.full((6, 3), 2.0))
    torch.testing.assert_close(func.grad(lambda x: f(x.detach()).sum() * x.sum())(X), want.sum() * torch.ones(6, 3))
    free = X.clone().requires_grad_()
    func.vmap(f)(free.expand(2, 6, 3)).sum().backward()
    assert free.grad is not None and free.grad.isfinite().all()


# --- Distributed tensors ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mesh() -> Iterator[object]:
    """One process that is all of a group."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield dist.init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.mark.parametrize("placement", [Shard(0), Replicate()], ids=["sharded", "replicated"])
def test_distributed_tensors_are_refused_by_densities_with_the_way_to_rows(mesh: object, placement: object) -> None:
    """What takes them: test_distributed.py."""
    z, mu, logvar = posteriors((), 6, 3)
    spread: DTensor = distribute_tensor(mu, mesh, [placement])
    calls: list[Callable[[Tensor], object]] = [
        lambda x: pyvae.minibatch_log_density(z, x, logvar, estimator="full").joint,
        lambda x: pyvae.kl_decomposition(z, x, logvar, dataset_size=9).dimwise_kl,
    ]
    for call in calls:
        words = r"^mu must be a plain tensor, got a DTensor: pass mu\.to_local\(\) .* mu\.full_tensor\(\)"
        with pytest.raises(TypeError, match=words):
            call(spread)
        torch.testing.assert_close(call(spread.to_local()), call(mu))
