"""BetaVAE scores that are known, by rows and by an encoder."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from pyvae.data import BlockGrid
from pyvae.metrics import beta_vae_score
from tests.metrics import known

FEW = {"train_batches": 2000, "test_batches": 2000}


def naive(codes: np.ndarray, factors: np.ndarray, seed: int) -> float:
    """disentanglement_lib's protocol batch by batch: 2000 to learn from and 1000 to tell, of 64 pairs."""
    rng = np.random.default_rng(seed)
    held, features = [], []
    for _ in range(3000):
        k = rng.integers(factors.shape[1])
        first = rng.integers(len(codes), size=64)
        second = [rng.choice(MEMBERS[k][value]) for value in factors[first, k]]
        held.append(k)
        features.append(np.abs(codes[first] - codes[second]).mean(0))
    model = LogisticRegression().fit(features[:2000], held[:2000])
    return float(model.score(features[2000:], held[2000:]))


MEMBERS = [[np.flatnonzero(column == v) for v in range(column.max() + 1)] for column in known.factors().labels.T]


@pytest.mark.parametrize("name", ["perfect", "permuted", "scaled", "exp", "dead", "with noise", "duplicated"])
def test_a_latent_for_each_factor_scores_1(name: str) -> None:
    assert float(beta_vae_score(known.CODES[name], known.factors(), **FEW)) > 0.999


def test_what_says_nothing_scores_chance() -> None:
    for name in ("noise", "constant"):
        score = beta_vae_score(known.CODES[name], known.factors(), **FEW)
        assert score.value < 0.25 and abs(score.parts["chance"] - 0.2) < 0.03


def test_a_rotated_code_is_told_in_part() -> None:
    assert 0.7 < float(beta_vae_score(known.rotated(), known.factors(), **FEW)) < 0.95


def test_the_library_s_protocol_restated() -> None:
    found = beta_vae_score(known.rotated(), known.factors().labels, protocol="disentanglement_lib")
    assert abs(float(found) - naive(known.rotated(), known.factors().labels, seed=1)) < 0.04  # of 1000 batches


def test_scales_of_latents_do_not_matter_but_to_the_library() -> None:
    codes, scaled = known.rotated(), known.rotated() * [1, 1e-3, 1e3, 1, 1e-6]
    assert float(beta_vae_score(codes, known.factors(), **FEW)) == pytest.approx(
        float(beta_vae_score(scaled, known.factors(), **FEW)), abs=2e-3
    )
    far = beta_vae_score(scaled, known.factors(), protocol="disentanglement_lib", **FEW)
    assert float(far) < float(beta_vae_score(codes, known.factors(), protocol="disentanglement_lib", **FEW)) - 0.02


def test_an_encoder_and_a_data_set_score_as_the_codes_of_its_grid() -> None:
    data_set = BlockGrid()
    mix = torch.randn(data_set.size, 3, generator=torch.Generator().manual_seed(0))
    by_encoder = beta_vae_score(lambda images: images @ mix, data_set, **FEW)
    codes = data_set.images(data_set.test_factors()) @ mix
    assert abs(float(by_encoder) - float(beta_vae_score(codes, data_set.labels(), **FEW))) < 0.06


def test_a_seed_fixes_it_and_settings_name_the_probe() -> None:
    first = beta_vae_score(known.rotated(), known.factors(), seed=3, **FEW)
    assert first == beta_vae_score(known.rotated(), known.factors(), seed=3, **FEW)
    assert first.settings["probe"].startswith("LogisticRegression, C=1")
    assert first.low < first.value < first.high


def test_one_factor_is_always_told() -> None:
    labels = known.factors().labels[:, 2]
    assert float(beta_vae_score(known.grid(), labels, **FEW)) == 1.0
    assert float(beta_vae_score(known.grid(), known.factors(), train_batches=1, test_batches=50)) < 0.5


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match=r"^batch must be at least 1, got 0\.$"):
        beta_vae_score(known.grid(), known.factors(), batch=0)
    with pytest.raises(ValueError, match="factors must have one with two values"):
        beta_vae_score(known.grid(), np.zeros(known.ROWS))
