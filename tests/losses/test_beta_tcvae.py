import pytest
import torch

from pyvae import PosteriorBank, kl_decomposition, losses

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
        ({"estimator": "exact"}, "estimator must be full, mws, mss, balanced or bank, got 'exact'"),
        ({"method": "fast"}, "method must be auto, exact or gridded, got 'fast'"),
        ({"dataset_size": 0}, "dataset_size must be at least 1, got 0"),
        ({"dataset_size": 10, "estimator": "full"}, "dataset_size must be None for the estimator full, got 10"),
    ],
)
def test_settings_that_could_not_be_used_are_refused_at_once(settings, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        losses.BetaTCVAE(**settings)


# --- With a bank ------------------------------------------------------------------------------------------------------


def of_a_bank(posterior, index=range(31)) -> tuple[torch.Tensor, ...]:
    z, mu, logvar = (tensor.float() for tensor in posterior)
    return z, mu, logvar, torch.tensor([*index])


def test_its_terms_are_those_of_the_bank(posterior, reconstruction) -> None:
    *tensors, index = of_a_bank(posterior)
    banks = [PosteriorBank(100, 5, leading=(2,)) for _ in range(2)]
    objective = losses.BetaTCVAE(bank=banks[0], beta=3)
    terms = objective(reconstruction.float(), *tensors, index=index)
    parts = banks[1].kl_decomposition(*tensors, index)
    for name in parts._fields:
        assert torch.equal(getattr(terms, name), getattr(parts, name))
    weighed = parts.mutual_information + 3 * parts.total_correlation + parts.dimwise_kl
    assert torch.allclose(terms.loss, reconstruction.float() + weighed)
    assert int(banks[0].filled.sum()) == 2 * 31


def test_its_bank_is_a_module_of_its_own() -> None:
    bank = PosteriorBank(100, 5)
    objective = losses.BetaTCVAE(bank=bank)
    assert objective.indexed and objective.dataset_size == 100 and objective.estimator == "bank"
    assert (
        set(objective.state_dict()) == {f"bank.{name}" for name in bank.state_dict()}
        and not objective.eval().bank.training
    )
    assert objective.to_config() | {"beta": 6.0} == losses.BetaTCVAE(100, estimator="bank").to_config()
    assert "bank" not in objective.settings_of()


def test_a_bank_of_stacked_models_is_made_beside_them() -> None:
    objective = losses.BetaTCVAE(50, estimator="bank", rtol=1e-4).trained_beside(5, torch.tensor([3, 4]))
    assert objective.bank.mu.shape == (2, 50, 5) and objective.bank.rtol == 1e-4
    assert losses.BetaTCVAE(50, estimator="bank").trained_beside(5, 0).bank.mu.shape == (50, 5)
    assert objective.trained_beside(5, torch.tensor([3, 4])).bank is objective.bank
    assert losses.BetaTCVAE(50).trained_beside(5, 0).bank is None


def test_images_of_other_data_need_no_index_in_evaluation(posterior, reconstruction) -> None:
    z, mu, logvar, index = of_a_bank([tensor[0] for tensor in posterior])
    objective = losses.BetaTCVAE(bank=PosteriorBank(100, 5))
    objective(reconstruction[0].float(), z, mu, logvar, index=index)
    terms = objective.eval()(reconstruction[0].float(), z, mu, logvar)
    assert torch.allclose(terms.kl, losses.sampled_kl(z, mu, logvar), atol=1e-4)
    with pytest.raises(ValueError, match="index must be given where rows are stored"):
        objective.train()(reconstruction[0].float(), z, mu, logvar)


def test_objectives_may_share_a_bank(posterior, reconstruction) -> None:
    z, mu, logvar, index = of_a_bank([tensor[0] for tensor in posterior])
    bank = PosteriorBank(100, 5)
    learning, judging = losses.BetaTCVAE(bank=bank), losses.BetaTCVAE(bank=bank).eval()
    learning(reconstruction[0].float(), z, mu, logvar, index=index)
    judging(reconstruction[0].float(), z + 1, mu + 1, logvar, index=index)
    assert torch.equal(bank.mu[:31], mu)


def test_what_a_bank_cannot_be_asked_is_refused(posterior, reconstruction) -> None:
    z, mu, logvar, index = of_a_bank([tensor[0] for tensor in posterior])
    call = reconstruction[0].float(), z, mu, logvar
    with pytest.raises(TypeError, match=r"bank must be a pyvae\.PosteriorBank, got int"):
        losses.BetaTCVAE(bank=3)
    with pytest.raises(ValueError, match="estimator must be bank where a bank is given, got 'mws'"):
        losses.BetaTCVAE(bank=PosteriorBank(100, 5), estimator="mws")
    bank = PosteriorBank(100, 5)
    with pytest.raises(ValueError, match=r"reconstruction must have the shape \[31\] of the codes, got \[30\]"):
        losses.BetaTCVAE(bank=bank)(call[0][1:], *call[1:], index=index)
    assert not bool(bank.filled.any())
    with pytest.raises(ValueError, match="dataset_size must be the bank's, 100, got 90"):
        losses.BetaTCVAE(90, bank=PosteriorBank(100, 5))
    with pytest.raises(ValueError, match="bank must be given for the estimator bank"):
        losses.BetaTCVAE(100, estimator="bank")(*call, index=index)
    with pytest.raises(ValueError, match="dataset_size must be given for the estimator bank"):
        losses.BetaTCVAE(estimator="bank").trained_beside(5, 0)
    with pytest.raises(ValueError, match="log_weights must be None for beta-tcvae that keeps something of every image"):
        losses.BetaTCVAE(bank=PosteriorBank(100, 5))(*call, index=index, log_weights=torch.zeros(31))
    with pytest.raises(ValueError, match="index must be None for beta-tcvae, which keeps nothing of single images"):
        losses.BetaTCVAE(100)(*call, index=index)
