"""Posteriors as other projects write them, against float64."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import pyvae
from pyvae import Posterior
from tests.posterior.peers import PEERS, Peer, exact_kl

BY_NAME = pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)


def heads(peer: Peer, dtype: torch.dtype, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    mean = scale * torch.randn(peer.shape)
    spread = scale * torch.randn(peer.spread_shape or peer.shape)
    return mean.to(dtype).requires_grad_(), spread.to(dtype).requires_grad_()


def posterior(peer: Peer, mean: Tensor, spread: Tensor) -> Posterior:
    return Posterior(mean, spread, latent_axes=peer.latent_axes, **peer.reading)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1.0, 0.1, 0.02])
@BY_NAME
def test_kl_and_its_gradients_are_those_of_float64(peer, scale, dtype) -> None:
    mean, spread = heads(peer, dtype, scale)
    kl = posterior(peer, mean, spread).kl()
    exact_mean, exact_spread = (head.detach().double().requires_grad_() for head in (mean, spread))
    exact = exact_kl(exact_mean, peer.sigma2(exact_spread), peer.latent_axes)
    assert kl.shape == exact.shape and kl.dtype == torch.float32
    in_logarithms = peer.reading.get("spread_is", "logvar") in ("logvar", "log_std")
    of_halves = 2e-7 if dtype != torch.float32 else 4e-7
    torch.testing.assert_close(kl.double(), exact, rtol=of_halves if in_logarithms else 1e-6, atol=0)
    assert torch.equal(posterior(peer, mean, spread).sample_with_kl().kl, kl) or not in_logarithms
    weights = torch.randn(exact.shape, dtype=torch.float64)
    grads = torch.autograd.grad(kl, (mean, spread), weights.float())
    truth = torch.autograd.grad(exact, (exact_mean, exact_spread), weights)
    rounding = {torch.float32: 2e-6, torch.bfloat16: 2**-8, torch.float16: 2**-10}[dtype]
    for grad, right in zip(grads, truth, strict=True):
        assert grad.dtype == dtype
        least = 2.0**-24 if dtype == torch.float16 else 0.0  # its smallest number
        atol = 3e-7 * float(right.abs().max()) + least
        torch.testing.assert_close(grad.double(), right, rtol=rounding, atol=atol)


@BY_NAME
def test_float64_is_exact_and_gradients_pass_a_check(peer) -> None:
    mean, spread = heads(peer, torch.float64)
    torch.testing.assert_close(
        posterior(peer, mean, spread).kl(),
        exact_kl(mean, peer.sigma2(spread), peer.latent_axes),
        rtol=1e-12, atol=1e-12,
    )  # fmt: skip
    small = Peer(peer.name, (2, 2), peer.reading, peer.sigma2)
    mean, spread = heads(small, torch.float64)
    assert torch.autograd.gradcheck(lambda *given: posterior(small, *given).sample_with_kl(seed=3), (mean, spread))


@BY_NAME
def test_samples_have_the_noise_of_reparameterize_whichever_way_they_are_drawn(peer) -> None:
    mean, spread = heads(peer, torch.float32)
    one = posterior(peer, mean, spread)
    z, kl = one.sample_with_kl(seed=7)
    noise = pyvae.reparameterize(torch.zeros(peer.shape), torch.zeros(peer.shape), seed=7)
    torch.testing.assert_close(z, mean + peer.sigma2(spread).sqrt() * noise, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(one.sample(seed=7), z, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(one.kl(), kl, rtol=1e-6, atol=0)
    assert z.shape == mean.shape and one.mode() is mean
    drawn = [one.sample(generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn) and not torch.equal(drawn[0], z)
    assert torch.equal(one.sample(torch.Generator().manual_seed(1)), drawn[0])  # as diffusers' callers pass it
    with pytest.raises(AttributeError):  # what is read for a sample and for a KL stays the same
        one.mean = z


FORMS = {  # of one image posterior, [3, 4, 5, 6] means
    "two heads": lambda mean, spread, **how: Posterior(mean, spread, latent_axes=(1, 2, 3), **how),
    "packed": lambda mean, spread, **how: Posterior.from_moments(torch.cat([mean, spread], 1), **how),
    "packed last": lambda mean, spread, **how: Posterior.from_moments(
        torch.cat([mean, spread], -1), -1, latent_axes=(1, 2, 3), **how
    ),
    "channels last": lambda mean, spread, **how: Posterior.from_moments(
        torch.cat([mean, spread], 1).contiguous(memory_format=torch.channels_last), **how
    ),
    "one spread": lambda mean, spread, **how: Posterior.from_moments(
        torch.cat([mean, spread[:, :1]], 1), spread_channels=1, **how
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(
    "how", [{}, {"spread_is": "log_std"}, {"clamp": (-0.5, None)}, {"clamp": (-1.0, 0.5)}], ids=str
)
@pytest.mark.parametrize("form", FORMS)
def test_one_pass_over_the_moments_is_the_parts_one_after_another(form, how, dtype) -> None:
    """An activation that does nothing takes the other way: float32 heads, then the ops of each part."""
    mean, spread = (torch.randn(3, 4, 5, 6).to(dtype).requires_grad_() for _ in range(2))
    in_parts = {**how, "activation": lambda s: s}
    grad_z, grad_kl = torch.randn(3, 4, 5, 6).to(dtype), torch.randn(3)
    found = []
    for settings in (how, in_parts):
        z, kl = FORMS[form](mean, spread, **settings).sample_with_kl(seed=3)
        assert z.dtype == dtype and kl.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        grads = torch.autograd.grad((z, kl), (mean, spread), (grad_z, grad_kl.to(kl.dtype)))
        found.append((z, kl, *grads))
    steps = {
        torch.bfloat16: 2**-7,
        torch.float16: 2**-9,
    }  # one half gradient is made of others, rounded before their sum
    for one, parts in zip(*found, strict=True):
        step = steps.get(one.dtype, 1e-5)
        torch.testing.assert_close(one, parts, rtol=step, atol=step)


def test_one_pass_serves_moments_beneath_torchs_transforms() -> None:
    mean, spread = torch.randn(3, 4, 5), torch.randn(3, 4, 5)

    def loss(mean: Tensor, spread: Tensor) -> Tensor:
        z, kl = Posterior.from_moments(torch.cat([mean, spread], -1), -1, latent_axes=-1).sample_with_kl(seed=1)
        return z.square().sum() + kl.sum()

    each = torch.vmap(torch.func.grad(loss))(mean, spread)
    for k in range(3):
        leaf = mean[k].clone().requires_grad_()
        loss(leaf, spread[k]).backward()
        torch.testing.assert_close(each[k], leaf.grad)


def test_half_moments_are_sampled_in_float32_and_rounded_once() -> None:
    moments = torch.randn(2, 8, 4, 4).bfloat16()
    z = Posterior.from_moments(moments).sample(seed=1)
    mean, logvar = moments.float().split(4, 1)
    assert torch.equal(z, pyvae.reparameterize(mean.contiguous(), logvar.contiguous(), seed=1).bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert Posterior.from_moments(moments).sample(seed=1).dtype == torch.float32


@pytest.mark.parametrize("shape", [(3, 8, 5), (3, 8, 5, 6), (2, 8, 3, 5, 6)])
@pytest.mark.parametrize("layout", ["contiguous", "channels last", "strided"])
def test_packed_moments_are_views_and_have_one_kl_an_item(shape, layout) -> None:
    moments = torch.randn(shape)
    if layout == "channels last":
        moments = moments.movedim(1, -1).contiguous().movedim(-1, 1)
    elif layout == "strided":
        moments = torch.randn(*shape[:-1], 2 * shape[-1])[..., ::2]
    one = Posterior.from_moments(moments)
    assert one.mean.untyped_storage().data_ptr() == moments.untyped_storage().data_ptr()
    mean, logvar = moments.double().split(4, 1)
    torch.testing.assert_close(
        one.kl().double(), exact_kl(mean, logvar.exp(), tuple(range(1, len(shape)))), rtol=1e-6, atol=0
    )
    assert one.kl().shape == shape[:1]
    last = Posterior.from_moments(moments.movedim(1, -1), axis=-1)
    torch.testing.assert_close(last.kl(), one.kl(), rtol=1e-6, atol=0)


def test_one_spread_channel_serves_all_means_of_packed_moments() -> None:
    moments = torch.randn(2, 129, 2, 3)
    one = Posterior.from_moments(moments, spread_channels=1)
    assert (one.mean.shape, one.spread.shape) == ((2, 128, 2, 3), (2, 1, 2, 3))
    mean, logvar = moments.double().split([128, 1], 1)
    torch.testing.assert_close(one.kl().double(), exact_kl(mean, logvar.exp(), (1, 2, 3)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("axes", [(), 0, -1, (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("spread_shape", [(3, 4, 5), (1, 4, 1), (5,), ()])
def test_any_axes_may_be_latents_and_any_spread_that_broadcasts(axes, spread_shape) -> None:
    mean, logvar = torch.randn(3, 4, 5), torch.randn(spread_shape)
    summed = axes if isinstance(axes, tuple) else (axes,)
    exact = 0.5 * (mean.double() ** 2 + logvar.double().exp() - 1 - logvar.double())
    found = Posterior(mean, logvar, latent_axes=axes).kl()
    torch.testing.assert_close(found.double(), exact.sum(summed) if summed else exact, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("reading", [{}, {"spread_is": "var", "activation": "exp", "eps": 1e-4}])
def test_beyond_the_clamp_there_is_no_gradient(reading) -> None:
    bounds = (-30, 20) if not reading else (1e-3, 10.0)
    inside, outside = torch.tensor([[0.5, -1.0]]), torch.tensor([[40.0, -40.0]])
    for spread, moves in ((inside, True), (outside, False)):
        spread.requires_grad_()
        one = Posterior(torch.zeros(1, 2), spread, clamp=bounds, **reading)
        (one.kl().sum() + one.sample(seed=0).sum()).backward()
        assert spread.grad.ne(0).all() if moves else spread.grad.eq(0).all()
        low, high = (math.exp(bound) if not reading else bound for bound in bounds)
        assert one.var.min() >= low * (1 - 1e-5) and one.var.max() <= high * (1 + 1e-5)


def test_large_and_small_variances_by_exp_neither_overflow_nor_drown() -> None:
    v = torch.tensor([[100.0, -100.0]])
    one = Posterior(torch.zeros(1, 2), v, spread_is="var", activation="exp", eps=1e-12)
    assert one.logvar.tolist() == [[pytest.approx(100.0), pytest.approx(math.log(1e-12))]]


@pytest.mark.parametrize("as_normal", [True, False])
def test_any_diagonal_gaussian_may_be_the_prior(as_normal) -> None:
    mean, logvar, prior_mean, prior_std = torch.randn(4, 6), torch.randn(4, 6), torch.randn(6), torch.rand(6) + 0.5
    prior = Normal(prior_mean, prior_std) if as_normal else Posterior(prior_mean, prior_std, spread_is="std")
    one = Posterior(mean, logvar)
    exact = kl_divergence(one.normal(), Normal(prior_mean, prior_std)).sum(-1)
    torch.testing.assert_close(one.kl(prior), exact, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(one.kl(Normal(0.0 * mean, 1.0 + 0.0 * mean)), one.kl(), rtol=1e-5, atol=1e-6)


def test_distributions_of_torch_go_in_and_out() -> None:
    normal = Normal(torch.randn(4, 6), torch.rand(4, 6) + 0.1)
    one = Posterior.from_normal(normal)
    assert torch.equal(one.normal().loc, normal.loc)
    torch.testing.assert_close(one.normal().scale, normal.scale)
    torch.testing.assert_close(one.std, normal.scale)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_it_compiles_as_one_graph() -> None:
    def step(moments: Tensor) -> Tensor:
        z, kl = Posterior.from_moments(moments, clamp=(-30, 20)).sample_with_kl(seed=5)
        return z.square().sum() + kl.sum()

    moments = torch.randn(2, 8, 4, 4)
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(moments), step(moments))


M = torch.zeros(2, 4)


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: Posterior([0.0], M), TypeError, "mean must be a tensor, got list."),
        (lambda: Posterior(M, M.double()), TypeError, "spread must have the dtype of mean, float32, got float64."),
        (
            lambda: Posterior(M, torch.zeros(2, 3)),
            ValueError,
            "spread must broadcast to mean's shape [2, 4], got [2, 3].",
        ),
        (lambda: Posterior(M[0], M), ValueError, "spread must broadcast to mean's shape [4], got [2, 4]."),
        (
            lambda: Posterior(M, M, spread_is="sigma"),
            ValueError,
            "spread_is must be one of logvar, var, std, log_std, got 'sigma'.",
        ),
        (
            lambda: Posterior(M, M, activation="relu"),
            ValueError,
            "activation must be one of exp, softplus, sigmoid2, neg_abs, or a callable, got 'relu'.",
        ),
        (lambda: Posterior(M, M, activation=3), TypeError, "activation must be a name, a callable or None, got int."),
        (lambda: Posterior(M, M, eps="a"), TypeError, "eps must be a number, got str."),
        (lambda: Posterior(M, M, eps=-1.0), ValueError, "eps must be at least 0 and finite, got -1.0."),
        (lambda: Posterior(M, M, clamp=3), ValueError, "clamp must be a pair (low, high), got 3."),
        (lambda: Posterior(M, M, clamp=(2, 1)), ValueError, "clamp must have its low below its high, got (2, 1)."),
        (lambda: Posterior(M, M, clamp=("a", 1)), TypeError, "clamp must be a pair of numbers or None, got str."),
        (lambda: Posterior(M, M, latent_axes=2), ValueError, "latent_axes must be axes of a tensor of 2 axes, got 2."),
        (
            lambda: Posterior(M, M, latent_axes=(0, -2)),
            ValueError,
            "latent_axes must not name an axis twice, got (0, -2).",
        ),
        (
            lambda: Posterior(M, M, latent_axes=1.0),
            TypeError,
            "latent_axes must be an int or a tuple of ints, got float.",
        ),
        (
            lambda: Posterior.from_moments(torch.zeros(2, 3)),
            ValueError,
            "moments must have an even number of channels on axis 1, got 3.",
        ),
        (
            lambda: Posterior.from_moments(torch.zeros(2, 9), spread_channels=2),
            ValueError,
            "spread_channels must be 1 or half of the 9 channels of moments, got 2.",
        ),
        (lambda: Posterior.from_moments(M, axis=2), ValueError, "axis must be axes of a tensor of 2 axes, got 2."),
        (lambda: Posterior.from_moments(M, axis=(0, 1)), TypeError, "axis must be an int, got tuple."),
        (
            lambda: Posterior.from_moments(M, spread_channels=2.0),
            TypeError,
            "spread_channels must be an int, got float.",
        ),
        (
            lambda: Posterior.from_moments(torch.zeros(2, 0)),
            ValueError,
            "moments must have an even number of channels on axis 1, got 0.",
        ),
        (
            lambda: Posterior(M, M, clamp=(math.inf, None)),
            ValueError,
            "clamp must leave room for numbers, got (inf, None).",
        ),
        (lambda: Posterior.from_normal(M), TypeError, "normal must be a torch.distributions.Normal, got Tensor."),
        (
            lambda: Posterior(M, M).kl(M),
            TypeError,
            "prior must be a Posterior or a torch.distributions.Normal, got Tensor.",
        ),
        (
            lambda: Posterior(M, M).kl(Posterior(torch.zeros(3), torch.zeros(3))),
            ValueError,
            "prior must broadcast to mean's shape [2, 4], got [3].",
        ),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(make, error, sentence) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == sentence
