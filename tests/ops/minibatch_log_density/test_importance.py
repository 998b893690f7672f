"""Densities of posteriors with importance weights: against their definition, plain torch in float64, and their own
contract.
"""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import pyvae
from pyvae import losses
from pyvae.ops import reference
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, gradients, layouts
from tests.ops.posteriors import posteriors, size_for

ESTIMATORS = ["full", "mws", "balanced"]
SHAPES = [
    ((), 1, 1),
    ((), 2, 3),
    ((), 13, 1),
    ((), 65, 10),
    ((), 257, 3),
    ((3,), 31, 4),
    ((2, 3), 17, 2),
    ((), 33, 129),
]


def log_weights_for(leading: tuple[int, ...], m: int, scale: float = 2.0) -> Tensor:
    """float64 [..., M], the fourth of five left out."""
    weights = scale * torch.randn(*leading, m, dtype=torch.float64)
    weights[..., 3::5] = -math.inf
    return weights


def both(estimator: str, m: int, log_weights: Tensor, **more: object) -> tuple[Callable[..., tuple[Tensor, ...]], ...]:
    """The op and plain torch."""
    options = {"dataset_size": size_for(estimator, m), "estimator": estimator, "log_weights": log_weights}

    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return pyvae.minibatch_log_density(*t, **options, **more)

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, **options)

    return op, plain


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_matches_reference(isa: str, shape: tuple, estimator: str, dtype: torch.dtype) -> None:
    op, plain = both(estimator, shape[1], log_weights_for(*shape[:2]))
    inputs = posteriors(*shape, dtype)
    exact = [t.double() for t in inputs]
    for triple in zip(op(*inputs), plain(*inputs), plain(*exact), strict=True):
        assert_values(*triple)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_gradient_of_z_alone_comes_with_the_forward(estimator: str, dtype: torch.dtype) -> None:
    op, plain = both(estimator, 70, log_weights_for((), 70))
    z, mu, logvar = posteriors((), 70, 3, dtype)

    def of_z(function: Callable[..., tuple[Tensor, ...]], dtype: torch.dtype) -> list[Tensor]:
        return gradients(lambda z: function(z, mu.to(dtype), logvar.to(dtype)), [z.to(dtype)])

    assert_gradients(of_z(op, dtype), of_z(plain, dtype), of_z(plain, torch.float64))


def test_queries_of_another_number_than_posteriors() -> None:
    op, plain = both("full", 70, log_weights_for((3,), 70))
    inputs = (torch.randn(3, 5, 4), torch.randn(3, 70, 4), torch.randn(3, 70, 4))
    exact = [t.double() for t in inputs]
    for triple in zip(op(*inputs), plain(*inputs), plain(*exact), strict=True):
        assert_values(*triple)
    assert_gradients(gradients(op, inputs), gradients(plain, inputs), gradients(plain, exact))


def test_far_weights_keep_their_digits() -> None:
    """One weight is nearly all there is: the others' sum is no difference of two that are nearly equal."""
    for heavy in (25.0, 60.0, 300.0):
        log_weights = torch.zeros(9, dtype=torch.float64)
        log_weights[4] = heavy
        for estimator in ESTIMATORS:
            op, plain = both(estimator, 9, log_weights)
            inputs = posteriors((), 9, 2, torch.float64)
            for got, want in zip(op(*inputs), plain(*inputs), strict=True):
                assert_values(got, want, want)


