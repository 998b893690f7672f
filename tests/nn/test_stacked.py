"""Stacked layers alone."""

import torch
import torch.func as func

from pyvae.nn import StackedLinear, StackedVAE


def test_a_layer_is_an_affine_map_for_each_model() -> None:
    layer = StackedLinear(torch.randn(3, 4, 5), torch.randn(3, 1, 5))
    x = torch.randn(3, 7, 4)
    for k in range(3):
        assert torch.allclose(layer(x)[k], x[k] @ layer.weight[k] + layer.bias[k], atol=1e-6)
    assert repr(layer) == "StackedLinear(models=3, inputs=4, outputs=5)"


def test_layers_have_second_derivatives_and_forward_mode() -> None:
    """By ordinary autograd, with the kernels' forward, and by torch.func."""
    torch.manual_seed(0)
    vae = StackedVAE(2, 5, hidden=(4, 3), latents=1, seeds=[1, 2]).double()
    z = torch.randn(2, 3, 1, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda z: vae.decode(z).square(), [z])
    penalty = torch.autograd.grad(vae.decode(z).square().sum(), z, create_graph=True)[0].square().sum()
    penalty.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in vae.decoder[0].parameters())
    value, tangent = func.jvp(vae.decode, (z.detach(),), (torch.ones_like(z),))
    torch.testing.assert_close(value, vae.decode(z).detach())
    torch.testing.assert_close(tangent, sum(func.jacrev(vae.decode)(z.detach()).flatten(-3).unbind(-1)))


def test_a_model_made_without_memory_is_filled_by_its_layers() -> None:
    """The way of large models: meta device, memory, then each layer's own initialisation."""
    with torch.device("meta"):
        vae = StackedVAE(2, 300, hidden=(200,), latents=4)
    assert all(parameter.is_meta for parameter in vae.parameters())
    vae = vae.to_empty(device="cpu")
    for module in vae.modules():
        if isinstance(module, StackedLinear):
            module.reset_parameters()
            bound = module.weight.shape[1] ** -0.5
            for parameter in module.parameters():
                assert 0.8 * bound < parameter.abs().max() <= bound
    assert vae(torch.randn(5, 300), seed=0).decoded.shape == (2, 5, 300)
