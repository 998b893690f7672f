"""Hierarchical VAEs: one layer against StackedVAE, linear chains and small networks whose answers are known."""

import doctest
import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

import pyvae
from pyvae.losses import gaussian_reconstruction, sampled_kl
from pyvae.nn import StackedVAE, stack
from pyvae.nn import hierarchical as module
from pyvae.nn.hierarchical import StackedHierarchicalVAE


@pytest.fixture
def vae() -> StackedHierarchicalVAE:
    return StackedHierarchicalVAE(3, 20, hidden=(13, 7), layers=(5, 4, 3), seeds=[5, 6, 7])


# --- One layer --------------------------------------------------------------------------------------------------------


def test_one_layer_is_a_stacked_vae(device) -> None:
    plain = StackedVAE(3, 20, hidden=(13, 7), latents=4, seeds=[5, 6, 7])
    one = StackedHierarchicalVAE(3, 20, hidden=(13, 7), layers=(4,), seeds=[5, 6, 7])
    for (name, a), (also, b) in zip(plain.named_parameters(), one.named_parameters(), strict=True):
        assert name == also and torch.equal(a, b)
    x, seed = torch.randn(3, 11, 20), torch.tensor([4, -9, 2**62])
    want, got = plain(x, seed=seed), one(x, seed=seed)
    kl = pyvae.gaussian_kl(want.mu, want.logvar)
    for a, b in zip(want, (got.decoded, *got.z, *got.mu, *got.logvar), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(kl, got.kl) and torch.equal(kl.unsqueeze(-1), got.kl_of_layers)
    plain_gradients = torch.autograd.grad((want.decoded.square().sum(-1) + kl).sum(), list(plain.parameters()))
    gradients = torch.autograd.grad((got.decoded.square().sum(-1) + got.kl).sum(), list(one.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(plain_gradients, gradients, strict=True))


@pytest.mark.parametrize("seed", [None, 3])
def test_one_layer_draws_what_a_stacked_vae_draws(seed) -> None:
    plain = StackedVAE(2, 20, hidden=(13,), latents=4, seeds=[5, 6])
    one = StackedHierarchicalVAE(2, 20, hidden=(13,), layers=(4,))
    one.load_state_dict(plain.state_dict())
    x, drawn = torch.randn(6, 20), []
    for model in (plain, one):
        torch.manual_seed(1)
        drawn.append(model(x, seed=seed).decoded)
    assert torch.equal(*drawn)


# --- A linear chain whose answers are known ---------------------------------------------------------------------------

CODE, INPUTS, NOISE = 3, 6, 0.3
SLOPE, INNER, SCALE = 0.8, 0.5, 1.7


class Chain(NamedTuple):
    """h_2 ~ N(0, I), h_1 | h_2 ~ N(a U h_2 + b, s^2 I), x | h_1 ~ N(c R h_1 + d, v I), U and the columns of R
    orthonormal: posteriors have diagonal covariances although every mean mixes all of what it is made of."""

    vae: StackedHierarchicalVAE
    log_likelihood: MultivariateNormal
    mix: Tensor
    offset: Tensor


def chain() -> Chain:
    generator = torch.Generator().manual_seed(8)

    def normals(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    u, r = torch.linalg.qr(normals(CODE, CODE)).Q, torch.linalg.qr(normals(INPUTS, CODE)).Q
    b, d = normals(CODE), normals(INPUTS)
    total = SLOPE**2 + INNER**2  # the variance of h_1
    precision = 1 / total + SCALE**2 / NOISE
    vae = StackedHierarchicalVAE(1, INPUTS, hidden=(), layers=(CODE, CODE)).double()
    affine(vae.decoder, SCALE * r, d)
    affine(vae.priors[0], SLOPE * u, b, INNER**2)
    # q(h_2 | h_1) is p(h_2 | h_1), and q(h_1 | x) is p(h_1 | x).
    affine(vae.encoders_above[0], SLOPE / total * u.T, -SLOPE / total * u.T @ b, INNER**2 / total)
    affine(
        vae.encoder, SCALE / NOISE / precision * r.T, (b / total - SCALE / NOISE * r.T @ d) / precision, 1 / precision
    )
    covariance = SCALE**2 * total * r @ r.T + NOISE * torch.eye(INPUTS, dtype=torch.float64)
    return Chain(vae, MultivariateNormal(SCALE * r @ b + d, covariance), SLOPE * u, b)


@torch.no_grad()
def affine(mlp: torch.nn.ModuleList, matrix: Tensor, offset: Tensor, variance: float | None = None) -> None:
    """The only layer of an MLP as matrix x + offset, beside a constant log variance where there is one."""
    (layer,) = mlp
    outputs = len(matrix)
    layer.weight.zero_()
    layer.weight[0, :, :outputs] = matrix.T
    layer.bias[0, 0, :outputs] = offset
    if variance is not None:
        layer.bias[0, 0, outputs:] = math.log(variance)


def negative_log_likelihood(x: Tensor, decoded: Tensor) -> Tensor:
    """-log p(x | h_1) with its constant."""
    constant = 0.5 * INPUTS * math.log(2 * math.pi * NOISE)
    return gaussian_reconstruction(x.expand_as(decoded), decoded, NOISE) + constant


def test_with_the_exact_posterior_every_sample_gives_the_evidence() -> None:
    vae, evidence, *_ = chain()
    x = 2 * torch.randn(64, INPUTS, dtype=torch.float64)
    estimates = []
    for seed in range(3):
        out = vae(x, seed=seed)
        top = sampled_kl(out.z[-1], out.mu[-1], out.logvar[-1])
        estimates.append(negative_log_likelihood(x, out.decoded) + out.kl_of_layers[..., 0] + top)
        torch.testing.assert_close(estimates[-1][0], -evidence.log_prob(x), rtol=1e-12, atol=1e-12)
        # With the closed form of the top layer, all that is left is the difference of the two.
        with_closed = negative_log_likelihood(x, out.decoded) + out.kl
        torch.testing.assert_close(with_closed - estimates[-1], out.kl_of_layers[..., 1] - top, rtol=0, atol=1e-12)


def test_with_the_closed_form_the_evidence_is_the_mean_and_the_variance_is_known() -> None:
    vae, evidence, *_ = chain()
    x, rows = 2 * torch.randn(1, INPUTS, dtype=torch.float64), 200_000
    with torch.no_grad():
        out = vae(x.expand(rows, INPUTS), seed=5)
    estimates = (negative_log_likelihood(x, out.decoded) + out.kl)[0]
    error = estimates.std() / rows**0.5
    assert (estimates.mean() + evidence.log_prob(x)[0]).abs() < 4 * error and error < 0.01
    # Given h_1 the difference is that of log q - log p(h_2) from its mean: m sigma eps + (sigma^2 - 1) (eps^2 - 1) / 2.
    mu, variance = out.mu[1][0], out.logvar[1][0].exp()
    known = (mu.square() * variance + 0.5 * (variance - 1).square()).sum(-1).mean()
    assert estimates.var() == pytest.approx(known.item(), rel=0.03)


def test_a_lower_part_is_the_exact_one_on_average() -> None:
    vae, _, mix, offset = chain()
    with torch.no_grad():  # no longer the exact posterior
        vae.encoders_above[0][0].weight.mul_(0.6)
        vae.encoder[0].bias[..., CODE:] += torch.tensor([0.7, -0.4, 0.0])
    x, rows = 2 * torch.randn(1, INPUTS, dtype=torch.float64), 200_000
    out = vae(x.expand(rows, INPUTS), seed=6)
    mean, variance = out.mu[0][0, 0], out.logvar[0][0, 0].exp()
    (above,) = vae.encoders_above[0]
    gain, shift = above.weight[0, :, :CODE].T, above.bias[0, 0, :CODE]
    above_variance = above.bias[0, 0, CODE:].exp()
    # h_1 - A h_2 - b is Gaussian: (1 - A G) h_1 - A (g + noise) - b.
    left = torch.eye(CODE, dtype=torch.float64) - mix @ gain
    residual = left @ mean - mix @ shift - offset
    spread = left.square() @ variance + mix.square() @ above_variance
    exact = 0.5 * ((residual.square() + spread) / INNER**2 + math.log(INNER**2) - variance.log() - 1).sum()
    parts = out.kl_of_layers[0, :, 0]
    error = parts.std() / rows**0.5
    assert (parts.mean() - exact).abs() < 4 * error and error < 0.01 * exact
    top = pyvae.gaussian_kl(out.mu[1], out.logvar[1])
    assert torch.equal(out.kl_of_layers[..., 1], top) and torch.equal(out.kl, out.kl_of_layers.sum(-1))


def test_generated_images_have_the_moments_of_the_evidence() -> None:
    vae, evidence, *_ = chain()
    rows = 200_000
    x = vae.generate(rows, seed=3)[0]  # the likelihood's means: without its noise
    covariance = evidence.covariance_matrix - NOISE * torch.eye(INPUTS, dtype=torch.float64)
    scale = covariance.diagonal().max()
    torch.testing.assert_close(x.mean(0), evidence.loc, rtol=0, atol=5 * (scale / rows).sqrt().item())
    torch.testing.assert_close(x.T.cov(), covariance, rtol=0, atol=5 * scale.item() * (2 / rows) ** 0.5)


# --- Networks ---------------------------------------------------------------------------------------------------------


def test_the_mean_of_the_sampled_kl_is_that_of_quadrature() -> None:
    vae = StackedHierarchicalVAE(1, 2, hidden=(6,), layers=(1, 1), seeds=[3]).double()
    with torch.no_grad():
        for parameter in vae.parameters():
            parameter.mul_(1.3)  # further from a line
    x, rows, points = torch.tensor([[0.8, -1.1]], dtype=torch.float64), 200_000, 1201
    grid = torch.linspace(-8, 8, points, dtype=torch.float64)
    weight = torch.distributions.Normal(0.0, 1.0).log_prob(grid).exp() * (grid[1] - grid[0])
    with torch.no_grad():
        mu, logvar = (t.squeeze() for t in vae.encode(x))
        h1 = mu + (logvar / 2).exp() * grid
        mu2, logvar2 = mlp(vae.encoders_above[0], h1)
        h2 = mu2.unsqueeze(-1) + (logvar2.unsqueeze(-1) / 2).exp() * grid
        prior_mu, prior_logvar = mlp(vae.priors[0], h2)
        log_q = torch.distributions.Normal(mu, (logvar / 2).exp()).log_prob(h1)
        log_p = torch.distributions.Normal(prior_mu, (prior_logvar / 2).exp()).log_prob(h1.unsqueeze(-1))
        lower = weight @ (log_q.unsqueeze(-1) - log_p) @ weight
        upper = weight @ (0.5 * (mu2.square() + logvar2.exp() - 1 - logvar2))
        out = vae(x.expand(rows, 2), seed=4)
    for part, exact in zip(out.kl_of_layers[0].unbind(-1), (lower, upper), strict=True):
        error = part.std() / rows**0.5
        assert (part.mean() - exact).abs() < 4 * error + 1e-6 and error < 0.01 * exact


def mlp(layers: torch.nn.ModuleList, codes: Tensor) -> tuple[Tensor, Tensor]:
    """What an MLP of one model makes of codes of one number, by torch.nn.functional."""
    x = codes.unsqueeze(-1)
    for place, layer in enumerate(layers):
        x = x.relu() if place else x
        x = torch.nn.functional.linear(x, layer.weight[0].T, layer.bias[0, 0])
    return x[..., 0], x[..., 1]


def test_every_layer_is_drawn_from_its_own_stream(device, vae) -> None:
    seed = torch.tensor([3, -4, 2**63 - 1])  # three times the last is outside of 64 bits
    out = vae(torch.randn(3, 16, 20), seed=seed)
    noise = []
    for layer, (z, mu, logvar) in enumerate(zip(out.z, out.mu, out.logvar, strict=True)):
        assert torch.equal(z, pyvae.reparameterize(mu, logvar, seed=3 * seed + layer))
        noise.append(((z - mu) * (-logvar / 2).exp()).detach()[..., :3].flatten())
    assert torch.stack(noise).corrcoef().fill_diagonal_(0).abs().max() < 0.35
    assert torch.equal(out.kl, out.kl_of_layers.sum(-1))


def test_a_model_has_the_same_bits_alone_and_in_a_stack(vae, own_products) -> None:
    x, seed = torch.randn(3, 32, 20), torch.tensor([11, 12, 13])
    together = results(vae, x, seed)
    for k in range(3):
        alone = results(vae.select([k]), x[k : k + 1], seed[k : k + 1])
        for a, b in zip(together, alone, strict=True):
            assert torch.equal(a[k : k + 1], b)


def results(vae: StackedHierarchicalVAE, x: Tensor, seed: Tensor) -> list[Tensor]:
    """All that a stack gives, what it generates, and the gradients of the loss."""
    out = vae(x, seed=seed)
    loss = gaussian_reconstruction(x, out.decoded) + out.kl
    gradients = torch.autograd.grad(loss.sum(), list(vae.parameters()))
    given = [out.decoded, *out.z, out.kl, out.kl_of_layers, *out.mu, *out.logvar]
    return [*given, vae.generate(16, seed=seed), *gradients]


def test_every_parameter_learns_and_models_do_not_mix(device, vae) -> None:
    x = torch.randn(3, 64, 20)
    out = vae(x, seed=1)
    (gaussian_reconstruction(x, out.decoded) + out.kl)[1].sum().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad[1].abs().sum() > 0, name
        assert parameter.grad[0].abs().sum() == 0 and parameter.grad[2].abs().sum() == 0, name


def test_gradients_are_those_of_differences() -> None:
    vae = StackedHierarchicalVAE(1, 4, hidden=(5,), layers=(3, 2), seeds=[2]).double()
    x = torch.randn(7, 4, dtype=torch.float64)

    def loss() -> Tensor:
        out = vae(x, seed=3)
        return (gaussian_reconstruction(x.expand_as(out.decoded), out.decoded, 0.5) + out.kl).sum()

    gradients = torch.autograd.grad(loss(), list(vae.parameters()))
    along = [torch.randn_like(parameter) for parameter in vae.parameters()]
    values, step = [], 1e-6
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, direction in zip(vae.parameters(), along, strict=True):
                parameter.add_(direction, alpha=sign * step)
            values.append(loss().item())
            for parameter, direction in zip(vae.parameters(), along, strict=True):
                parameter.sub_(direction, alpha=sign * step)
    slope = sum((g * d).sum().item() for g, d in zip(gradients, along, strict=True))
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, rel=1e-6)


def test_half_types_have_their_terms_in_float32(vae) -> None:
    out = vae.to(torch.bfloat16)(torch.randn(16, 20, dtype=torch.bfloat16), seed=1)
    assert out.decoded.dtype == out.z[1].dtype == torch.bfloat16
    assert out.kl.dtype == out.kl_of_layers.dtype == torch.float32


# --- A stack like the others ------------------------------------------------------------------------------------------


def test_a_model_is_its_own_seeds_and_can_be_chosen_and_stacked(vae) -> None:
    alone = StackedHierarchicalVAE(1, 20, hidden=(13, 7), layers=(5, 4, 3), seeds=torch.tensor([6]))
    gathered = stack([(vae, [2]), (alone, [0])])
    assert gathered.architecture == vae.architecture == (20, (13, 7), (5, 4, 3))
    for got, a, b in zip(gathered.parameters(), vae.parameters(), alone.parameters(), strict=True):
        assert torch.equal(got, torch.stack([a[2], b[0]])) and torch.equal(a[1], b[0])


def test_without_a_seed_torchs_generator_decides(vae) -> None:
    x, drawn = torch.randn(16, 20), []
    for number in (1, 1, 2):
        torch.manual_seed(number)
        drawn.append(vae(x).z)
    assert all(torch.equal(a, b) and not torch.equal(a, c) for a, b, c in zip(*drawn, strict=True))


def test_the_example_of_the_docstring_runs() -> None:
    names = {**vars(module), "torch": torch, "pyvae": pyvae}
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(StackedHierarchicalVAE, "StackedHierarchicalVAE", globs=names)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda vae: StackedHierarchicalVAE(0, 20), "^models must be at least 1, got 0$"),
        (lambda vae: StackedHierarchicalVAE(1, 20, layers=()), "^layers must be at least 1, got 0$"),
        (lambda vae: StackedHierarchicalVAE(1, 20, layers=(4, 0)), "^layers must be at least 1, got 0$"),
        (lambda vae: StackedHierarchicalVAE(1, 20, hidden=(4, 0)), "^hidden must be at least 1, got 0$"),
        (lambda vae: StackedHierarchicalVAE(2, 20, seeds=[1]), r"^seeds must hold one seed per model \(2\), got 1$"),
        (lambda vae: vae(torch.zeros(2, 5, 20)), r"^x must have shape \[3, B, 20\] or \[B, 20\], got \[2, 5, 20\]$"),
        (lambda vae: vae.decode(torch.zeros(3, 5, 4)), r"^z must have shape \[3, B, 5\], got \[3, 5, 4\]$"),
        (lambda vae: vae.generate(0), "^rows must be at least 1, got 0$"),
        (
            lambda vae: vae(torch.zeros(8, 20), seed=torch.zeros(2, dtype=torch.int64)),
            r"^seed must have a shape that is a prefix of mu's \[3, 8, 5\], got \[2\]\.$",
        ),
    ],
)
def test_wrong_input_is_one_sentence(vae, call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call(vae)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda vae: StackedHierarchicalVAE(1, 20, layers=2),
            "^layers must be a sequence with the size of each layer's code, got 2$",
        ),
        (lambda vae: StackedHierarchicalVAE(1, 20, seeds=[1.5]), "^seeds must be whole numbers, got 1.5$"),
        (lambda vae: vae(torch.zeros(8, 20), seed=1.5), "^seed must be an int or an int64 tensor, got float.$"),
    ],
)
def test_wrong_types_are_one_sentence(vae, call, sentence) -> None:
    with pytest.raises(TypeError, match=sentence):
        call(vae)
