"""The gridded marginals by their public door: autograd, registration, choice of method, threads, memory, errors."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import pyvae
from tests.ops.contract import assert_bit_equal, gradients
from tests.ops.memory import growth
from tests.ops.mixtures import REGIMES
from tests.ops.posteriors import posteriors


def density(z: Tensor, mu: Tensor, logvar: Tensor, **options: Any) -> tuple[Tensor, ...]:
    arguments = {"dataset_size": 10_000, "method": "gridded"} | options
    return tuple(pyvae.minibatch_log_density(z, mu, logvar, **arguments))


# --- Registration -----------------------------------------------------------------------------------------------------


def test_fake_shapes() -> None:
    z, mu = torch.empty(2, 5, 3, device="meta"), torch.empty(2, 9, 3, device="meta")
    marginals, score, tier = torch.ops.pyvae.gridded_marginals(z, mu, mu, 1, 0, 1e-5)
    assert marginals.shape == score.shape == tier.shape == z.shape
    assert marginals.dtype == score.dtype == torch.float32 and tier.dtype == torch.uint8
    grads = torch.ops.pyvae.gridded_marginals_backward(z, z, mu, mu, marginals, score, tier, 1, 0, 1e-5)
    assert [g.shape for g in grads] == [z.shape, mu.shape, mu.shape]


@pytest.mark.parametrize("estimator", ["mss", "full"])
def test_compiles_in_one_graph_for_any_batch(estimator: str) -> None:
    size = None if estimator == "full" else 10_000

    def marginals(*t: Tensor) -> tuple[Tensor, ...]:
        return density(*t, estimator=estimator, dataset_size=size)

    compiled = torch.compile(marginals, fullgraph=True, dynamic=True)
    for m in (300, 411):
        inputs = posteriors((), m, 3)
        for a, b in zip(compiled(*inputs), marginals(*inputs), strict=True):
            torch.testing.assert_close(a, b)
        for a, b in zip(gradients(compiled, inputs), gradients(marginals, inputs), strict=True):
            torch.testing.assert_close(a, b)


def test_vmap_is_a_loop_over_models() -> None:
    z, mu, logvar = posteriors((3,), 100, 4)
    got = torch.vmap(lambda *t: density(*t)[1], in_dims=(0, None, 1))(z, mu[0], logvar.movedim(0, 1))
    for k in range(3):
        assert_bit_equal(got[k], density(z[k], mu[0], logvar[k])[1])


def test_double_backward_says_that_there_is_none() -> None:
    z, mu, logvar = (t.requires_grad_() for t in posteriors((), 50, 2))
    marginals = density(z, mu, logvar)[1]
    (grad,) = torch.autograd.grad(marginals.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match=r"pyvae\.gridded_marginals has no second derivative"):
        grad.sum().backward()


def test_only_wanted_gradients_are_given() -> None:
    z, mu, logvar = posteriors((), 50, 2)
    mu.requires_grad_()
    density(z, mu, logvar)[1].sum().backward()
    assert mu.grad is not None and z.grad is None and logvar.grad is None


# --- The choice of method ---------------------------------------------------------------------------------------------


def ops_of(call: Callable[[], object]) -> set[str]:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        call()
    return {event.key for event in profile.key_averages() if event.key.startswith("pyvae::")}


@pytest.mark.parametrize(
    ("rows", "columns", "latents", "dtype", "options", "grids"),
    [
        (404, 404, 10, torch.float32, {}, True),
        (403, 404, 10, torch.float32, {}, False),
        (256, 3000, 10, torch.float32, {}, True),
        (2, 3000, 10, torch.float32, {}, False),
        (861, 861, 1, torch.float32, {}, True),
        (860, 861, 1, torch.float32, {}, False),
        (512, 512, 10, torch.float64, {}, False),
        (512, 512, 10, torch.float32, {"method": "exact"}, False),
        (2, 3, 1, torch.float32, {"method": "gridded"}, True),
    ],
)
def test_auto_takes_what_is_faster(
    rows: int, columns: int, latents: int, dtype: torch.dtype, options: dict, grids: bool
) -> None:
    z, mu, logvar = (torch.randn(n, latents, dtype=dtype) for n in (rows, columns, columns))
    got = ops_of(lambda: pyvae.minibatch_log_density(z, mu, logvar, estimator="full", **options))
    assert got == (
        {"pyvae::joint_log_density", "pyvae::gridded_marginals"} if grids else {"pyvae::minibatch_log_density"}
    )


def test_half_types_take_grids_in_float32() -> None:
    inputs = [t.bfloat16() for t in posteriors((), 600, 10)]
    got = pyvae.minibatch_log_density(*inputs, dataset_size=1000)
    assert_bit_equal(got.marginals, density(*(t.float() for t in inputs), dataset_size=1000)[1])
    assert all(g.dtype == torch.bfloat16 for g in gradients(lambda *t: density(*t), inputs))


def test_the_joint_is_the_exact_one() -> None:
    inputs = posteriors((2,), 130, 3)
    torch.testing.assert_close(density(*inputs)[0], density(*inputs, method="exact")[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "options", "error", "words"),
    [
        (
            torch.float64,
            {},
            NotImplementedError,
            "method 'gridded' must have float32 tensors on the CPU or CUDA, got torch.float64",
        ),
        (
            "meta",
            {},
            NotImplementedError,
            "method 'gridded' must have float32 tensors on the CPU or CUDA, got .* on meta",
        ),
        (torch.float32, {"method": "fast"}, ValueError, "method must be 'auto', 'exact' or 'gridded', got 'fast'"),
        (torch.float32, {"rtol": -1.0}, ValueError, "rtol must be greater than 0, got -1.0"),
        (torch.float32, {"rtol": math.nan}, ValueError, "rtol must be greater than 0, got nan"),
    ],
)
def test_what_is_refused(inputs: Any, options: dict, error: type[Exception], words: str) -> None:
    kind = {"device": inputs} if isinstance(inputs, str) else {"dtype": inputs}
    t = torch.zeros(5, 3, **kind)
    with pytest.raises(error, match=words):
        density(t, t, t, **options)


def test_the_net_below_the_door_refuses_nonsense() -> None:
    z = torch.randn(4, 2)
    op, backward = torch.ops.pyvae.gridded_marginals, torch.ops.pyvae.gridded_marginals_backward
    for arguments in ((z, z, z, 10, 9, 1e-5), (z, z, z, 3, 2, 1e-5), (z[:3], z, z, 10, 2, 1e-5), (z, z, z, 1, 0, 0.0)):
        with pytest.raises(RuntimeError, match="expected"):
            op(*arguments)
    double = z.double()
    with pytest.raises(RuntimeError, match="expected float32"):
        op(double, double, double, 1, 0, 1e-5)
    marginals, score, tier = op(z, z, z, 1, 0, 1e-5)
    for saved in ((z[:3], marginals, score, tier), (z, marginals, score, tier[:3]), (z, marginals, score, score)):
        with pytest.raises(RuntimeError, match="expected"):
            backward(saved[0], z, z, z, *saved[1:], 1, 0, 1e-5)


def test_no_rows_and_no_latents() -> None:
    mu = torch.randn(5, 3, requires_grad=True)
    marginals = density(torch.empty(0, 3), mu, mu, estimator="full", dataset_size=None)[1]
    assert marginals.shape == (0, 3)
    marginals.sum().backward()
    assert bool((mu.grad == 0).all())
    assert density(torch.empty(5, 0), torch.empty(5, 0), torch.empty(5, 0))[1].shape == (5, 0)


# --- Threads and memory -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regime", ["one sigma", "mixed over four decades", "outliers"])
def test_same_bits_for_any_number_of_threads(isa: str, regime: str) -> None:
    inputs = REGIMES[regime](1500, 7)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append([density(*inputs)[1], *gradients(lambda *t: density(*t)[1:], inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


CALL = "torch.ops.pyvae.gridded_marginals(a, b, c, 10 * m, 2, 1e-5)[0].sum().backward()"


def test_memory_is_linear() -> None:
    # Results and gradients are 14 MiB at the first size, and slots of memory at most 32 MiB more than theirs.
    small, large = growth(CALL, 2**16), growth(CALL, 2**18)
    assert small < 64 and large < 4 * small + 8
