"""The convolutional VAE against one written in torch's own layers, and what it shares with every stack."""

import itertools

import pytest
import torch
from torch import nn

from pyvae.nn import StackedConvVAE, StackedVAE, stack

SMALL = {"channels": (4, 6), "hidden": 16, "latents": 3}


@pytest.fixture
def vae() -> StackedConvVAE:
    return StackedConvVAE(3, (8, 12), **SMALL, seeds=[5, 6, 7])


def linear(layer, k: int) -> nn.Linear:
    out = nn.Linear(*layer.weight.shape[1:])
    with torch.no_grad():
        out.weight.copy_(layer.weight[k].T)
        out.bias.copy_(layer.bias[k, 0])
    return out


def plain(vae: StackedConvVAE, k: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Model k as a script would write it: encoder and decoder of flat images."""
    outer = vae.shape[0] if len(vae.shape) == 3 else 1
    channels, sides = (outer, *vae.channels), vae.shape[-2:]
    small = tuple(side // 2 ** len(vae.channels) for side in sides)
    encoder: list[nn.Module] = [nn.Unflatten(1, (outer, *sides))]
    for layer, (i, o) in zip(vae.encoder_convolutions, itertools.pairwise(channels), strict=True):
        encoder += [loaded(nn.Conv2d(i, o, 4, 2, 1), layer, k), nn.ReLU()]
    encoder += [nn.Flatten(), linear(vae.encoder[0], k), nn.ReLU(), linear(vae.encoder[1], k)]
    decoder = [linear(vae.decoder[0], k), nn.ReLU(), linear(vae.decoder[1], k), nn.Unflatten(1, (channels[-1], *small))]
    for layer, (i, o) in zip(vae.decoder_convolutions, itertools.pairwise(channels[::-1]), strict=True):
        decoder += [nn.ReLU(), loaded(nn.ConvTranspose2d(i, o, 4, 2, 1), layer, k)]
    return nn.Sequential(*encoder), nn.Sequential(*decoder, nn.Flatten())


def loaded(layer: nn.Module, stacked: nn.Module, k: int) -> nn.Module:
    layer.load_state_dict({name: value[k] for name, value in stacked.state_dict().items()})
    return layer


@pytest.mark.parametrize("shape", [(8, 12), (3, 8, 8)])
def test_every_model_is_a_plain_network(device, shape) -> None:
    vae = StackedConvVAE(2, shape, **SMALL, seeds=[1, 2]).double()
    x, z = torch.randn(2, 5, vae.inputs).double(), torch.randn(2, 5, 3).double()
    mu, logvar = vae.encode(x)
    images = vae.decode(z)
    assert mu.shape == logvar.shape == (2, 5, 3) and images.shape == x.shape
    for k in range(2):
        encoder, decoder = (part.double() for part in plain(vae, k))
        assert torch.allclose(torch.cat([mu[k], logvar[k]], -1), encoder(x[k]), rtol=1e-12, atol=1e-12)
        assert torch.allclose(images[k], decoder(z[k]), rtol=1e-12, atol=1e-12)


def test_several_hidden_layers_are_mirrored() -> None:
    vae = StackedConvVAE(1, (8, 8), 3, (4, 6), (16, 12), seeds=[1])
    assert vae.hidden == (16, 12) and StackedConvVAE(1, (8, 8), **SMALL).hidden == (16,)
    assert [layer.weight.shape[1:] for layer in vae.encoder] == [(24, 16), (16, 12), (12, 6)]
    assert [layer.weight.shape[1:] for layer in vae.decoder] == [(3, 12), (12, 16), (16, 24)]
    with pytest.raises(ValueError, match="hidden must be at least 1"):
        StackedConvVAE(1, (8, 8), 3, (4, 6), (16, 0))


def test_gradients_are_those_of_the_plain_network(device) -> None:
    vae = StackedConvVAE(2, (8, 8), **SMALL, seeds=[1, 2]).double()
    x = torch.rand(2, 5, 64).double()
    out = vae(x, seed=torch.tensor([3, 4]))
    (out.decoded - x).square().sum().backward()
    for k in range(2):
        encoder, decoder = (part.double() for part in plain(vae, k))
        mu, logvar = encoder(x[k]).chunk(2, -1)
        noise = ((out.z - out.mu) / (out.logvar / 2).exp()).detach()[k]
        (decoder(mu + noise * (logvar / 2).exp()) - x[k]).square().sum().backward()
        for layer, conv in ((encoder[1], vae.encoder_convolutions[0]), (decoder[-2], vae.decoder_convolutions[-1])):
            assert torch.allclose(conv.weight.grad[k], layer.weight.grad, rtol=1e-9, atol=1e-9)
            assert torch.allclose(conv.bias.grad[k], layer.bias.grad, rtol=1e-9, atol=1e-9)
        assert torch.allclose(vae.decoder[1].weight.grad[k].T, decoder[2].weight.grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_model_has_the_same_bits_alone_and_in_a_stack(threads) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        vae = StackedConvVAE(3, (32, 32), latents=8, seeds=[5, 6, 7])
        x = torch.rand(3, 16, 1024)
        results = []
        for model, images, seed in ((vae, x, torch.tensor([1, 2, 3])), (vae.select([1]), x[1:2], torch.tensor([2]))):
            out = model(images, seed=seed)
            (out.decoded - images).square().sum().backward()
            place = model.models // 2
            results.append([*(part[place] for part in out), *(p.grad[place] for p in model.parameters())])
        for together, alone in zip(*results, strict=True):
            assert torch.equal(together, alone)
    finally:
        torch.set_num_threads(before)


def test_models_do_not_mix(vae) -> None:
    vae.decode(vae.encode(torch.rand(3, 5, 96))[0])[1].sum().backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad[[0, 2]].abs().sum() == 0, name
        if "decoder" in name:
            assert parameter.grad[1].abs().sum() > 0, name


def test_initialisation_is_torchs_and_depends_on_the_models_own_seed_alone(vae) -> None:
    alone = StackedConvVAE(1, (8, 12), **SMALL, seeds=torch.tensor([6]))
    for a, b in zip(vae.select([1]).parameters(), alone.parameters(), strict=True):
        assert torch.equal(a, b)
    torch.manual_seed(6)
    for layer, (i, o) in zip(vae.encoder_convolutions, ((1, 4), (4, 6)), strict=True):
        assert torch.equal(layer.weight[1], (like := nn.Conv2d(i, o, 4)).weight) and torch.equal(
            layer.bias[1], like.bias
        )
    bound = (4 * 16) ** -0.5  # torch takes a transposed layer's outputs for its fan-in
    transposed = vae.decoder_convolutions[0]
    assert transposed.weight.shape[1:3] == (6, 4) and 0.9 * bound < transposed.weight.abs().max() <= bound
    assert all(bool((p == 0).all()) for p in StackedConvVAE(2, (8, 12), **SMALL).parameters())


def test_the_default_is_the_papers_architecture() -> None:
    for shape, width in (((64, 64), 1024), ((3, 32, 32), 256)):
        vae = StackedConvVAE(1, shape)
        assert [layer.bias.shape[1] for layer in vae.encoder_convolutions] == [32, 32, 64, 64]
        assert vae.encoder[0].weight.shape == (1, width, 256) and vae.encoder[1].weight.shape == (1, 256, 20)


def test_stacks_are_chosen_from_and_put_together(vae) -> None:
    other = StackedConvVAE(2, (8, 12), **SMALL, seeds=[8, 9])
    gathered = stack([(vae, [2, 0]), (other, [1])])
    assert isinstance(gathered, StackedConvVAE) and gathered.architecture == vae.architecture
    for got, a, b in zip(gathered.parameters(), vae.parameters(), other.parameters(), strict=True):
        assert torch.equal(got, torch.stack([a[2], a[0], b[1]]))


def test_shared_images_are_images_for_each(vae) -> None:
    x = torch.randn(6, 96)
    assert torch.equal(vae.encode(x)[0], vae.encode(x.expand(3, 6, 96).contiguous())[0])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda vae: StackedConvVAE(1, (28, 28)),
            r"shape must be \(height, width\) or \(channels, height, width\) with sides that are multiples of 16, got",
        ),
        (lambda vae: StackedConvVAE(1, (64,)), r"shape must be \(height, width\) or .*, got \(64,\)"),
        (lambda vae: StackedConvVAE(1, channels=()), "channels must be at least 1, got 0"),
        (lambda vae: StackedConvVAE(1, hidden=0), "hidden must be at least 1, got 0"),
        (lambda vae: StackedConvVAE(2, seeds=[1]), r"seeds must hold one seed per model \(2\), got 1"),
        (
            lambda vae: vae.encode(torch.zeros(3, 5, 8, 12)),
            r"x must have shape \[3, B, 96\] or \[B, 96\], got \[3, 5, 8, 12\]",
        ),
        (lambda vae: vae.decode(torch.zeros(5, 3)), r"z must have shape \[3, B, 3\], got \[5, 3\]"),
        (
            lambda vae: stack([(vae, [0]), (StackedVAE(1, 96), [0])]),
            "parts must be stacks of one kind, got StackedConvVAE and StackedVAE",
        ),
        (
            lambda vae: stack([(vae, [0]), (StackedConvVAE(1, (8, 8), **SMALL), [0])]),
            r"parts must share one architecture, got \(shape, latents, channels, hidden\) of \(\(8, 12\), 3, \(4,",
        ),
    ],
)
def test_wrong_input_is_one_sentence(vae, call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call(vae)
