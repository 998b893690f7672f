"""MIG where the answer is known: one latent per factor, two that share one, none."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor

import pyvae
from pyvae.metrics import Codes, mig, mutual_information_gap
from pyvae.metrics.estimators.posteriors import terms_of
from pyvae.metrics.mig import MutualInformationGap, gaps_of
from tests.metrics import known

FACTORS = torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).repeat(25, 1)  # [600, 3]
ENTROPIES = torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64).log()


def posterior_of(mu: Tensor, logvar: float = -4.0) -> pyvae.AggregatePosterior:
    return pyvae.aggregate_posterior(mu, torch.full_like(mu, logvar))


def gap_of(posterior: pyvae.AggregatePosterior, labels: Tensor, samples: int, **drawn: Any) -> MutualInformationGap:
    return gaps_of(terms_of(posterior, labels, samples, faint=False, **drawn))


def test_a_latent_for_each_factor_is_a_gap_of_1() -> None:
    mu = torch.cat([10.0 * FACTORS, torch.zeros(600, 1)], 1)
    result = gap_of(posterior_of(mu), FACTORS, 4000, seed=0)
    expected = torch.cat([ENTROPIES.diag(), torch.zeros(3, 1, dtype=torch.float64)], 1)
    assert ((result.information.value - expected).abs() < 5 * result.information.standard_error + 1e-4).all()
    assert result.mig.value.item() == pytest.approx(1, abs=0.05)
    assert abs(result.mig.value.item() - 1) < 5 * result.mig.standard_error.item() + 1e-5  # of grids


def test_two_latents_that_tell_the_same_leave_no_gap() -> None:
    mu = 10.0 * torch.stack([FACTORS[:, 2], FACTORS[:, 2], FACTORS[:, 0]], 1)
    result = gap_of(posterior_of(mu), FACTORS[:, [2, 0]], 4000, seed=0)
    assert result.gaps.value.tolist() == pytest.approx([0, 1], abs=0.06)
    assert result.mig.value.item() == pytest.approx(0.5, abs=0.05)


def test_a_factor_told_in_part() -> None:
    """The latent tells whether the value of four is in the upper half: log 2 of log 4."""
    mu = torch.stack([10.0 * (FACTORS[:, 2] // 2), torch.zeros(600)], 1)
    result = gap_of(posterior_of(mu), FACTORS[:, 2], 4000, seed=0)
    assert result.gaps.value.item() == pytest.approx(math.log(2) / math.log(4), abs=0.03)


def test_standard_errors_are_right() -> None:
    mu = torch.cat([0.3 * FACTORS, torch.randn(600, 1)], 1)
    posterior = posterior_of(mu, -2.0)
    exact = gap_of(posterior, FACTORS, 200_000, seed=1)
    tries = [gap_of(posterior, FACTORS, 300, seed=seed) for seed in range(60)]
    for name in ("mig", "gaps"):
        values = torch.stack([getattr(t, name).value for t in tries])
        errors = torch.stack([getattr(t, name).standard_error for t in tries]).mean(0)
        assert ((values.std(0) / errors).log().abs() < math.log(1.3)).all()  # 1.3 for 60 tries
        assert ((values.mean(0) - getattr(exact, name).value).abs() < 5 * errors / math.sqrt(60) + 0.01).all()


def test_a_seed_fixes_it() -> None:
    posterior = posterior_of(FACTORS.float())
    first = gap_of(posterior, FACTORS, 50, seed=3)
    again = gap_of(posterior, FACTORS, 50, generator=torch.Generator().manual_seed(3))
    assert torch.equal(first.information.value, again.information.value)
    assert first.mig.value != gap_of(posterior, FACTORS, 50, seed=4).mig.value


def test_the_score_is_the_gap_with_its_interval_and_its_parts() -> None:
    mu, logvar = FACTORS.float(), torch.full((600, 3), -2.0)
    score, gap = (
        mig(Codes(mu, logvar), FACTORS, samples=300, seed=3),
        gap_of(posterior_of(mu, -2.0), FACTORS, 300, seed=3),
    )
    assert float(score) == score.value == gap.mig.value.item() and score.ceiling == 1
    assert (score.high - score.value) / (1.96 * gap.mig.standard_error.item()) == pytest.approx(1, abs=0.2)
    assert all(map(torch.equal, score.parts["information"], (part.mT for part in gap.information)))
    assert score.settings == {"protocol": "paper", "estimator": "posterior", "samples": 300, "seed": 3}
    assert str(score) == f"{score.value:.3f} (95 % interval {score.low:.3f} to {score.high:.3f}; at most 1)"
    assert mig(posterior_of(mu, -2.0), FACTORS, samples=300, seed=3) == score


@pytest.mark.parametrize(
    ("dtype", "shifts", "bound"),
    [(torch.float32, [0.05, -7.0, 100.0, 0.0], 1e-6), (torch.float64, [5.0, -20.0, 1000.0, 0.0], 1e-12)],
)
def test_scales_and_shifts_of_latents_leave_the_score_of_posteriors(
    dtype: torch.dtype, shifts: list[float], bound: float
) -> None:
    """Samples move with their latents: what is left is rounding, of float32 that of codes far from 0."""
    torch.manual_seed(0)
    mu = torch.cat([0.7 * FACTORS, 0.5 * FACTORS[:, :1] + torch.randn(600, 1)], 1).to(dtype)
    logvar = (0.5 * torch.randn(600, 4) - 2).to(dtype)
    scale, shift = (torch.tensor(row, dtype=dtype) for row in ([0.01, 3.0, 250.0, 1.0], shifts))
    score = mig(Codes(mu, logvar), FACTORS, samples=500, seed=1)
    moved = mig(Codes(mu * scale + shift, logvar + 2 * scale.log()), FACTORS, samples=500, seed=1)
    assert 0.2 < score.value < 0.8 and moved.value == pytest.approx(score.value, abs=bound)
    assert moved.high == pytest.approx(score.high, abs=10 * bound)


@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 170.0), (torch.float64, 1400.0)])
def test_the_narrowest_and_the_widest_posteriors_have_a_score(dtype: torch.dtype, most: float) -> None:
    mu = FACTORS.to(dtype)
    narrow, wide = (mig(Codes(mu, torch.full_like(mu, logvar)), FACTORS, samples=100) for logvar in (-most, most))
    assert narrow.value == pytest.approx(1, abs=1e-4) and wide.value == pytest.approx(0, abs=1e-4)
    with pytest.raises(ValueError, match="logvar must be from"):
        mig(Codes(mu, torch.full_like(mu, -most - 1)), FACTORS)


def test_the_earlier_name_warns_and_gives_the_estimates() -> None:
    posterior = posterior_of(FACTORS.float())
    with pytest.warns(FutureWarning, match=r"use metrics.mig\(codes, factors\) instead"):
        earlier = mutual_information_gap(posterior, FACTORS, 50, seed=3)
    assert torch.equal(earlier.mig.value, gap_of(posterior, FACTORS, 50, seed=3).mig.value)


@pytest.mark.filterwarnings("ignore:metrics.mutual_information_gap")
def test_what_the_earlier_name_refuses() -> None:
    posterior = posterior_of(FACTORS.float())
    with pytest.raises(ValueError, match=r"^labels must hold at least two values of each factor, got one of factor 0"):
        mutual_information_gap(posterior, torch.zeros(600, dtype=torch.long), 50)
    with pytest.raises(ValueError, match=r"^posterior must have at least 2 latents"):
        mutual_information_gap(posterior_of(FACTORS[:, :1].float()), FACTORS, 50)
    with pytest.raises(ValueError, match="seed and generator"):
        mutual_information_gap(posterior, FACTORS, 50, seed=0, generator=torch.Generator())


def test_what_it_refuses() -> None:
    codes = Codes(FACTORS.float(), torch.full((600, 3), -4.0))
    constant = torch.stack([FACTORS[:, 0], torch.zeros(600, dtype=torch.long)], 1)
    for given in (codes, codes.mu):
        with pytest.raises(ValueError, match=r"^factors must hold at least two values .* got one of factor 1"):
            mig(given, constant)
    for given in (posterior_of(FACTORS[:, :1].float()), FACTORS[:, :1].float()):
        with pytest.raises(ValueError, match=r"^codes must have at least 2 latents for a gap between two, got 1"):
            mig(given, FACTORS)
    with pytest.raises(ValueError, match="factors must have a row for each of the 600 codes, got 10"):
        mig(codes, FACTORS[:10])
    with pytest.raises(ValueError, match=r"codes must have a logvar for this metric: pass Codes\(mu, logvar\)"):
        mig(Codes(FACTORS.float()), FACTORS, estimator="posterior")


def test_points_are_measured_by_neighbours_on_ranks() -> None:
    grid, factors = known.grid(), known.factors()
    perfect, permuted, bent = (mig(codes, factors) for codes in (grid, grid[:, ::-1].copy(), np.exp(grid)))
    assert perfect.settings["estimator"] == "neighbours" and perfect.value == pytest.approx(1, abs=1e-3)
    assert permuted.value == pytest.approx(perfect.value, abs=1e-9) and bent.value == pytest.approx(
        perfect.value, abs=1e-9
    )
    noisy = known.noisy()
    assert mig(noisy * 1e-4, factors).value == pytest.approx(mig(noisy, factors).value, abs=1e-6)
    assert mig(np.exp(noisy), factors).value == pytest.approx(mig(noisy, factors).value, abs=1e-6)


def test_one_outlier_moves_it_by_less_than_a_thousandth() -> None:
    noisy, factors = known.noisy(), known.factors()
    far = noisy.copy()
    far[7, 2] = 1e6
    assert mig(far, factors).value == pytest.approx(mig(noisy, factors).value, abs=1e-3)
    library = [mig(codes, factors, protocol="disentanglement_lib").value for codes in (noisy, far)]
    assert library[0] - library[1] > 0.1  # a histogram of equal width puts all the others into one bin


def test_known_codes_have_known_scores() -> None:
    factors = known.factors()
    scores = {name: mig(codes, factors).value for name, codes in known.CODES.items()}
    assert scores["duplicated"] == pytest.approx(0.8, abs=0.02)  # of five factors one has two latents
    assert scores["constant"] == 0 and scores["noise"] < 0.05 and scores["rotated"] < 0.3
    assert scores["perfect"] > scores["noisy"] > scores["mixed"] > scores["noise"]


def test_the_library_s_numbers_by_its_protocol_in_a_few_lines() -> None:
    factors, codes = known.factors(), known.noisy()
    score = mig(codes, factors, protocol="disentanglement_lib")
    assert score.value == pytest.approx(naive_library_mig(codes, factors.values), abs=1e-9)
    assert score.ceiling == pytest.approx(naive_library_mig(factors.values, factors.values), abs=1e-9)
    assert score.ceiling < 1  # 20 bins cannot tell 32 values apart


def naive_library_mig(codes, factors) -> float:
    binned = [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in codes.T]
    gaps = []
    for v in factors.T:
        information = sorted(mutual_info_score(v, z) for z in binned)
        gaps.append((information[-1] - information[-2]) / mutual_info_score(v, v))
    return float(np.mean(gaps))
