"""The pruned joint: what is skipped does not matter, for any row, column or estimator, and nothing else changes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pyvae.ops import reference
from pyvae.ops.joint_log_density import joint_log_density
from tests.ops.contract import assert_bit_equal, assert_gradients, assert_values, cotangents_for, gradients
from tests.ops.posteriors import ESTIMATORS
from tests.selection import figure

FEW_ROWS = 255  # one less than kLeastRows of csrc/ops/joint_log_density.cpp
M = 1100  # more than one run of rows, and a last tile that is not full
N = 737_280


def trained(
    informative: int, collapsed: int, sigma: float, *, m: int = M, leading: tuple[int, ...] = (), seed: int = 0
) -> list[Tensor]:
    """z, mu, logvar of a few narrow informative latents beside collapsed ones, as training leaves them."""
    generator = torch.Generator().manual_seed(seed)

    def normal() -> Tensor:
        return torch.randn(*leading, m, informative + collapsed, generator=generator)

    typical = torch.tensor([sigma] * informative + [1.0] * collapsed)
    spread = torch.tensor([1.0] * informative + [0.02] * collapsed)
    scale = typical * torch.exp(0.1 * normal())
    mu = spread * normal()
    return [mu + scale * normal(), mu, 2 * scale.log()]


def joint(estimator: str) -> object:
    def op(*t: Tensor) -> tuple[Tensor, ...]:
        return (joint_log_density(*t, N, ESTIMATORS.index(estimator)),)

    return op


def unpruned(z: Tensor, mu: Tensor, logvar: Tensor) -> tuple[Tensor, ...]:
    """Of "full": for so few rows at a time no columns are ordered."""
    return (torch.cat([joint_log_density(rows, mu, logvar, 1, 0) for rows in z.split(FEW_ROWS, -2)], -1),)


def is_pruned(inputs: list[Tensor]) -> bool:
    """Sums in another order differ in their last bits somewhere."""
    return not torch.equal(joint("full")(*inputs)[0], unpruned(*inputs)[0])


def assert_contract(estimator: str, inputs: list[Tensor]) -> None:
    size = None if estimator == "full" else N

    def plain(*t: Tensor) -> tuple[Tensor, ...]:
        return reference.minibatch_log_density(*t, dataset_size=size, estimator=estimator)[:1]

    exact = [t.double() for t in inputs]
    assert_values(joint(estimator)(*inputs)[0], plain(*inputs)[0], plain(*exact)[0])
    assert_gradients(gradients(joint(estimator), inputs), gradients(plain, inputs), gradients(plain, exact))


@pytest.mark.parametrize(
    ("informative", "collapsed", "sigma", "estimator"),
    [
        (3, 2, 0.03, "full"),
        (5, 0, 0.05, "mss"),
        (1, 0, 0.001, "balanced"),
        (2, 16, 0.01, "mws"),
    ],
)
def test_matches_reference(isa: str, informative: int, collapsed: int, sigma: float, estimator: str) -> None:
    inputs = trained(informative, collapsed, sigma)
    assert is_pruned(inputs)
    assert_contract(estimator, inputs)


def test_a_total_over_many_tiles_keeps_its_digits(isa: str) -> None:
    """A few rows meet 512 tiles of equal columns, each of which a running float32 total would round the same way."""
    m, level = 131_072, -1.0
    mu = torch.randint(4, (m, 1)) * 100.0 + 0.7
    mu[1:65] = -1000.0
    rows = torch.arange(1000, m, 1024)  # none of those from which the op predicts whether pruning pays
    mu[rows, 0] = 0.7 + torch.linspace(-0.9, 0.9, len(rows))
    z = torch.full_like(mu, -1000.0)
    z[rows] = mu[rows]
    got = joint_log_density(z, mu, torch.full_like(mu, level), 1, 0)[rows].double()
    squares = (z[rows].double() - mu.double().T).square() * math.exp(-level)
    want = torch.logsumexp(-0.5 * (squares + level + math.log(2 * math.pi)), -1) - math.log(m)
    assert (got - want).abs().max() < 2.5e-6


def test_untrained_posteriors_are_left_alone(isa: str) -> None:
    inputs = trained(10, 0, 0.4)
    assert not is_pruned(inputs)
    for a, b in zip(gradients(joint("full"), inputs), gradients(unpruned, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@settings(max_examples=figure("test_no_input_breaks_the_bound"))
@given(
    informative=st.integers(1, 4),
    collapsed=st.integers(0, 3),
    sigma=st.floats(-9, -2).map(math.exp),
    m=st.integers(1024, 1200),
    estimator=st.sampled_from(ESTIMATORS),
    outliers=st.integers(0, 3),
    noise=st.sampled_from([0.0, 0.1, 1.0, 30.0]),
    seed=st.integers(0, 99),
)
def test_no_input_breaks_the_bound(
    informative: int, collapsed: int, sigma: float, m: int, estimator: str, outliers: int, noise: float, seed: int
) -> None:
    """Rows at their means, far from all columns, or of another posterior; columns of any width among the others."""
    z, mu, logvar = trained(informative, collapsed, sigma, m=m, seed=seed)
    z = mu + noise * (z - mu)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(outliers):
        i, j, k = torch.randint(m, (3,), generator=generator)
        mu[i] *= 100
        logvar[j] += 20 * torch.randn(logvar.shape[-1], generator=generator)
        z[k] = z[i]
    inputs, exact = [z, mu, logvar], [t.double() for t in (z, mu, logvar)]
    size = None if estimator == "full" else N
    plain = reference.minibatch_log_density(*inputs, dataset_size=size, estimator=estimator)[0]
    assert_values(joint(estimator)(*inputs)[0], plain, joint(estimator)(*exact)[0])


def test_gradients_are_those_of_all_pairs(isa: str) -> None:
    """What is skipped had weights of 0, so that only the order of the sums differs."""
    inputs = trained(4, 3, 0.03)
    for a, b in zip(gradients(joint("full"), inputs), gradients(unpruned, inputs), strict=True):
        assert (a - b).norm() <= 1e-6 * b.norm()


@pytest.mark.parametrize("rows", [300, 2500], ids=["fewer", "more"])
def test_rows_that_are_not_the_columns(isa: str, rows: int) -> None:
    """Whose peaks start from the tile that is nearest, since none is their own."""
    _, mu, logvar = trained(3, 2, 0.03)
    z = trained(3, 2, 0.03, m=rows, seed=1)[0]
    inputs = [z, mu, logvar]
    assert is_pruned(inputs)
    assert_contract("full", inputs)
    for a, b in zip(gradients(joint("full"), inputs), gradients(unpruned, inputs), strict=True):
        assert (a - b).norm() <= 1e-6 * b.norm()


def test_scores_of_pruned_rows(isa: str) -> None:
    """A gradient of z alone comes with the forward; it is the one that comes with all others."""
    for inputs in (trained(4, 3, 0.03), [*trained(4, 3, 0.03)[:1], *trained(4, 3, 0.03, m=3000)[1:]]):
        leaves = [t.clone().requires_grad_() for t in inputs]
        want = torch.autograd.grad(joint("full")(*leaves)[0].sum(), leaves)[0]
        z = inputs[0].clone().requires_grad_()
        (got,) = torch.autograd.grad(joint("full")(z, *inputs[1:])[0].sum(), z)
        assert (got - want).norm() <= 1e-6 * want.norm()


def test_batch_entries_are_ordered_each_for_itself(isa: str) -> None:
    """One narrow, one untrained: bits as alone."""
    parts = trained(3, 3, 0.03), trained(6, 0, 0.5), trained(3, 3, 0.03, seed=1)
    together = [torch.stack(t) for t in zip(*parts, strict=True)]
    got = joint("mss")(*together)[0]
    grads = torch.autograd.grad(joint("mss")(*(t.requires_grad_() for t in together))[0].sum(), together)
    for k, part in enumerate(parts):
        assert_bit_equal(got[k], joint("mss")(*part)[0])
        leaves = [t.clone().requires_grad_() for t in part]
        alone = torch.autograd.grad(joint("mss")(*leaves)[0].sum(), leaves)
        for a, b in zip(grads, alone, strict=True):
            assert torch.allclose(a[k], b, rtol=1e-4, atol=1e-5)


def test_same_bits_for_any_number_of_threads(isa: str) -> None:
    inputs = trained(3, 2, 0.03, m=3000)
    before = torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 7, 64):
            torch.set_num_threads(threads)
            results.append([*joint("mss")(*inputs), *gradients(joint("mss"), inputs)])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(a, b)


@pytest.mark.parametrize("value", [math.nan, -math.inf, 3e38, 1e18])
def test_a_hostile_query_changes_no_other_row(isa: str, value: float) -> None:
    z, mu, logvar = trained(3, 2, 0.03)
    assert is_pruned([z, mu, logvar])
    hostile = z.clone()
    hostile[700, 1] = value
    others = torch.arange(M) != 700
    got, want = joint("mss")(hostile, mu, logvar)[0], joint("mss")(z, mu, logvar)[0]
    assert_bit_equal(got[others], want[others])
    if math.isnan(value):
        assert got[700].isnan()
    else:
        assert got[700] == unpruned(hostile, mu, logvar)[0][700] or got[700] < -1e30
    got, want = (gradients(joint("mss"), (rows, mu, logvar))[0] for rows in (hostile, z))
    assert_bit_equal(got[others], want[others])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("tensor", [0, 1, 2], ids=["z", "mu", "logvar"])
def test_hostile_values_reach_what_they_reach_unpruned(isa: str, tensor: int, value: float) -> None:
    inputs = trained(3, 2, 0.03)
    inputs[tensor][700, 1] = value
    got, want = joint("full")(*inputs)[0], unpruned(*inputs)[0]
    assert_bit_equal(got.isnan(), want.isnan())
    torch.testing.assert_close(got, want, equal_nan=True)
    for a, b in zip(gradients(joint("full"), inputs), gradients(unpruned, inputs), strict=True):
        assert_bit_equal(a.isnan(), b.isnan())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_hostile_cotangent_reaches_every_column(isa: str, value: float) -> None:
    inputs = [t.requires_grad_() for t in trained(3, 2, 0.03)]
    (cotangent,) = cotangents_for(joint("full")(*inputs))
    cotangent[700] = value
    got = torch.autograd.grad(joint("full")(*inputs)[0], inputs, cotangent)
    want = torch.autograd.grad(unpruned(*inputs)[0], inputs, cotangent)
    for a, b in zip(got, want, strict=True):
        assert_bit_equal(a.isfinite(), b.isfinite())


def test_columns_at_one_place(isa: str) -> None:
    """Medians that separate nothing, beside columns far away."""
    z, mu, logvar = trained(2, 1, 0.01)
    mu[:500] = 0.25
    z[:500] = 0.25
    logvar[:500] = -9
    assert is_pruned([z, mu, logvar])
    assert_contract("balanced", [z, mu, logvar])


@pytest.mark.parametrize("estimator", ["mss", "balanced"])
def test_rows_far_from_their_own_posterior(isa: str, estimator: str) -> None:
    """Every row drawn from another column: its own exponent tells little, and the running peak takes over."""
    z, mu, logvar = trained(3, 0, 0.03)
    assert_contract(estimator, [z.roll(700, 0), mu, logvar])
