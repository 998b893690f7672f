import pytest
import torch

from pyvae import kl_decomposition, losses

pytestmark = pytest.mark.usefixtures("device")


@pytest.mark.parametrize("estimator", ["mss", "mws", "balanced"])
def test_with_unit_weights_it_is_the_sampled_elbo(posterior, reconstruction, estimator) -> None:
    z, mu, logvar = posterior
    objective = losses.BetaTCVAE(1000, alpha=1, beta=1, gamma=1, estimator=estimator)
    terms = objective(reconstruction, z, mu, logvar)
    assert torch.allclose(terms.kl, losses.sampled_kl(z, mu, logvar))
    assert torch.allclose(terms.loss, reconstruction + losses.sampled_kl(z, mu, logvar))


def test_it_weighs_each_term(posterior) -> None:
    zero = torch.zeros(2, 31, dtype=torch.float64)

    def term(**weights: float) -> torch.Tensor:
        return losses.BetaTCVAE(1000, **{"alpha": 0, "beta": 0, "gamma": 0, **weights})(zero, *posterior).loss

    both = term(alpha=2, beta=3, gamma=5)
    assert torch.allclose(both, 2 * term(alpha=1) + 3 * term(beta=1) + 5 * term(gamma=1))


@pytest.mark.parametrize(
    "settings",
    [
        {"estimator": "full"},
        {"dataset_size": 500, "method": "exact"},
        {"dataset_size": 500, "method": "gridded", "rtol": 1e-3},
    ],
)
def test_its_terms_are_those_of_the_decomposition_with_the_same_settings(posterior, reconstruction, settings) -> None:
    z, mu, logvar = (tensor.float() for tensor in posterior)
    terms = losses.BetaTCVAE(**settings)(reconstruction.float(), z, mu, logvar)
    expected = kl_decomposition(z, mu, logvar, **settings)
    for name in expected._fields:
        assert torch.equal(getattr(terms, name), getattr(expected, name))


def test_weights_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="gamma must be at least 0, got -1"):
        losses.BetaTCVAE(10, gamma=-1)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"rtol": -1.0}, "rtol must be greater than 0, got -1.0"),
        ({"estimator": "exact"}, "estimator must be full, mws, mss or balanced, got 'exact'"),
        ({"method": "fast"}, "method must be auto, exact or gridded, got 'fast'"),
        ({"dataset_size": 0}, "dataset_size must be at least 1, got 0"),
        ({"dataset_size": 10, "estimator": "full"}, "dataset_size must be None for the estimator full, got 10"),
    ],
)
def test_settings_that_could_not_be_used_are_refused_at_once(settings, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        losses.BetaTCVAE(**settings)
