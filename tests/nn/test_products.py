"""Whose products the layers of stacked models take."""

import pytest
import torch
import torch.func as func

from pyvae.nn import StackedLinear, products

WAYS = ["own", "torch"]


def take(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    times = dict.fromkeys(WAYS, 2.0) | {way: 1.0}
    monkeypatch.setattr(products, "product_times", lambda: times)


def test_own_products_have_to_be_clearly_faster(monkeypatch) -> None:
    for own, expected in ((0.7, "own"), (0.9, "torch"), (1.0, "torch"), (2.0, "torch")):
        monkeypatch.setattr(products, "product_times", lambda own=own: {"own": own, "torch": 1.0})
        assert products.faster() == expected
        assert products.told().startswith(f"products by {expected} (")


def test_the_measurement_leaves_torch_s_generator_alone() -> None:
    before = torch.get_rng_state()
    times = products.product_times()
    assert set(times) == set(WAYS) and all(0 < seconds < 1 for seconds in times.values())
    assert products.product_times() is times and torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("relu", [False, True])
def test_both_ways_compute_the_same(monkeypatch, relu: bool) -> None:
    torch.manual_seed(0)
    layer, x = StackedLinear(torch.randn(3, 40, 70), torch.randn(3, 1, 70)), torch.randn(3, 33, 40)
    results = []
    for way in WAYS:
        take(monkeypatch, way)
        leaves = [x.clone().requires_grad_(), layer.weight, layer.bias]
        y = layer(leaves[0], relu=relu)
        results.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    for own, theirs in zip(*results, strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-4, atol=1e-3)


def test_what_traces_or_transforms_takes_torch_and_measures_nothing(monkeypatch) -> None:
    monkeypatch.setattr(products, "product_times", lambda: pytest.fail("there is nothing to choose"))
    layer, x = StackedLinear(torch.randn(2, 3, 4), torch.randn(2, 1, 4)), torch.randn(2, 5, 3)
    want = products.by_torch(x, layer.weight, layer.bias, relu=True)
    assert torch.equal(torch.compile(lambda x: layer(x, relu=True), backend="eager", fullgraph=True)(x), want)
    assert func.grad(lambda x: layer(x).sum())(x).shape == x.shape
    assert layer.to(torch.bfloat16)(x.to(torch.bfloat16)).dtype == torch.bfloat16
