import sys

import numpy as np
import pytest
import torch

from pyvae import metrics
from pyvae.metrics import Codes, Factors
from pyvae.ops import gaussian_kl
from pyvae.studies.agreement import measures
from pyvae.studies.agreement.likelihood import _rotated_kl, likelihood_of
from pyvae.studies.agreement.measures import UNROTATED, Rotated, rotation_matrix
from pyvae.studies.agreement.recipe import recipes
from pyvae.studies.agreement.texts import CONTENT, DISENTANGLEMENT, LABELS, PROTOCOLS, UNSUPERVISED, USE
from pyvae.training import train
from pyvae.training.train import Training
from tests.studies.agreement.tiny import tiny


@pytest.fixture(autouse=True)
def one_way_of_stepping(monkeypatch) -> None:
    """Nothing is measured to choose it."""
    monkeypatch.setattr(sys.modules[Training.__module__], "stepping_of", lambda *_: "fused")


@pytest.fixture(scope="module")
def world() -> tuple[Codes, Factors]:
    """Three factors, each in a latent of its own, and one latent of noise."""
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(400, 3))
    means = np.column_stack([factors - 1.5 + 0.1 * rng.normal(size=factors.shape), 0.01 * rng.normal(size=400)])
    codes = Codes(torch.tensor(means).float(), torch.full(means.shape, -4.0))
    return codes, Factors(factors)


@pytest.fixture(scope="module")
def all_scores(world) -> dict[str, float]:
    found = {}
    for metric in measures.of_rotated_models():
        for name, one in metric.measure(*world, protocol="paper", seed=0).items():
            found[name] = float(one)
    return found


def test_every_score_has_a_family_and_a_name(all_scores) -> None:
    of_decoder = {"udr", "reconstruction", "elbo"}
    other_readings = {other for others in PROTOCOLS.values() for other, _ in others}
    rotated = {f"rotated_{name}" for name in UNROTATED}
    told = {*DISENTANGLEMENT, *CONTENT, *USE, *UNSUPERVISED} - of_decoder | other_readings | rotated
    assert told == set(all_scores) and set(LABELS) >= {*DISENTANGLEMENT, *CONTENT, *USE, *UNSUPERVISED}
    assert set(measures.SECOND_PROTOCOLS) == set(PROTOCOLS) and set(UNROTATED) == set(Rotated._fields)


def test_second_protocols_are_what_they_say(world, all_scores) -> None:
    codes, factors = world
    for score, name in (("mig", "mig_20_bins"), ("sap", "sap_not_standardised")):
        library = getattr(metrics, score)(codes, factors, protocol="disentanglement_lib", seed=0)
        assert all_scores[name] == float(library) != all_scores[score]
    assert all_scores["mig_of_means"] == float(metrics.mig(codes.means, factors, seed=0))


def test_a_rotation_lowers_scores_of_latents_and_no_accuracy(all_scores) -> None:
    for name, plain in UNROTATED.items():
        fall = all_scores[plain] - all_scores[f"rotated_{name}"]
        if name in ("mig", "sap", "dci"):
            assert fall > 0.04, name
        if name == "downstream_accuracy":
            assert abs(fall) < 0.01


def test_rotations_are_orthogonal_and_each_seeds_own() -> None:
    turn = rotation_matrix(10, 0)
    assert turn @ turn.T == pytest.approx(np.eye(10), abs=1e-12)
    assert (turn == rotation_matrix(10, 0)).all() and not (turn == rotation_matrix(10, 1)).any()


def test_kl_and_total_correlation_of_posteriors(world, all_scores) -> None:
    codes, _ = world
    assert all_scores["kl"] == pytest.approx(float(gaussian_kl(codes.mu.double(), codes.logvar.double()).mean()))
    whole = codes.posterior.kl_decomposition(seed=0)
    assert all_scores["aggregate_information"] == float(whole.mutual_information.value)
    assert abs(all_scores["aggregate_total_correlation"]) < 0.4  # factors are drawn independently


def test_a_rotated_model_has_the_same_likelihood() -> None:
    recipe = recipes(tiny())["beta-vae"]
    trained = train(recipe)
    images = recipe.data.test_images(torch.arange(100))
    found = likelihood_of(recipe, trained, 0, images, 3)
    assert found.elbo == pytest.approx(found.rotated_elbo, abs=1e-5) and found.reconstruction > 0
    mu, logvar = torch.randn(20, 6), torch.randn(20, 6)
    plain = float(gaussian_kl(mu.double(), logvar.double()).mean())
    assert float(_rotated_kl(mu, logvar, torch.from_numpy(rotation_matrix(6, 0)))) == pytest.approx(plain, rel=1e-12)
    stretched = 2 * torch.from_numpy(rotation_matrix(6, 0))  # no rotation: the check can fail
    assert float(_rotated_kl(mu, logvar, stretched)) != pytest.approx(plain, rel=0.1)


def test_a_model_without_finite_codes_has_no_likelihood() -> None:
    recipe = recipes(tiny())["beta-vae"]
    trained = train(recipe)
    with torch.no_grad():
        next(trained.model.parameters()).fill_(torch.nan)
    assert likelihood_of(recipe, trained, 0, recipe.data.test_images(torch.arange(4)), 0) is None
