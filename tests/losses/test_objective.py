"""What holds for every objective: settings both ways, one answer per sample, stacked models, one sentence."""

import json

import pytest
import torch

from pyvae import losses

OBJECTIVES = list(losses.OBJECTIVES.values())
WITH_KL = [objective for objective in OBJECTIVES if not objective.deterministic]
STRENGTH = 3.0


def made(
    objective: type[losses.Objective],
    strength: float | torch.Tensor = STRENGTH,
    latents: int = 5,
    seeds: int | tuple[int, ...] = (0, 1),
    **settings,
) -> losses.Objective:
    """With a small discriminator, in float64, where there is one; by default of two stacked models."""
    if "dataset_size" in objective.settings_of():
        settings = {"dataset_size": 1000, **settings}
    if "discriminator" in objective.settings_of():
        settings = {"discriminator": (16,), **settings}
    return objective(**{objective.strength: strength}, **settings).trained_beside(latents, seeds).double()


def test_objectives_are_called_by_their_class_in_kebab_case() -> None:
    assert {
        "beta-vae": losses.BetaVAE,
        "beta-tcvae": losses.BetaTCVAE,
        "factor-vae": losses.FactorVAE,
        "dip-vae": losses.DIPVAE,
        "info-vae": losses.InfoVAE,
        "controlled-capacity": losses.ControlledCapacity,
        "free-nats": losses.FreeNats,
        "autoencoder": losses.Autoencoder,
        "denoising-autoencoder": losses.DenoisingAutoencoder,
    } == losses.OBJECTIVES


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_settings_go_both_ways_and_are_printed(objective) -> None:
    first = made(objective, schedule="linear(2, 1, 7)")
    config = first.to_config()
    assert config["objective"] == objective.name() and config[objective.strength] == STRENGTH
    assert objective.from_config(config).to_config() == config
    assert set(config) == {"objective", *objective.settings_of()}
    for name in objective.settings_of():
        assert f"{name}={config[name]}" in repr(first)
        assert len(objective.help_of(name)) > 10
    assert objective.symbol


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_terms_are_named_and_one_per_sample(objective, posterior, reconstruction) -> None:
    terms = made(objective)(reconstruction, *posterior, seed=torch.tensor([5, 6]))
    assert terms._fields == objective.terms and terms._fields[:2] == ("loss", "reconstruction")
    assert ("kl" in terms._fields) != objective.deterministic
    assert all(term.shape == (2, 31) for term in terms)
    assert torch.equal(terms.reconstruction, reconstruction)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_stacked_models_have_their_own_strengths(objective, posterior, reconstruction) -> None:
    seeds = torch.tensor([5, 6])
    stacked = made(objective, torch.tensor([[1.0], [4.0]], dtype=torch.float64))
    together = stacked(reconstruction, *posterior, seed=seeds)
    for k, strength in enumerate((1.0, 4.0)):
        one = made(objective, strength, seeds=k)
        alone = one(reconstruction[k], *(tensor[k] for tensor in posterior), seed=int(seeds[k]))
        for a, b in zip(together, alone, strict=True):
            assert torch.allclose(a[k], b)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_that_is_a_tensor_moves_with_the_module_and_is_no_state(objective) -> None:
    module = objective(**{objective.strength: torch.tensor([[1.0], [2.0]])})
    assert getattr(module.double(), objective.strength).dtype == torch.float64
    assert module.state_dict() == {} and module.to_config()[objective.strength] == [[1.0], [2.0]]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_can_be_set_anew_and_goes_through_a_config(objective, posterior, reconstruction) -> None:
    module, seed = made(objective, 2.0), torch.tensor([5, 6])
    for strength in (torch.tensor([[1.0], [4.0]], dtype=torch.float64), 3.0, torch.tensor([[2.0], [2.0]]).double()):
        module.set_strength(strength)
        expected = made(objective, strength)(reconstruction, *posterior, seed=seed).loss
        assert torch.equal(module(reconstruction, *posterior, seed=seed).loss, expected)
    again = objective.from_config(module.to_config()).trained_beside(5, (0, 1)).double()
    assert torch.allclose(again(reconstruction, *posterior, seed=seed).loss, expected)


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o is not losses.DenoisingAutoencoder])
def test_a_strength_that_would_widen_the_terms_is_refused(objective) -> None:
    z = torch.zeros(7, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"loss must have the shape of reconstruction, \[7\], got \[3, 7\]"):
        made(objective, torch.ones(3, 1), latents=2, seeds=0)(torch.zeros(7).double(), z, z, z)