# --- What weights mean ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 3.7, -800.0, 800.0])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_equal_weights_are_as_none(estimator: str, offset: float) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs, size = posteriors((), 70, 3, dtype), size_for(estimator, 70)
        op, _ = both(estimator, 70, torch.full((70,), offset))
        none = lambda *t: pyvae.minibatch_log_density(*t, dataset_size=size, estimator=estimator, method="exact")  # noqa: B023, E731
        pairs = zip([*op(*inputs), *gradients(op, inputs)], [*none(*inputs), *gradients(none, inputs)], strict=True)
        for got, want in pairs:
            if estimator == "balanced":
                torch.testing.assert_close(got, want, rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=1e-6)
            else:
                assert_bit_equal(got, want)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weights_that_are_whole_numbers_are_copies(estimator: str) -> None:
    """A data set in which point j stands w_j times, all of it as the minibatch: "mws" is 1 / M of it."""
    mu, logvar, z = torch.randn(6, 2).double(), torch.randn(6, 2).double(), torch.randn(6, 2).double()
    times = torch.tensor([1, 3, 0, 2, 1, 5])
    copies = pyvae.minibatch_log_density(
        z, mu.repeat_interleave(times, 0), logvar.repeat_interleave(times, 0), estimator="full"
    )
    size = None if estimator == "full" else 6
    got = pyvae.minibatch_log_density(
        z, mu, logvar, dataset_size=size, estimator=estimator, log_weights=times.double().log()
    )
    factor = math.log(6) if estimator == "mws" else 0.0
    torch.testing.assert_close(got.joint + factor, copies.joint)
    torch.testing.assert_close(got.marginals + factor, copies.marginals)


def test_a_point_without_weight_is_as_if_it_were_not_there() -> None:
    z, mu, logvar = posteriors((), 40, 3)
    log_weights = log_weights_for((), 40)
    kept = log_weights > -math.inf
    some = pyvae.minibatch_log_density(z, mu, logvar, estimator="full", log_weights=log_weights)
    rest = pyvae.minibatch_log_density(z, mu[kept], logvar[kept], estimator="full", log_weights=log_weights[kept])
    torch.testing.assert_close(some.joint, rest.joint)
    torch.testing.assert_close(some.marginals, rest.marginals)


def test_balanced_alone_has_its_own_posterior() -> None:
    """Where no other has a weight, whatever N: the others' share has nowhere else to go."""
    z, mu, logvar = posteriors((), 7, 3, torch.float64)
    log_weights = torch.full((7,), -math.inf)
    log_weights[2] = 5.0
    got = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=90, estimator="balanced", log_weights=log_weights)
    own = reference.log_normal(z, mu, logvar)
    torch.testing.assert_close(got.marginals[2], own[2])
    torch.testing.assert_close(got.joint[2], own[2].sum(-1))


def test_balanced_estimates_the_unbiased_density() -> None:
    """Of minibatches of a biased data set, on average, to within the bias of a ratio: that of unbiased data.

    Here p_unbiased is uniform over two kinds of points, of which biased data hold nine to one.
    """
    n, m, draws = 1000, 200, 300
    generator = torch.Generator().manual_seed(0)
    rare = torch.rand(n, generator=generator) < 0.1
    mu = torch.where(rare, 2.0, -2.0).double()[:, None] + 0.1 * torch.randn(n, 1, generator=generator).double()
    log_w = torch.where(rare, (0.5 / rare.double().mean()).log(), (0.5 / (1 - rare.double().mean())).log())
    logvar, query = torch.zeros(n, 1).double(), torch.tensor([[1.5]]).double()
    want = pyvae.minibatch_log_density(query, mu, logvar, estimator="full", log_weights=log_w).joint.exp()
    biased = pyvae.minibatch_log_density(query, mu, logvar, estimator="full").joint.exp()
    rows = torch.stack([torch.randperm(n, generator=generator)[:m] for _ in range(draws)])
    found = pyvae.minibatch_log_density(
        query.expand(m, 1), mu[rows], logvar[rows], dataset_size=n, estimator="balanced", log_weights=log_w[rows]
    ).joint.exp()
    # Row i is the query beside posterior i: w_i / W of its own, hence on average over weighted rows the whole of it.
    mean = losses.weighted_mean(found, log_w[rows]).mean()
    assert abs(mean - want) < 0.03 * want and abs(biased - want) > 0.5 * want


