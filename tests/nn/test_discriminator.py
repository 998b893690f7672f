import pytest
import torch
from torch.nn.functional import leaky_relu

from pyvae.nn import StackedDiscriminator


def test_it_is_a_leaky_relu_mlp() -> None:
    network, z = StackedDiscriminator(3, 5, (16, 8), seeds=range(3)), torch.randn(3, 32, 5)
    logits = network(z)
    assert logits.shape == (3, 32)
    for k in range(3):
        x = z[k]
        for n, layer in enumerate(network.layers):
            x = x @ layer.weight[k] + layer.bias[k]
            x = leaky_relu(x, 0.2) if n < 2 else x
        assert torch.allclose(logits[k], x.squeeze(-1), atol=1e-6)


def test_a_network_is_the_same_alone_and_frozen(own_products) -> None:
    network, z = StackedDiscriminator(2, 4, (16,), seeds=(7, 9)), torch.randn(2, 32, 4, requires_grad=True)
    alone = StackedDiscriminator(1, 4, (16,), seeds=(9,))
    assert torch.equal(network(z)[1:], alone(z[1:]))
    frozen = network(z, frozen=True)
    assert torch.equal(frozen, network(z))
    (found,) = torch.autograd.grad(frozen.sum(), z)
    (expected,) = torch.autograd.grad(network(z).sum(), z)
    assert torch.equal(found, expected)
    with pytest.raises(RuntimeError):
        torch.autograd.grad(network(z, frozen=True).sum(), list(network.parameters()))


def test_sizes_and_seeds_are_checked() -> None:
    with pytest.raises(ValueError, match="latents must be at least 1, got 0"):
        StackedDiscriminator(1, 0, (4,))
    with pytest.raises(ValueError, match=r"seeds must hold one seed per model \(2\), got 1"):
        StackedDiscriminator(2, 3, (4,), seeds=(1,))
