"""Which marginals come from grids, which from sums, and what an outlier or a hostile value may change."""

import math

import pytest
import torch
from torch import Tensor

from tests.ops.contract import assert_bit_equal
from tests.ops.mixtures import REGIMES, Mixture, assert_contract, outcome

GRIDDED, NEAR, ALL = 0, 1, 2
M = 1024


def ordinary(m: int = M, d: int = 3) -> Mixture:
    """What a trained encoder gives."""
    return Mixture(*REGIMES["one sigma"](m, d))


def share(tiers: Tensor, tier: int) -> float:
    return (tiers == tier).double().mean().item()


@pytest.mark.parametrize("estimator", ["full", "mws", "mss", "balanced"])
@pytest.mark.parametrize("regime", ["one sigma", "broad", "mixed over four decades", "collapsed", "duplicated"])
def test_grids_serve_ordinary_posteriors(isa: str, regime: str, estimator: str) -> None:
    size = None if estimator == "full" else 20 * M
    assert share(Mixture(*REGIMES[regime](M, 4), size, estimator).tiers(), GRIDDED) >= 0.98


@pytest.mark.parametrize("origin", [-3000.0, 3000.0])
def test_grids_serve_posteriors_far_from_the_origin(isa: str, origin: float) -> None:
    """So far that a grid from there to here would have too many nodes."""
    case = ordinary()
    case.z.add_(origin), case.mu.add_(origin)
    assert share(case.tiers(), GRIDDED) >= 0.98


@pytest.mark.parametrize("change", ["a mean", "a sigma", "both", "half of the rows"])
def test_an_outlier_leaves_the_others_on_their_grids(isa: str, change: str) -> None:
    case = ordinary()
    if change in ("a mean", "both"):
        case.mu[5] = 1e6
    if change in ("a sigma", "both"):
        case.logvar[7] = 2 * math.log(1e-6)
    if change == "half of the rows":
        case.z[::2] = case.z[::2] * 1e3
    tiers = case.tiers()
    kept = tiers[1::2] if change == "half of the rows" else tiers
    assert share(kept, GRIDDED) >= 0.98
    assert_contract(case)


def test_a_grid_that_ends_among_posteriors_is_right_at_its_ends(isa: str) -> None:
    """Two outliers cut its region about 2770 from the middle, where both grid and those beyond it count for a query."""
    edge = torch.linspace(2690, 2850, 800)
    mu = torch.cat([torch.linspace(-10, 10, 2600), edge, -edge, torch.tensor([-1e6, 1e6])])[:, None]
    z = torch.cat([edge[::2], -edge[::2]])[:, None] + 0.1
    case = Mixture(z, mu, torch.zeros_like(mu))
    assert_contract(case)
    assert share(case.tiers(), GRIDDED) > 0.5


def test_a_query_far_from_everything_is_a_sum_over_all(isa: str) -> None:
    case = ordinary()
    case.z[3], case.z[500] = 1e5, -40.0
    assert bool((case.tiers()[[3, 500]] == ALL).all())
    assert_contract(case)


def test_many_beyond_reach_may_outweigh_the_near(isa: str) -> None:
    """One posterior 11.5 of its sigma away, and 20 000 broader ones just where their reach ends."""
    mu, logvar = torch.full((20_001, 1), 51.0), torch.full((20_001, 1), 2 * math.log(3.99))
    mu[0], logvar[0] = -11.5, 0.0
    case = Mixture(torch.zeros(1, 1), mu, logvar)
    assert case.tiers().item() == ALL
    assert_contract(case)


@pytest.mark.parametrize("sigma", [1e-3, 1e-2])
def test_rows_that_only_their_own_posterior_reaches_are_sums_over_the_near(isa: str, sigma: float) -> None:
    """With N / M large their own weight is small, and what the grid says of it would be all that is left."""
    mu = torch.randn(M, 2)
    mu[:32] = 30 + torch.arange(32.0)[:, None]
    logvar = torch.full_like(mu, 2 * math.log(sigma))
    z = mu + sigma * torch.randn_like(mu)
    for estimator in ("mss", "balanced"):
        case = Mixture(z, mu, logvar, 737_280, estimator)
        assert not bool((case.tiers() == ALL).any())
        assert_contract(case)


def test_a_dense_cluster_around_a_small_own_weight_is_refused_by_the_grids(isa: str) -> None:
    """Forty equal posteriors and one query each: kappa is N / M times what rtol allows for the weight left out."""
    mu = torch.cat([torch.randn(1000, 1), torch.full((40, 1), 50.0)])
    logvar = torch.full_like(mu, -6.0)
    logvar[-40:] = -6.0 + 0.01 * torch.arange(40.0)[:, None]
    z = mu + math.exp(-3) * torch.randn_like(mu)
    assert_contract(Mixture(z, mu, logvar, 10**9, "balanced"))
    assert_contract(Mixture(z, mu, logvar, 10**9, "mss", 1e-6))


def test_few_posteriors_need_no_grid(isa: str) -> None:
    for m, tier in ((32, GRIDDED), (33, GRIDDED)):
        case = Mixture(torch.zeros(5, 1), torch.zeros(m, 1), torch.zeros(m, 1))
        assert bool((case.tiers() == tier).all())
        assert_contract(case)


