"""Both halves of a training step of stacked VAEs, against a plain module, autograd and torch.optim.Adam."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import pyvae
from pyvae.losses import bernoulli_reconstruction, gaussian_reconstruction
from pyvae.nn import StackedVAE
from pyvae.ops.stacked_vae import Encoded, StackedShape, stacked_vae_forward, stacked_vae_update
from tests.ops.contract import assert_bit_equal

# (K, B, inputs, hidden, latents): sizes where vectors, tiles, panels and blocks of a panel's rows end.
SHAPES = [
    (1, 1, 1, (), 1),
    (2, 3, 5, (), 2),
    (1, 7, 17, (4,), 1),
    (3, 6, 33, (13, 8), 3),
    (2, 64, 49, (64, 64), 9),
    (2, 65, 130, (257, 31), 5),
    (1, 130, 300, (129,), 33),
]
LIKELIHOODS = ["gaussian", "bernoulli"]
VARIANCE = 0.25
RATE = 3e-3


def loss_of(reconstruction: Tensor, z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """Something that depends on everything that objectives may."""
    rates = torch.arange(1, 1 + reconstruction.shape[1], dtype=reconstruction.dtype)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(-1)
    return (reconstruction / rates + 2 * kl + 0.3 * z.sin().sum(-1)).mean(-1).sum()


class Fused:
    """Models whose parameters lie in one matrix, with steps in two calls."""

    def __init__(self, model: StackedVAE, likelihood: str) -> None:
        layers = [*model.encoder, *model.decoder]
        parameters = [p.detach() for layer in layers for p in (layer.weight, layer.bias)]
        offsets = [0, *itertools.accumulate(p[0].numel() + 3 for p in parameters)]  # off every alignment
        hidden = model.hidden
        self.shape = StackedShape(
            (model.inputs, *hidden, 2 * model.latents),
            (model.latents, *reversed(hidden), model.inputs),
            tuple(offsets[:-1]),
            likelihood,
            VARIANCE,
        )
        self.values = torch.full((model.models, offsets[-1]), 7.0, dtype=parameters[0].dtype)
        self.views = [
            self.values[:, o : o + p[0].numel()].view(p.shape) for o, p in zip(offsets[:-1], parameters, strict=True)
        ]
        for view, parameter in zip(self.views, parameters, strict=True):
            view.copy_(parameter)
        self.moments = (torch.zeros_like(self.values), torch.zeros_like(self.values))

    def step(self, x: Tensor, seed: Tensor, number: int) -> Encoded:
        encoded = stacked_vae_forward(x, seed, self.values, self.shape)
        inputs = [value.detach().requires_grad_() for value in encoded[:4]]
        grads = torch.autograd.grad(loss_of(*inputs), inputs)
        stacked_vae_update(
            grads, x, seed, encoded, self.values, self.moments, self.shape, learning_rate=RATE, step=number
        )
        return encoded


def plain_step(model: StackedVAE, likelihood: str, adam: torch.optim.Adam, x: Tensor, eps: Tensor) -> Encoded:
    mu, logvar = model.encode(x)
    z = mu + (logvar / 2).exp() * eps
    decoded = model.decode(z)
    if likelihood == "gaussian":
        reconstruction = gaussian_reconstruction(x, decoded, VARIANCE)
    else:
        reconstruction = bernoulli_reconstruction(x, decoded)
    adam.zero_grad()
    loss_of(reconstruction, z, mu, logvar).backward()
    adam.step()
    return Encoded(reconstruction.detach(), z.detach(), mu.detach(), logvar.detach(), torch.empty(0))


def models_of(shape: tuple[int, int, int, tuple[int, ...], int], dtype: torch.dtype) -> tuple[StackedVAE, Tensor]:
    models, batch, inputs, hidden, latents = shape
    model = StackedVAE(models, inputs, hidden, latents, seeds=range(models)).to(dtype)
    return model, torch.rand(models, batch, inputs, dtype=dtype)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_steps_are_those_of_autograd_and_adam(isa: str, shape, dtype, likelihood) -> None:
    model, x = models_of(shape, dtype)
    fused, seeds = Fused(model, likelihood), torch.arange(shape[0])
    exact = StackedVAE(*shape[:1], *shape[2:]).double()
    exact.load_state_dict(model.state_dict())
    adam = torch.optim.Adam(exact.parameters(), RATE)
    tolerance = 2e-4 if dtype == torch.float32 else 1e-11
    for number in range(1, 4):
        got = fused.step(x, seeds + number, number)
        zeros = torch.zeros_like(got.mu)
        eps = pyvae.reparameterize(zeros, zeros, seed=seeds + number)  # which depends on the dtype
        want = plain_step(exact, likelihood, adam, x.double(), eps.double())
        for name in ("reconstruction", "z", "mu", "logvar"):
            a, b = getattr(got, name).double(), getattr(want, name)
            assert torch.allclose(a, b, rtol=tolerance, atol=tolerance), name
    layers = [p for layer in (*exact.encoder, *exact.decoder) for p in (layer.weight, layer.bias)]
    for k, parameter in enumerate(layers):
        # Adam's first steps are as long for a gradient of rounding errors as for any other.
        apart = (fused.views[k].double() - parameter).abs()
        assert (apart > RATE * 500 * tolerance).double().mean() < 1e-2
        begin, count = fused.shape.offsets[k], parameter[0].numel()
        for moments, name in zip(fused.moments, ("exp_avg", "exp_avg_sq"), strict=True):
            got_moment = moments[:, begin : begin + count].view(parameter.shape).double()
            want_moment = adam.state[parameter][name]
            scale = want_moment.abs().max() + 1e-30
            assert ((got_moment - want_moment).abs().max() / scale) < 10 * tolerance, (k, name)


def test_what_lies_between_parameters_stays_as_it_was() -> None:
    model, x = models_of(SHAPES[3], torch.float32)
    fused = Fused(model, "gaussian")
    between = torch.ones_like(fused.values, dtype=torch.bool)
    for offset, view in zip(fused.shape.offsets, fused.views, strict=True):
        between[:, offset : offset + view[0].numel()] = False
    fused.step(x, torch.arange(3), 1)
    assert between.any() and (fused.values[between] == 7).all()
    assert all((moment[between] == 0).all() for moment in fused.moments)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_model_has_the_same_bits_alone_and_with_any_number_of_threads(isa: str, shape) -> None:
    _, batch, inputs, hidden, latents = shape
    model, x = models_of((5, batch, inputs, hidden, latents), torch.float32)
    seeds, before = torch.arange(5), torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 16):
            torch.set_num_threads(threads)
            fused = Fused(model, "gaussian")
            encoded = fused.step(x, seeds, 1)
            results.append([*encoded, fused.values, *fused.moments])
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_bit_equal(b, a)
    for k in range(5):
        alone = Fused(model.select([k]), "gaussian")
        encoded = alone.step(x[k : k + 1], seeds[k : k + 1], 1)
        for a, b in zip(results[0], [*encoded, alone.values, *alone.moments], strict=True):
            assert_bit_equal(b[0], a[k])


def test_a_diverged_model_leaves_the_others_alone() -> None:
    model, x = models_of((3, 33, 40, (17,), 4), torch.float32)
    healthy, ill = Fused(model, "bernoulli"), Fused(model, "bernoulli")
    ill.values[1, 5] = float("nan")
    for number in (1, 2):
        encoded = healthy.step(x, torch.arange(3), number)
        others = ill.step(x, torch.arange(3), number)
    assert others.reconstruction[1].isnan().all() and ill.values[1].isnan().any()
    for k in (0, 2):
        assert_bit_equal(others.reconstruction[k], encoded.reconstruction[k])
        assert_bit_equal(ill.values[k], healthy.values[k])


@pytest.mark.parametrize("logit", [0.0, 1e-3, -20.0, 20.0, -88.0, 88.0, 1e4, -1e4])
def test_the_bernoulli_likelihood_holds_for_any_logit(isa: str, logit: float) -> None:
    model = StackedVAE(1, 5, (), 1)
    nn.init.constant_(model.decoder[0].bias, logit)
    x = torch.tensor([[[0.0, 0.25, 0.5, 0.75, 1.0]]])
    fused = Fused(model, "bernoulli")
    encoded = fused.step(x, torch.zeros(1, dtype=torch.int64), 1)
    want = bernoulli_reconstruction(x.double(), torch.full((1, 1, 5), logit, dtype=torch.float64))
    assert torch.allclose(encoded.reconstruction.double(), want, rtol=1e-6, atol=1e-6)
    gradient = torch.full((5,), logit, dtype=torch.float64).sigmoid() - x[0, 0].double()
    begin = fused.shape.offsets[3]  # the decoder's bias; a first moment is a tenth of the gradient
    assert torch.allclose(10 * fused.moments[0][0, begin : begin + 5].double(), gradient, rtol=1e-5, atol=1e-6)


def test_opcheck() -> None:
    model, x = models_of(SHAPES[3], torch.float32)
    fused, seeds = Fused(model, "gaussian"), torch.arange(3)
    shape = [list(fused.shape.encoder), list(fused.shape.decoder), list(fused.shape.offsets), 0, 2.0]
    torch.library.opcheck(torch.ops.pyvae.stacked_vae_forward.default, (x, seeds, fused.values, *shape))
    encoded = stacked_vae_forward(x, seeds, fused.values, fused.shape)
    grads = [torch.randn_like(value) for value in encoded[:4]]
    update = (*grads, x, encoded.z, encoded.logvar, seeds, encoded.activations, fused.values, *fused.moments, *shape)
    torch.library.opcheck(torch.ops.pyvae.stacked_vae_update.default, (*update, 1e-3, 1))


REFUSED = {
    "x of shape": lambda f, x: stacked_vae_forward(x[..., :-1], torch.arange(3), f.values, f.shape),
    "contiguous parameters of shape": lambda f, x: stacked_vae_forward(x, torch.arange(3), f.values[:2], f.shape),
    "one int64 seed": lambda f, x: stacked_vae_forward(x, torch.arange(2), f.values, f.shape),
    "one dtype": lambda f, x: stacked_vae_forward(x.double(), torch.arange(3), f.values, f.shape),
    "offsets within": lambda f, x: stacked_vae_forward(
        x, torch.arange(3), f.values, f.shape._replace(offsets=(*f.shape.offsets[:-1], f.values.shape[1]))
    ),
    "an offset for every": lambda f, x: stacked_vae_forward(
        x, torch.arange(3), f.values, f.shape._replace(offsets=f.shape.offsets[:-1])
    ),
    "ends in mu and logvar": lambda f, x: stacked_vae_forward(
        x, torch.arange(3), f.values, f.shape._replace(decoder=(4, *f.shape.decoder[1:]))
    ),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_does_not_fit_is_refused(words: str) -> None:
    model, x = models_of(SHAPES[3], torch.float32)
    with pytest.raises(RuntimeError, match=words):
        REFUSED[words](Fused(model, "gaussian"), x)


def test_an_update_that_does_not_fit_is_refused() -> None:
    model, x = models_of(SHAPES[3], torch.float32)
    fused, seeds = Fused(model, "gaussian"), torch.arange(3)
    encoded = stacked_vae_forward(x, seeds, fused.values, fused.shape)
    grads = list(encoded[:4])

    def update(grads=grads, moments=fused.moments, step=1) -> None:
        stacked_vae_update(grads, x, seeds, encoded, fused.values, moments, fused.shape, learning_rate=RATE, step=step)

    with pytest.raises(RuntimeError, match="the shapes of what they belong to"):
        update(grads=[grads[0][:, :-1], *grads[1:]])
    with pytest.raises(RuntimeError, match="the shapes of what they belong to"):
        update(moments=(fused.moments[0], fused.moments[1][:, 1:]))
    with pytest.raises(RuntimeError, match="counted from 1"):
        update(step=0)
    update()