# --- The contract -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 5, 3), ((2,), 4, 2)], ids=str)
def test_gradcheck(shape: tuple, estimator: str) -> None:
    op, _ = both(estimator, shape[1], torch.randn(shape[1]))
    inputs = [t.requires_grad_() for t in posteriors(*shape, torch.float64)]
    assert torch.autograd.gradcheck(op, inputs, nondet_tol=0)


@pytest.mark.parametrize("estimator", [0, 1, 3])
@pytest.mark.parametrize("shape", [((), 1, 1), ((), 9, 4), ((2, 3), 5, 2)], ids=str)
def test_opcheck(shape: tuple, estimator: int) -> None:
    inputs = [t.requires_grad_() for t in posteriors(*shape)]
    weights = torch.randn(*shape[0], shape[1]), -torch.rand(*shape[0], shape[1]) if estimator == 3 else None
    arguments = *inputs, 100, estimator, False, *weights
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density.default, arguments)
    z, mu, logvar = (t.detach() for t in inputs)
    joint, marginals, peak, total, *_ = torch.ops.pyvae.minibatch_log_density(z, mu, logvar, *arguments[3:])
    saved = torch.randn_like(joint), torch.randn_like(marginals), z, mu, logvar, peak, total, 100, estimator, *weights
    torch.library.opcheck(torch.ops.pyvae.minibatch_log_density_backward.default, saved)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_leading_axes_broadcast(estimator: str) -> None:
    size = size_for(estimator, 6)
    z, mu, logvar, log_weights = torch.randn(4, 6, 3), torch.randn(6, 3), torch.randn(6, 3), torch.randn(2, 1, 6)
    options = {"dataset_size": size, "estimator": estimator}
    got = pyvae.minibatch_log_density(z, mu, logvar, **options, log_weights=log_weights)
    assert got.joint.shape == (2, 4, 6)
    for b in range(2):
        for k in range(4):
            alone = pyvae.minibatch_log_density(z[k], mu, logvar, **options, log_weights=log_weights[b, 0])
            assert_bit_equal(got.joint[b, k], alone.joint)
            assert_bit_equal(got.marginals[b, k], alone.marginals)


def test_layouts_and_types_of_weights_are_equal() -> None:
    z, mu, logvar = posteriors((3,), 37, 6)
    log_weights = torch.randn(3, 37)
    want = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=99, estimator="balanced", log_weights=log_weights)
    for other in (*layouts(log_weights).values(), log_weights.double(), log_weights.clone().requires_grad_()):
        got = pyvae.minibatch_log_density(z, mu, logvar, dataset_size=99, estimator="balanced", log_weights=other)
        assert_bit_equal(got.joint, want.joint)
        assert_bit_equal(got.marginals, want.marginals)
        assert not got.joint.requires_grad


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_vmap_and_compile(estimator: str) -> None:
    stacked, log_weights = posteriors((3,), 11, 4), torch.randn(3, 11)

    def op(z: Tensor, mu: Tensor, logvar: Tensor, log_weights: Tensor) -> tuple[Tensor, ...]:
        return pyvae.kl_decomposition(
            z, mu, logvar, dataset_size=size_for(estimator, 11), estimator=estimator, log_weights=log_weights
        )

    def in_turn(*t: Tensor) -> list[Tensor]:
        models = [op(*(x[k] for x in (*t, log_weights))) for k in range(3)]
        return [torch.stack(parts) for parts in zip(*models, strict=True)]

    want, of_want = in_turn(*stacked), gradients(in_turn, stacked)
    ways = {
        "vmap": lambda *t: torch.func.vmap(op)(*t, log_weights),
        "one for all": lambda *t: op(*t, log_weights),
        "open": torch.compile(lambda *t: op(*t, log_weights), fullgraph=True, dynamic=True, backend="aot_eager"),
    }
    for way in ways.values():
        torch.testing.assert_close(list(way(*stacked)), want)
        torch.testing.assert_close(gradients(way, stacked), of_want)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_decomposition_is_that_of_these_densities(estimator: str) -> None:
    z, mu, logvar = posteriors((2,), 30, 4, torch.float64)
    options = {"dataset_size": size_for(estimator, 30), "estimator": estimator}
    log_weights = log_weights_for((2,), 30)
    got = pyvae.kl_decomposition(z, mu, logvar, **options, log_weights=log_weights)
    want = reference.kl_decomposition(z, mu, logvar, **options, log_weights=log_weights)
    torch.testing.assert_close(tuple(got), want)
    weights = log_weights.exp()
    for part in got:
        torch.testing.assert_close(losses.weighted_mean(part, log_weights), (weights * part).sum(-1) / weights.sum(-1))


