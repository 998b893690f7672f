"""minibatch_log_density against its own contract: autograd, registration, shapes, types, threads, errors."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import pyvae
from tests.ops.contract import assert_bit_equal, gradients, layouts
from tests.ops.posteriors import ESTIMATORS, posteriors, size_for


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 2, 1), ((), 5, 3), ((2,), 4, 2), ((), 7, 1)], ids=str)
def test_gradcheck(shape: tuple, estimator: str) -> None:
    inputs = [t.requires_grad_() for t in posteriors(*shape, torch.float64)]

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return tuple(pyvae.minibatch_log_density(*t, dataset_size=size_for(estimator, shape[1]), estimator=estimator))

    assert torch.autograd.gradcheck(op, inputs, nondet_tol=0)


@pytest.mark.parametrize("estimator", range(4))
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 9, 4), ((2, 3), 5, 2)], ids=str)
def test_opcheck(shape: tuple, estimator: int) -> None:
    inputs = [t.requires_grad_() for t in posteriors(*shape)]
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density.default, (*inputs, 100, estimator, False))
    z, mu, logvar = (t.detach() for t in inputs)
    joint, marginals, peak, total, *_ = torch.ops.pyvae.minibatch_log_density(z, mu, logvar, 100, estimator, False)
    saved = (torch.randn_like(joint), torch.randn_like(marginals), z, mu, logvar, peak, total, 100, estimator)
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density_backward.default, saved)


def test_leading_axes_broadcast() -> None:
    z, mu, logvar = torch.randn(4, 6, 3), torch.randn(6, 3), torch.randn(6, 1).expand(6, 3)
    got = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=50)
    for k in range(4):
        alone = pyvae.minibatch_log_density(z[k], mu, logvar, dataset_size=50)
        assert_bit_equal(got.joint[k], alone.joint)
        assert_bit_equal(got.marginals[k], alone.marginals)


def test_many_sets_of_queries_share_one_mixture() -> None:
    z, mu, logvar = torch.randn(7, 2, 3, 4), torch.randn(50, 4), torch.randn(50, 4)
    together = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    assert together.marginals.shape == (7, 2, 3, 4) and together.joint.shape == (7, 2, 3)
    for index in ((0, 0), (6, 1)):
        alone = pyvae.minibatch_log_density(z[index], mu, logvar, estimator="full")
        assert_bit_equal(together.marginals[index], alone.marginals)


def test_empty_inputs() -> None:
    mu, logvar = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    got = pyvae.minibatch_log_density(torch.empty(0, 3), mu, logvar, estimator="full")
    assert got.joint.shape == (0,) and got.marginals.shape == (0, 3)
    got.joint.sum().backward()
    assert bool((mu.grad == 0).all())
    none = pyvae.minibatch_log_density(torch.empty(0, 5, 3), mu, logvar, dataset_size=9)
    assert none.marginals.shape == (0, 5, 3)


def test_layouts_are_bit_equal() -> None:
    inputs = posteriors((), 37, 6)
    want = pyvae.minibatch_log_density(*inputs, dataset_size=100)
    for name in layouts(inputs[0]):
        got = pyvae.minibatch_log_density(*(layouts(t)[name] for t in inputs), dataset_size=100)
        assert_bit_equal(got.joint, want.joint)
        assert_bit_equal(got.marginals, want.marginals)


def test_half_types_compute_in_float32() -> None:
    for dtype in (torch.bfloat16, torch.float16):
        inputs = [t.to(dtype) for t in posteriors((), 20, 4)]

        def op(*t: Tensor) -> tuple[Tensor, ...]:
            return pyvae.minibatch_log_density(*t, dataset_size=64)

        want = op(*(t.float() for t in inputs))
        got = op(*inputs)
        assert got.joint.dtype == torch.float32
        assert_bit_equal(got.marginals, want.marginals)
        assert all(g.dtype == dtype for g in gradients(op, inputs))


def test_autocast_runs_in_float32() -> None:
    z, mu, logvar = posteriors((), 20, 4)
    want = pyvae.minibatch_log_density(z, mu.bfloat16().float(), logvar, dataset_size=64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = pyvae.minibatch_log_density(z, mu.bfloat16(), logvar, dataset_size=64)
    assert_bit_equal(got.joint, want.joint)


@pytest.mark.parametrize("dynamic", [False, True])
def test_compiles_in_one_graph(dynamic: bool) -> None:
    def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
        return pyvae.kl_decomposition(z, mu, logvar, dataset_size=1000)

    compiled = torch.compile(loss, fullgraph=True, dynamic=dynamic)
    for m in (12, 19):
        inputs = posteriors((), m, 5)
        for a, b in zip(compiled(*inputs), loss(*inputs), strict=True):
            torch.testing.assert_close(a, b)
        for a, b in zip(gradients(compiled, inputs), gradients(loss, inputs), strict=True):
            torch.testing.assert_close(a, b)


def test_the_batch_size_stays_dynamic_for_the_full_estimator() -> None:
    def density(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return pyvae.minibatch_log_density(z, mu, logvar, estimator="full").joint

    compiled = torch.compile(density, fullgraph=True)
    for m in (6, 11):
        inputs = posteriors((), m, 3)
        for t in inputs:
            torch._dynamo.mark_dynamic(t, 0)
        torch.testing.assert_close(compiled(*inputs), density(*inputs))


def test_vmap_is_a_loop_over_models() -> None:
    stacked = posteriors((3,), 11, 4)

    def loss(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=50)
        return (density.joint - density.marginals.sum(-1)).mean()

    def together(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        # Another batch axis per argument, and none for mu.
        return (torch.func.vmap(loss, in_dims=(0, None, 1))(z, mu, logvar.movedim(0, 1)),)

    def one_by_one(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor]:
        return (torch.stack([loss(z[k], mu, logvar[k]) for k in range(3)]),)

    inputs = (stacked[0], stacked[1][0], stacked[2])
    torch.testing.assert_close(together(*inputs), one_by_one(*inputs))
    torch.testing.assert_close(gradients(together, inputs), gradients(one_by_one, inputs))


def test_same_bits_for_any_number_of_threads(isa: str) -> None:
    inputs = posteriors((2,), 300, 7)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            op = lambda *t: pyvae.minibatch_log_density(*t, dataset_size=1000)  # noqa: E731
            results.append([*op(*inputs), *gradients(op, inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


def test_hostile_values_stay_in_their_row(place: str) -> None:
    z, mu, logvar = posteriors((), 40, 3)
    clean = pyvae.minibatch_log_density(z, mu, logvar, estimator="full")
    for value in (math.nan, math.inf, -math.inf, 3.4e38, 1e18, -0.0, 1e-40):
        hostile = z.clone()
        hostile[7, 1] = value
        got = pyvae.minibatch_log_density(hostile, mu, logvar, estimator="full")
        others = torch.arange(40) != 7
        assert_bit_equal(got.joint[others], clean.joint[others])
        assert_bit_equal(got.marginals[others], clean.marginals[others])
        assert math.isnan(got.joint[7]) == math.isnan(value)


def test_forward_mode_is_refused_not_wrong() -> None:
    z, mu, logvar = posteriors((), 5, 2)
    with pytest.raises(NotImplementedError, match="mu must not carry a forward-mode tangent"):
        torch.func.jvp(lambda m: pyvae.minibatch_log_density(z, m, logvar, dataset_size=9).joint, (mu,), (mu,))


# --- Errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"z": torch.randn(5, 4)}, ValueError, "z must have as many latents as mu, 3, got 4"),
        ({"z": torch.randn(6, 3)}, ValueError, "z must have as many rows as mu, 5"),
        ({"z": torch.randn(3)}, ValueError, r"z must have the shape \[..., Q, D\]"),
        ({"z": torch.randn(2, 5, 3), "mu": torch.randn(3, 5, 3)}, ValueError, "z must have leading axes"),
        ({"mu": torch.randn(4, 3)}, ValueError, "mu and logvar must have shapes that broadcast"),
        ({"mu": torch.randn(0, 3), "logvar": torch.randn(0, 3)}, ValueError, "mu must hold at least one posterior"),
        ({"mu": [1.0]}, TypeError, "mu must be a tensor, got list"),
        ({"mu": torch.randn(5, 3).double()}, TypeError, "mu must have the dtype of z, float32, got float64"),
        ({"z": torch.ones(5, 3, dtype=torch.int64)}, TypeError, "z must be float32"),
        ({"logvar": torch.randn(5, 3, device="meta")}, ValueError, "logvar must be on the device of z, cpu, got meta"),
        ({"dataset_size": None}, ValueError, "dataset_size must be given for estimator 'mss'"),
        ({"dataset_size": 4}, ValueError, "dataset_size must be at least the number of posteriors, 5, got 4"),
        ({"dataset_size": 2**63}, ValueError, "dataset_size must fit in 64 bits"),
        ({"dataset_size": 7.5}, TypeError, "dataset_size must be an int, got float"),
        ({"estimator": "full"}, ValueError, "dataset_size must be the number of posteriors, 5, or None"),
        ({"estimator": "best"}, ValueError, "estimator must be one of 'full', 'mws', 'mss', 'balanced', got 'best'"),
        ({"method": "fast"}, ValueError, "method must be 'auto', 'exact' or 'gridded', got 'fast'"),
        ({"rtol": 0.0}, ValueError, "rtol must be greater than 0, got 0.0"),
    ],
)
def test_errors_name_the_argument(change: dict, error: type[Exception], words: str) -> None:
    arguments = {"z": torch.randn(5, 3), "mu": torch.randn(5, 3), "logvar": torch.randn(5, 3), "dataset_size": 10}
    with pytest.raises(error, match=words):
        pyvae.minibatch_log_density(**(arguments | change))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("ask", [pyvae.minibatch_log_density, pyvae.kl_decomposition])
def test_latents_that_are_pixels_are_refused(ask: Callable[..., tuple[Tensor, ...]], estimator: str) -> None:
    """[B, C, 1, 1] would be B C mixtures of one posterior, without information and correlation."""
    images = [torch.randn(64, 10, 1, 1) for _ in range(3)]
    options = {"dataset_size": None if estimator == "full" else 1000, "estimator": estimator}
    words = r"^mu must have the shape \[\.\.\., M, D\], got \[64, 10, 1, 1\], many mixtures .* by mu\.flatten\(1\)\.$"
    for arguments in (
        images,
        [images[0], images[1], images[2][0]],
        [images[0].double(), *(t.double() for t in images[1:])],
    ):
        with pytest.raises(ValueError, match=words):
            ask(*arguments, **options)
    options["dataset_size"] = None if estimator == "full" else 64
    assert ask(*(t.flatten(1) for t in images), **options)[0].shape == (64,)
    one = [t[0, :, 0] for t in images]  # models with one latent, in the last batch, which has one posterior
    assert ask(*(t[:, None] for t in one), **(options | ({} if estimator == "full" else {"dataset_size": 9})))


def test_double_backward_says_that_there_is_none() -> None:
    z, mu, logvar = (t.requires_grad_() for t in posteriors((), 4, 2, torch.float64))
    density = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=8)
    (grad,) = torch.autograd.grad(density.joint.sum(), z, create_graph=True)
    with pytest.raises(RuntimeError, match=r"pyvae\.minibatch_log_density has no second derivative"):
        grad.sum().backward()


def test_the_net_below_the_door_refuses_nonsense() -> None:
    z = torch.randn(4, 2)
    for arguments in ((z, z, z, 10, 9), (z, z, z, 3, 2), (z[:3], z, z, 10, 2)):
        with pytest.raises(RuntimeError, match="expected"):
            torch.ops.pyvae.minibatch_log_density(*arguments, False)