@pytest.mark.parametrize("change", [{"warmup_steps": 10}, {"schedule": "warmup(10)"}, {"schedule": "warmup(25%)"}])
@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o is not losses.DenoisingAutoencoder])
def test_the_strength_changes_with_the_step(objective, change, posterior, reconstruction) -> None:
    warming, seed = made(objective, **change).within(40), torch.tensor([5, 6])
    for step, share in ((0, 0.0), (4, 0.4), (10, 1.0), (99, 1.0), (None, 1.0)):
        expected = made(objective, share * STRENGTH)(reconstruction, *posterior, seed=seed).loss
        assert torch.allclose(warming(reconstruction, *posterior, step=step, seed=seed).loss, expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_schedules_are_checked_before_a_run(objective) -> None:
    with pytest.raises(ValueError, match=r"schedule must be constant where warmup_steps is 5, got 'warmup\(9\)'"):
        made(objective, warmup_steps=5, schedule="warmup(9)")
    with pytest.raises(ValueError, match=r"schedule must be constant, warmup\(steps\), .* got 'cosine'"):
        made(objective, schedule="cosine")
    with pytest.raises(ValueError, match="warmup_steps must be at least 0, got -1"):
        made(objective, warmup_steps=-1)
    with pytest.raises(ValueError, match=r"schedule warmup\(25%\) needs a run's length: call within\(steps\)"):
        made(objective, schedule="warmup(25%)").strength_at(3)


@pytest.mark.parametrize("objective", WITH_KL)
def test_an_objective_compiles_and_has_gradients(objective, posterior, reconstruction) -> None:
    z, mu, logvar = (tensor.float().requires_grad_() for tensor in posterior)
    module, seed = made(objective, 0.1).float(), torch.tensor([5, 6])

    def loss(*arguments: torch.Tensor) -> torch.Tensor:
        return module(*arguments, seed=seed).loss.mean(-1).sum()

    expected = torch.autograd.grad(loss(reconstruction.float(), z, mu, logvar), (mu, logvar))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found = torch.autograd.grad(compiled(reconstruction.float(), z, mu, logvar), (mu, logvar))
    for a, b in zip(found, expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6) and a.abs().sum() > 0


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_configs_go_through_json(objective) -> None:
    first = made(objective, torch.tensor([[1.0], [2.0]]))
    again = objective.from_config(json.loads(json.dumps(first.to_config())))
    assert again.to_config() == first.to_config()
    assert getattr(again, objective.strength).shape == (2, 1)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_codes_of_another_shape_are_refused(objective) -> None:
    module, mu = made(objective, seeds=0).float(), torch.zeros(4, 5)
    for shape in ((3, 5), (4, 4), (1, 5)):
        with pytest.raises(ValueError, match=r"z must have the shape of mu, \[4, 5\], got"):
            module(torch.zeros(4), torch.zeros(shape), mu, mu)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_code_that_is_no_number_leaves_no_number(objective) -> None:
    mu = torch.randn(8, 5)
    mu[3, 2] = torch.nan
    terms = made(objective, seeds=0).float()(torch.zeros(8), mu, mu, torch.zeros(8, 5), seed=3)
    assert terms.loss.isnan().any() or objective is losses.DenoisingAutoencoder


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_what_is_no_number_or_text_is_refused(objective) -> None:
    for value in ([1.0, 4.0], "4"):
        with pytest.raises(TypeError, match=f"{objective.strength} must be a number or a tensor, got"):
            made(objective, value)
    with pytest.raises(TypeError, match="warmup_steps must be a whole number, got '25%': schedule takes shares"):
        made(objective, warmup_steps="25%")
    with pytest.raises(TypeError, match="schedule must be a text"):
        made(objective, schedule=None)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_strength_that_would_meet_the_batch_is_refused(objective) -> None:
    """[K] beside [K, M] would weigh rows where K is M, and not models."""
    with pytest.raises(
        ValueError, match=rf"{objective.strength} must end in an axis of 1, as \[3, 1\] of .* got \[3\]"
    ):
        made(objective, torch.ones(3))
    with pytest.raises(ValueError, match=f"{objective.strength} must be finite, got inf"):
        made(objective, float("inf"))


@pytest.mark.parametrize(
    ("objective", "name"),
    [(losses.BetaTCVAE, "alpha"), (losses.ControlledCapacity, "gamma"), (losses.DIPVAE, "lambda_d")],
)
def test_other_settings_are_plain_numbers(objective, name) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a number, got a tensor: only the strength may be one"):
        made(objective, **{name: torch.tensor(1.0)})


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_model_has_the_bits_that_it_has_alone(objective) -> None:
    codes = [tensor.requires_grad_() for tensor in torch.randn(3, 4, 32, 16)]
    reconstruction, seeds = torch.rand(4, 32, requires_grad=True), torch.arange(4)
    stacked = made(objective, latents=16, seeds=(0, 1, 2, 3)).float()
    together = stacked(reconstruction, *codes, seed=seeds)
    leaves = [reconstruction, *codes]
    grads = torch.autograd.grad(together.loss.mean(-1).sum(), leaves, allow_unused=True)
    for k in range(4):
        own = [leaf[k : k + 1].detach().requires_grad_() for leaf in leaves]
        alone = made(objective, latents=16, seeds=(k,)).float()(*own, seed=seeds[k : k + 1])
        for a, b in zip(together, alone, strict=True):
            assert torch.equal(a[k], b[0])
        for a, b in zip(grads, torch.autograd.grad(alone.loss.mean(-1).sum(), own, allow_unused=True), strict=True):
            assert (a is None and b is None) or torch.equal(a[k], b[0])


def test_a_run_s_length_can_be_told_anew() -> None:
    objective = losses.BetaVAE(4.0, schedule="warmup(25%)")
    assert objective.within(100).strength_at(10) == pytest.approx(1.6)
    assert objective.within(1000).strength_at(10) == pytest.approx(0.16)
    assert objective.to_config()["schedule"] == "warmup(25%)" and objective.strength_at(-5) == 0
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        objective.within(0)
    exact = losses.BetaVAE(4.0, kl="sampled", schedule="warmup(25%)").within(100).exact()
    assert exact.kl == "closed_form" and exact.strength_at(10) == pytest.approx(1.6)


HOSTILE = {
    "collapsed": lambda z: (z, torch.zeros_like(z), torch.zeros_like(z)),
    "tiny": lambda z: (1e-20 * z, 1e-20 * z, torch.full_like(z, -80.0)),
    "duplicated": lambda z: (z[:1].expand_as(z), z[:1].expand_as(z), torch.zeros_like(z)),
    "far": lambda z: (1e6 + z, torch.full_like(z, 1e6), torch.zeros_like(z)),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_degenerate_latents_give_finite_terms_and_gradients(objective, what) -> None:
    codes = [tensor.contiguous().requires_grad_() for tensor in HOSTILE[what](torch.randn(24, 5))]
    reconstruction = torch.rand(24, requires_grad=True)
    terms = made(objective, seeds=0).float()(reconstruction, *codes, seed=3)
    assert all(term.isfinite().all() for term in terms)
    grads = torch.autograd.grad(terms.loss.mean(), (reconstruction, *codes), allow_unused=True)
    assert all(grad.isfinite().all() for grad in grads if grad is not None)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_batch_of_one_gives_numbers_or_a_sentence(objective) -> None:
    z, module = torch.randn(1, 5), made(objective, seeds=0).float()
    if objective is losses.InfoVAE:
        with pytest.raises(ValueError, match=r"z must hold a batch of at least 2 codes, .* got \[1, 5\]"):
            module(torch.rand(1), z, z, z)
    else:
        assert all(term.isfinite().all() for term in module(torch.rand(1), z, z, z, seed=3))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_half_types_are_computed_in_float32(objective) -> None:
    codes = [tensor.to(torch.bfloat16) for tensor in torch.randn(3, 8, 5)]
    module = made(objective, seeds=0).float()
    found = module(torch.rand(8), *codes, seed=3)
    assert all(term.dtype == torch.float32 for term in found)
    large = torch.full((8, 5), 200.0, dtype=torch.float16)
    assert module(torch.rand(8), large, large, torch.zeros_like(large), seed=3).loss.isfinite().all()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_terms_that_do_not_fit_are_refused_not_broadcast(objective) -> None:
    z, module = torch.zeros(3, 2).double(), made(objective, latents=2, seeds=0)
    for shape, hint in (((3, 8, 8), ": flatten"), ((1,), "")):
        got = rf"got \[{', '.join(map(str, shape))}\]{hint}"
        with pytest.raises(ValueError, match=rf"reconstruction must have the shape of (kl|code_norm), \[3\], {got}"):
            module(torch.zeros(shape).double(), z, z, z)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("value", [-1.0, float("nan")])
def test_a_strength_out_of_range_is_refused(objective, value) -> None:
    with pytest.raises(ValueError, match=rf"{objective.strength} must be at least 0, got {value}"):
        made(objective, value)


def test_configs_of_others_are_refused() -> None:
    with pytest.raises(ValueError, match="objective must be beta-vae, got 'beta-tcvae'"):
        losses.BetaVAE.from_config(losses.BetaTCVAE(10).to_config())
    with pytest.raises(ValueError, match="beta-vae has no setting 'alpha': expected beta, kl, warmup_steps, schedule"):
        losses.BetaVAE.from_config({"alpha": 1.0})


@pytest.mark.parametrize("objective", [losses.BetaVAE, losses.BetaTCVAE])
def test_the_answer_was_the_loss_alone_and_still_has_its_mean(objective, posterior, reconstruction) -> None:
    terms = made(objective)(reconstruction, *posterior)
    with pytest.warns(FutureWarning, match=r"mean\(\) of an objective's answer .* use its .loss.mean\(\) instead"):
        assert torch.equal(terms.mean(), terms.loss.mean())
    with pytest.warns(FutureWarning):
        assert torch.equal(terms.mean(dim=-1), terms.loss.mean(-1))