# --- Errors -----------------------------------------------------------------------------------------------------------


def numbers(*values: float) -> Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"log_weights": numbers(0, 1, 2, 3, math.nan)}, ValueError, r"log_weights must be below \+inf, not NaN, and"),
        ({"log_weights": numbers(0, 1, 2, 3, math.inf)}, ValueError, r"log_weights must be below \+inf, not NaN, and"),
        ({"log_weights": torch.full((5,), -math.inf)}, ValueError, r"log_weights must be .* not all -inf"),
        ({"log_weights": torch.zeros(4)}, ValueError, r"log_weights must have the shape \[\.\.\., M\] with M = 5, got"),
        ({"log_weights": torch.tensor(0.0)}, ValueError, r"log_weights must have the shape \[\.\.\., M\] with M = 5"),
        ({"log_weights": [0.0] * 5}, TypeError, "log_weights must be a floating tensor, got list"),
        ({"log_weights": torch.zeros(5).long()}, TypeError, "log_weights must be a floating tensor, got int64"),
        ({"log_weights": torch.zeros(5, device="meta")}, ValueError, "log_weights must be on the device of what they"),
        ({"log_weights": torch.zeros(3, 5), "mu": torch.randn(2, 5, 3)}, ValueError, "log_weights must have leading"),
        ({"estimator": "mss"}, ValueError, "log_weights must be None for estimator 'mss', whose weights go by places"),
        ({"method": "gridded"}, NotImplementedError, "log_weights must be None for method 'gridded'"),
        ({"method": "fast"}, ValueError, "method must be 'auto', 'exact' or 'gridded', got 'fast'"),
    ],
)
def test_errors_name_the_argument(change: dict, error: type[Exception], words: str) -> None:
    arguments = {
        "z": torch.randn(5, 3), "mu": torch.randn(5, 3), "logvar": torch.randn(5, 3), "dataset_size": 10,
        "estimator": "balanced", "log_weights": torch.zeros(5),
    }  # fmt: skip
    with pytest.raises(error, match=words):
        pyvae.minibatch_log_density(**(arguments | change))


def test_the_net_below_the_door_refuses_nonsense() -> None:
    z = torch.randn(4, 2)
    for weights in ((torch.zeros(3), None), (None, torch.zeros(4)), (torch.zeros(4).double(), None)):
        with pytest.raises(RuntimeError, match="expected"):
            torch.ops.pyvae.minibatch_log_density(z, z, z, 10, 3, False, *weights)


def test_means_refuse_weights_that_have_more_axes_than_the_terms() -> None:
    with pytest.raises(ValueError, match=r"log_weights must broadcast to the shape of the terms, \[5\], got \[2, 5\]"):
        losses.weighted_mean(torch.zeros(5), torch.zeros(2, 5))


def test_gridded_marginals_are_not_taken_where_they_would_be_faster() -> None:
    z, mu, logvar = posteriors((), 600, 10)
    got = pyvae.minibatch_log_density(z, mu, logvar, estimator="full", log_weights=torch.zeros(600))
    exact = pyvae.minibatch_log_density(z, mu, logvar, estimator="full", method="exact")
    assert_bit_equal(got.marginals, exact.marginals)
