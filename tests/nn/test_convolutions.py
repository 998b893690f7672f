"""Stacked convolutions against torch's own layers, one for each model."""

import pytest
import torch
from torch import nn

from pyvae.nn import StackedConv2d, StackedConvTranspose2d

KINDS = {StackedConv2d: nn.Conv2d, StackedConvTranspose2d: nn.ConvTranspose2d}
SIZES = [
    # inputs, outputs, kernel, stride, padding
    (1, 5, 4, 2, 1),
    (5, 1, 4, 2, 1),
    (1, 1, 3, 2, 0),
    (3, 4, 4, 2, 1),
    (4, 3, 3, 1, 2),
    (2, 1, 2, 3, 0),
]


def plain_layers(kind, inputs, outputs, kernel, stride, padding, models=3) -> list[nn.Module]:
    return [KINDS[kind](inputs, outputs, kernel, stride, padding) for _ in range(models)]


def stacked(kind, layers) -> nn.Module:
    """The layers as one."""
    weight, bias = (torch.stack([getattr(layer, name).detach() for layer in layers]) for name in ("weight", "bias"))
    return kind(weight, bias, layers[0].stride[0], layers[0].padding[0])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_plain_layers(device, kind, size) -> None:
    layers = [layer.double() for layer in plain_layers(kind, *size)]
    layer = stacked(kind, layers)
    x = torch.randn(3, 2, size[0], 9, 8, dtype=torch.float64, requires_grad=True)
    expected = torch.stack([plain(part) for plain, part in zip(layers, x, strict=True)])
    out = layer(x)
    assert out.shape == expected.shape and torch.allclose(out, expected, rtol=1e-12, atol=1e-12)
    cotangent = torch.randn_like(expected)
    grads = torch.autograd.grad(out, (x, layer.weight, layer.bias), cotangent)
    per_model = torch.autograd.grad(expected, [x, *(p for plain in layers for p in plain.parameters())], cotangent)
    plain_grads = (per_model[0], torch.stack(per_model[1::2]), torch.stack(per_model[2::2]))
    for got, wanted in zip(grads, plain_grads, strict=True):
        assert torch.allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_those_of_differences(kind) -> None:
    layer = stacked(kind, plain_layers(kind, 2, 1, 3, 2, 1, models=2)).double()
    x = torch.randn(2, 1, 2, 3, 3, dtype=torch.float64, requires_grad=True)

    def output(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    assert torch.autograd.gradcheck(output, (x, layer.weight, layer.bias))
    assert torch.autograd.gradgradcheck(output, (x, layer.weight, layer.bias))


@pytest.mark.parametrize("size", SIZES[:4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_has_the_same_bits_alone_and_in_a_stack(kind, size) -> None:
    layers = plain_layers(kind, *size)
    x = torch.randn(3, 16, size[0], 16, 16)
    results = []
    for chosen, images in ((layers, x), (layers[1:2], x[1:2])):
        layer = stacked(kind, chosen)
        out = layer(images)
        out.square().sum().backward()
        place = len(chosen) // 2
        results.append((out[place], layer.weight.grad[place], layer.bias.grad[place]))
    for together, alone in zip(*results, strict=True):
        assert torch.equal(together, alone)


@pytest.mark.parametrize("kind", KINDS)
def test_models_do_not_mix(device, kind) -> None:
    layer = stacked(kind, plain_layers(kind, 3, 1, 4, 2, 1))
    layer(torch.randn(3, 2, 3, 8, 8))[1].sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad[1].abs().sum() > 0 and parameter.grad[[0, 2]].abs().sum() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_made_without_memory_is_filled_as_torch_fills_its_own(kind) -> None:
    with torch.device("meta"):
        layer = stacked(kind, plain_layers(kind, 8, 16, 4, 2, 1))
    layer.to_empty(device="cpu").reset_parameters()
    (plain,) = plain_layers(kind, 8, 16, 4, 2, 1, models=1)
    for parameter, like in zip(layer.parameters(), plain.parameters(), strict=True):
        assert parameter.abs().max().item() == pytest.approx(like.abs().max().item(), rel=0.2)
    name = kind.__name__
    assert repr(layer) == f"{name}(models=3, inputs=8, outputs=16, kernel=(4, 4), stride=2, padding=1)"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: StackedConv2d(torch.zeros(2, 3, 4, 5), torch.zeros(2, 3)),
            r"weight must have five axes, \[K, out, in, kh, kw\], and bias two, \[K, out\], got \[2, 3, 4, 5\] and",
        ),
        (
            lambda: StackedConvTranspose2d(torch.zeros(2, 3, 1, 4, 4), torch.zeros(2, 3)),
            r"weight must have five axes, \[K, in, out, kh, kw\], and bias two, \[K, out\], got \[2, 3, 1, 4, 4\] and",
        ),
        (
            lambda: StackedConv2d(torch.zeros(2, 3, 1, 4, 4), torch.zeros(2, 3), stride=0),
            "stride must be at least 1 and padding at least 0, got 0 and 0",
        ),
        (
            lambda: StackedConv2d(torch.zeros(2, 3, 1, 4, 4), torch.zeros(2, 3))(torch.zeros(2, 6, 3, 8, 8)),
            r"x must have shape \[2, B, 1, H, W\], got \[2, 6, 3, 8, 8\]",
        ),
    ],
)
def test_wrong_shapes_are_one_sentence(call, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        call()
