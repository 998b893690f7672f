import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.metrics import roc_auc_score, roc_curve

import pyvae
from pyvae.losses import GaussianReconstruction, gaussian_reconstruction
from pyvae.pictures import NothingToShow, draw_roc, negative_elbo, roc, unusual
from tests.pictures.linear import Broken, Linear, images

RNG = np.random.default_rng(0)


def test_the_elbo_of_a_linear_model_is_known() -> None:
    x, model, logvar = images(40), Linear(logvar=-2.0), -2.0
    found = negative_elbo(model, x, GaussianReconstruction(0.5), draws=4000)
    mu, logvars = model.encode(x)
    # Of the two numbers that the code holds what is left is the posterior's noise over the scale.
    noise = float(np.exp(logvar)) * (1 / model.scale.square()).sum()
    expected = x[:, 2:].square().sum(-1) + noise + pyvae.gaussian_kl(mu, logvars)
    torch.testing.assert_close(found, expected.double(), rtol=0.01, atol=0.01)


def test_of_a_deterministic_autoencoder_it_is_the_reconstruction() -> None:
    x, model = images(40), Linear()
    found = negative_elbo(model, x, GaussianReconstruction(), deterministic=True)
    torch.testing.assert_close(found, gaussian_reconstruction(x, model.decode(model.encode(x)[0])).double())


def test_an_image_of_another_kind_is_the_oddest() -> None:
    x = images(40)
    x[17, 2:] += 3
    x[5, 2:] += 2
    assert unusual(negative_elbo(Linear(), x, GaussianReconstruction()), 2).tolist() == [17, 5]
    assert unusual(torch.tensor([1.0, 2.0, 2.0]), 9).tolist() == [1, 2, 0]


def test_a_diverged_model_is_a_sentence() -> None:
    with pytest.raises(NothingToShow, match=r"The ELBO is not finite: the model has diverged"):
        negative_elbo(Broken(), images(), GaussianReconstruction())
    with pytest.raises(ValueError, match=r"draws must be at least 1, got 0"):
        negative_elbo(Linear(), images(), GaussianReconstruction(), draws=0)


@pytest.mark.parametrize("digits", [8, 0])  # without and with many ties
def test_the_curve_and_its_area_are_scikit_learns(digits) -> None:
    odd = RNG.random(300) < 0.3
    scores = (RNG.normal(size=300) + odd).round(digits)
    found = roc(scores, odd)
    assert found.auc == pytest.approx(roc_auc_score(odd, scores), abs=1e-12)
    false, true, _ = roc_curve(odd, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.false_positives, false, atol=1e-12)
    np.testing.assert_allclose(found.true_positives, true, atol=1e-12)


@pytest.mark.parametrize(("odd", "known"), [(20, 20), (10, 300)])
@pytest.mark.parametrize("area", [0.5, 0.95])
def test_intervals_hold_the_truth(odd, known, area) -> None:
    rng, gap, trials = np.random.default_rng(1), np.sqrt(2) * norm.ppf(area), 300
    kinds = np.arange(odd + known) < odd
    hits = 0
    for _ in range(trials):
        found = roc(rng.normal(size=odd + known) + gap * kinds, kinds)
        hits += found.low <= area <= found.high
    assert 0.92 * trials <= hits  # of 95 %, less two standard errors


def test_all_told_apart_is_no_point() -> None:
    found = roc([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1])
    assert found.auc == found.high == 1.0 and 0.1 < found.low < 0.9
    label = draw_roc(found).axes[0].get_legend_handles_labels()[1][1]
    assert label == f"AUC 1.000 ({found.low:.3f} to 1.000)"


def test_one_kind_alone_has_no_roc() -> None:
    with pytest.raises(NothingToShow, match=r"needs odd and known images, and these are 0 and 2"):
        roc([1.0, 2.0], [False, False])
    with pytest.raises(ValueError, match=r"odd must have the shape of scores, \[N\], got \[1\] and \[2\]"):
        roc([1.0, 2.0], [True])
    with pytest.raises(ValueError, match=r"scores must be numbers, got a NaN"):
        roc([1.0, np.nan], [True, False])
