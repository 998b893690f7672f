"""FactorVAE scores that are known, by rows and by an encoder."""

import numpy as np
import pytest
import torch

from pyvae.data import BlockGrid
from pyvae.metrics import Codes, factor_vae_score
from tests.metrics import known


def naive(codes: np.ndarray, factors: np.ndarray, seed: int) -> float:
    """disentanglement_lib's protocol vote by vote, 2000 and 1000 of them, batches of 64 from the rows."""
    rng = np.random.default_rng(seed)
    active = codes.std(0) >= 0.05
    votes = []
    for _ in range(3000):
        k = rng.integers(factors.shape[1])
        rows = rng.choice(np.flatnonzero(factors[:, k] == factors[rng.integers(len(factors)), k]), 64)
        ratio = codes[rows].var(0)[active] / codes.var(0)[active]
        votes.append((k, np.flatnonzero(active)[ratio.argmin()]))
    table = np.zeros((factors.shape[1], codes.shape[1]))
    for k, d in votes[:2000]:
        table[k, d] += 1
    return float(np.mean([table[:, d].argmax() == k for k, d in votes[2000:]]))


@pytest.mark.parametrize("name", ["perfect", "permuted", "scaled", "exp", "dead", "with noise", "duplicated"])
def test_a_latent_for_each_factor_scores_1(name: str) -> None:
    assert float(factor_vae_score(known.CODES[name], known.factors())) > 0.999


def test_noise_scores_chance_and_a_constant_0() -> None:
    noise = factor_vae_score(known.CODES["noise"], known.factors())
    assert noise.low < 0.2 + 0.02 and 0.17 < noise.value < 0.24
    constant = factor_vae_score(known.CODES["constant"], known.factors())
    assert (constant.value, constant.low, constant.high) == (0, 0, 0) and not constant.parts["active"].any()


@pytest.mark.parametrize("name", ["rotated", "mixed"])
def test_the_library_s_protocol_restated(name: str) -> None:
    codes, labels = known.CODES[name], known.factors().labels
    found = factor_vae_score(codes, labels, protocol="disentanglement_lib")
    assert abs(float(found) - naive(codes, labels, seed=1)) < 0.045  # of 1000 votes, 3 standard errors


def test_the_library_counts_a_small_code_as_constant_and_the_paper_does_not() -> None:
    """metrics.md: the perfect code times 0.01 scores 0 with an absolute threshold."""
    small = known.grid() * 0.01
    assert float(factor_vae_score(small, known.factors(), protocol="disentanglement_lib")) == 0
    assert float(factor_vae_score(small, known.factors())) == float(factor_vae_score(known.grid(), known.factors()))


def test_a_latent_of_little_spread_does_not_vote() -> None:
    codes = known.grid() * [1, 1, 1, 1, 0.04]
    score = factor_vae_score(codes, known.factors())
    assert score.parts["active"].tolist() == [True, True, True, True, False] and float(score) < 0.85
    assert float(factor_vae_score(codes, known.factors(), threshold=0.01)) > 0.999


def test_an_encoder_and_a_data_set_score_as_the_codes_of_its_grid() -> None:
    data_set = BlockGrid()
    mix = torch.randn(data_set.size, 3, generator=torch.Generator().manual_seed(0))
    few = {"train_votes": 1500, "test_votes": 1500}

    def encoder(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return images @ mix, torch.zeros(len(images), 3)

    by_encoder = factor_vae_score(encoder, data_set, **few)
    codes = data_set.images(data_set.test_factors()) @ mix
    by_rows = factor_vae_score(codes, data_set.labels(), **few)
    assert abs(float(by_encoder) - float(by_rows)) < 0.06
    assert by_encoder.parts["names"] == tuple(factor.name for factor in data_set.factors)
    stacked = factor_vae_score(lambda images: (images @ mix)[None], data_set, **few)
    assert stacked == by_encoder


def test_a_seed_fixes_it_and_settings_say_how() -> None:
    codes = Codes(known.rotated())
    first = factor_vae_score(codes, known.factors(), seed=3)
    assert first == factor_vae_score(codes, known.factors(), seed=3)
    assert first != factor_vae_score(codes, known.factors(), seed=4)
    assert first.settings["batch"] == 64 and first.settings["pruned"] == "std < 0.05 of the largest"
    assert first.parts["votes"].sum() == 10_000 and first.low < first.value < first.high


def test_intervals_hold_what_many_votes_give() -> None:
    codes, factors = known.noisy(2.0), known.factors()
    truth = np.mean([float(factor_vae_score(codes, factors, seed=100 + s)) for s in range(10)])
    tries = [factor_vae_score(codes, factors, test_votes=300, train_votes=3000, seed=s) for s in range(40)]
    assert np.mean([t.low <= truth <= t.high for t in tries]) >= 0.85
    width = np.median([t.high - t.low for t in tries])
    assert width < 2 * 2 * 1.96 * np.std([t.value for t in tries])


def test_rows_that_share_no_value_and_wrong_arguments() -> None:
    codes, factors = known.grid(), known.factors()
    with pytest.raises(ValueError, match="factors must have one with two values or more, of which one occurs twice"):
        factor_vae_score(codes[:5], np.arange(5))
    with pytest.raises(TypeError, match=r"an encoder with a data set, got an encoder and no data set\.$"):
        factor_vae_score(lambda images: images, factors)
    with pytest.raises(TypeError, match=r"got a data set and no encoder\.$"):
        factor_vae_score(codes, BlockGrid())
    with pytest.raises(ValueError, match=r"^codes must be an encoder that gives means \[B, D\] or \(mu, logvar\)"):
        factor_vae_score(lambda images: images[0], BlockGrid())
    with pytest.raises(ValueError, match="codes must be an encoder that gives finite means"):
        factor_vae_score(lambda images: images * torch.nan, BlockGrid())
    with pytest.raises(ValueError, match="batch must be at least 2"):
        factor_vae_score(codes, factors, batch=1)
    with pytest.raises(ValueError, match="test_votes must be at least 1"):
        factor_vae_score(codes, factors, test_votes=0)
    with pytest.raises(ValueError, match="threshold must be from 0 to 1"):
        factor_vae_score(codes, factors, threshold=2)
