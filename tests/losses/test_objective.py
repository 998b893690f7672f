"""What holds for every objective: settings both ways, one answer per sample, stacked models, one sentence."""

import pytest
import torch

from pyvae import losses

OBJECTIVES = list(losses.OBJECTIVES.values())
STRENGTH = 3.0


def made(objective: type[losses.Objective], strength: float | torch.Tensor = STRENGTH, **settings) -> losses.Objective:
    if "dataset_size" in objective.settings_of():
        settings = {"dataset_size": 1000, **settings}
    return objective(**{objective.strength: strength}, **settings)


def test_objectives_are_called_by_their_class_in_kebab_case() -> None:
    assert {"beta-vae": losses.BetaVAE, "beta-tcvae": losses.BetaTCVAE} == losses.OBJECTIVES


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_settings_go_both_ways_and_are_printed(objective) -> None:
    first = made(objective, warmup_steps=7)
    config = first.to_config()
    assert config["objective"] == objective.name() and config[objective.strength] == STRENGTH
    assert objective.from_config(config).to_config() == config
    assert set(config) == {"objective", *objective.settings_of()}
    for name in objective.settings_of():
        assert f"{name}={config[name]}" in repr(first)
        assert len(objective.help_of(name)) > 10


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_terms_are_named_and_one_per_sample(objective, posterior, reconstruction) -> None:
    terms = made(objective)(reconstruction, *posterior)
    assert terms._fields == objective.terms and terms._fields[:3] == ("loss", "reconstruction", "kl")
    assert all(term.shape == (2, 31) for term in terms)
    assert torch.equal(terms.reconstruction, reconstruction)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_stacked_models_have_their_own_strengths(objective, posterior, reconstruction) -> None:
    together = made(objective, torch.tensor([[1.0], [4.0]], dtype=torch.float64))(reconstruction, *posterior)
    for k, strength in enumerate((1.0, 4.0)):
        alone = made(objective, strength)(reconstruction[k], *(tensor[k] for tensor in posterior))
        for a, b in zip(together, alone, strict=True):
            assert torch.allclose(a[k], b)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_that_is_a_tensor_moves_with_the_module_and_is_no_state(objective) -> None:
    module = made(objective, torch.tensor([1.0, 2.0]))
    assert getattr(module.double(), objective.strength).dtype == torch.float64
    assert module.state_dict() == {} and module.to_config()[objective.strength] == [1.0, 2.0]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_can_be_set_anew_and_goes_through_a_config(objective, posterior, reconstruction) -> None:
    module = made(objective, 2.0)
    for strength in (torch.tensor([[1.0], [4.0]], dtype=torch.float64), 3.0, torch.tensor([[2.0], [2.0]]).double()):
        module.set_strength(strength)
        expected = made(objective, strength)(reconstruction, *posterior).loss
        assert torch.equal(module(reconstruction, *posterior).loss, expected)
    again = objective.from_config(module.to_config())
    assert torch.allclose(again(reconstruction, *posterior).loss, expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_that_would_widen_the_terms_is_refused(objective) -> None:
    z = torch.zeros(7, 2)
    with pytest.raises(ValueError, match=r"loss must have the shape of reconstruction, \[7\], got \[3, 7\]"):
        made(objective, torch.ones(3, 1))(torch.zeros(7), z, z, z)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_strength_warms_up_with_the_step(objective, posterior, reconstruction) -> None:
    warming, none = made(objective, warmup_steps=10), made(objective, 0.0)
    full = warming(reconstruction, *posterior).loss
    without = none(reconstruction, *posterior).loss
    for step, share in ((0, 0.0), (4, 0.4), (10, 1.0), (99, 1.0)):
        expected = without + share * (full - without)
        assert torch.allclose(warming(reconstruction, *posterior, step=step).loss, expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_objective_compiles_and_has_gradients(objective, posterior, reconstruction) -> None:
    z, mu, logvar = (tensor.float().requires_grad_() for tensor in posterior)
    module = made(objective)

    def loss(*arguments: torch.Tensor) -> torch.Tensor:
        return module(*arguments).loss.mean(-1).sum()

    expected = torch.autograd.grad(loss(reconstruction.float(), z, mu, logvar), (mu, logvar))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found = torch.autograd.grad(compiled(reconstruction.float(), z, mu, logvar), (mu, logvar))
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6) and a.abs().sum() > 0


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_terms_that_do_not_fit_are_refused_not_broadcast(objective) -> None:
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"reconstruction must have the shape of kl, \[3\], got \[3, 8, 8\]: flatten"):
        made(objective)(torch.zeros(3, 8, 8), z, z, z)
    with pytest.raises(ValueError, match=r"reconstruction must have the shape of kl, \[3\], got \[1\]"):
        made(objective)(torch.zeros(1), z, z, z)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_strength_out_of_range_is_refused(objective, value) -> None:
    with pytest.raises(ValueError, match=rf"{objective.strength} must be at least 0, got {value}"):
        made(objective, value)


def test_configs_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="objective must be beta-vae, got 'beta-tcvae'"):
        losses.BetaVAE.from_config(losses.BetaTCVAE(10).to_config())
    with pytest.raises(ValueError, match="beta-vae has no setting 'alpha': expected beta, kl, warmup_steps"):
        losses.BetaVAE.from_config({"alpha": 1.0})


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_answer_was_the_loss_alone_and_still_has_its_mean(objective, posterior, reconstruction) -> None:
    terms = made(objective)(reconstruction, *posterior)
    with pytest.warns(FutureWarning, match=r"mean\(\) of an objective's answer .* use its .loss.mean\(\) instead"):
        assert torch.equal(terms.mean(), terms.loss.mean())
    with pytest.warns(FutureWarning):
        assert torch.equal(terms.mean(dim=-1), terms.loss.mean(-1))