def test_nodes_of_a_million_posteriors_keep_their_digits(isa: str) -> None:
    """Equal ones: every addition to a running float32 total would round the same way."""
    case = Mixture(torch.tensor([[0.5]]), torch.full((1_000_000, 1), 0.7), torch.zeros(1_000_000, 1), rtol=3e-6)
    assert case.tiers().item() == GRIDDED
    want = -0.5 * (0.2**2 + math.log(2 * math.pi))
    assert case.gridded(*case.inputs)[0].item() == pytest.approx(want, abs=case.rtol + 1e-6)


@pytest.mark.parametrize("regime", ["one sigma", "all mass on one point", "mixed over four decades"])
def test_a_smaller_rtol_makes_a_smaller_error(isa: str, regime: str) -> None:
    inputs = REGIMES[regime](M, 2)
    largest = []
    for rtol in (1e-2, 1e-3, 1e-4, 1e-5):
        case = Mixture(*inputs, rtol=rtol)
        (want,) = case.exact(*(t.double() for t in inputs))
        error = (case.gridded(*inputs)[0].double() - want).abs().max().item()
        assert error <= rtol
        largest.append(error)
    assert largest[0] > 10 * largest[2] and largest[1] > largest[3]


# --- What stays where it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3e38, 1e18, 1e-40])
def test_a_hostile_query_touches_its_row_only(isa: str, value: float) -> None:
    case = ordinary()
    clean = outcome(case.gridded, case.inputs, torch.ones(M, 3))
    case.z[77, 1] = value
    got = outcome(case.gridded, case.inputs, torch.ones(M, 3))
    others = torch.arange(M) != 77
    assert_bit_equal(got.marginals[others], clean.marginals[others])
    assert_bit_equal(got.gradients[0][others], clean.gradients[0][others])
    for a, b in zip(got.gradients, clean.gradients, strict=True):
        assert_bit_equal(a[:, [0, 2]], b[:, [0, 2]])
    assert math.isnan(got.marginals[77, 1]) == math.isnan(value)


def test_a_nan_mean_or_variance_is_its_latents(isa: str) -> None:
    clean = ordinary().gridded(*ordinary().inputs)[0]
    for k in (1, 2):
        torch.manual_seed(0)
        case = ordinary()
        case.inputs[k][77, 1] = math.nan
        (got,) = case.gridded(*case.inputs)
        assert got[:, 1].isnan().all() and got[:, [0, 2]].isfinite().all()
    assert clean.isfinite().all()


def test_beyond_the_range_of_float32_is_minus_infinity(isa: str) -> None:
    case = Mixture(torch.full((40, 1), 1e18), torch.zeros(100, 1), torch.full((100, 1), -20.0))
    got = outcome(case.gridded, case.inputs, torch.zeros(40, 1))
    assert bool((got.marginals == -math.inf).all())
    assert all(bool((g == 0).all()) for g in got.gradients)


def test_a_level_that_adds_nothing_adds_no_infinite_slope(isa: str) -> None:
    """Forty posteriors so narrow that the slope of their log-density at the query is beyond float32."""
    sigma = torch.cat([torch.full((40,), 1e-21), torch.full((40,), 1.0), torch.full((1,), 2e-22)])
    mu = torch.cat([torch.zeros(40), torch.randn(40), torch.full((1,), 5.0)])[:, None]
    case = Mixture(torch.full((1, 1), 0.015), mu, 2 * sigma.log()[:, None])
    assert case.tiers().item() == ALL
    assert_contract(case)


def test_a_latent_does_not_depend_on_the_others(isa: str) -> None:
    """Nor an entry of the batch: different regimes in each, alone and together."""
    m = 257
    parts = [REGIMES[name](m, 2) for name in REGIMES]
    cotangent = torch.randn(m, 2)
    together = [torch.cat(tensors, -1) for tensors in zip(*parts, strict=True)]
    stacked = [torch.stack(tensors) for tensors in zip(*parts, strict=True)]
    wide, deep = Mixture(*together, 5000, "mss"), Mixture(*stacked, 5000, "mss")
    side = outcome(wide.gridded, wide.inputs, cotangent.repeat(1, len(parts)))
    over = outcome(deep.gridded, deep.inputs, cotangent.expand(len(parts), m, 2))
    for k, part in enumerate(parts):
        alone = outcome(wide.gridded, part, cotangent)
        columns = slice(2 * k, 2 * k + 2)
        for a, b, c in zip(
            [alone.marginals, *alone.gradients],
            [side.marginals, *side.gradients],
            [over.marginals, *over.gradients],
            strict=True,
        ):
            assert_bit_equal(b[:, columns], a)
            assert_bit_equal(c[k], a)


def test_more_latents_than_slots_of_memory(isa: str) -> None:
    """Slots hold 32 MiB together, so that latents of a large mixture take turns in few."""
    z, mu, logvar = torch.randn(9000, 50), torch.randn(9000, 50), torch.randn(9000, 50) - 3
    case = Mixture(z, mu, logvar)
    wide = outcome(case.gridded, case.inputs, torch.ones(9000, 50))
    for d in (0, 31, 49):
        alone = outcome(case.gridded, [t[:, d : d + 1] for t in case.inputs], torch.ones(9000, 1))
        assert_bit_equal(wide.marginals[:, d : d + 1], alone.marginals)
        for a, b in zip(wide.gradients, alone.gradients, strict=True):
            assert_bit_equal(a[:, d : d + 1], b)
