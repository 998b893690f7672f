"""Projections with known answers: exact linear images, constants, broken models, the SGD protocol."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from pyvae.metrics.estimators.projection import LinearMap, halves, least_squares, score, sgd_protocol


def _linear_data(models: int = 3, samples: int = 200) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Shared truth [N, 4] and codes [models, N, 5] that are an exact affine image of it."""
    truth = torch.rand(samples, 4)
    weight, bias = torch.randn(models, 4, 5), torch.randn(models, 1, 5)
    return truth, truth @ weight + bias, weight, bias


def test_halves_are_a_partition_that_the_seed_decides() -> None:
    fit, test = halves(101, seed=3)
    assert (len(fit), len(test)) == (50, 51)
    assert torch.equal(torch.cat([fit, test]).sort().values, torch.arange(101))
    assert torch.equal(fit, halves(101, seed=3)[0])
    assert not torch.equal(fit, halves(101, seed=4)[0])
    with pytest.raises(ValueError, match="count"):
        halves(1, seed=0)


def test_an_exact_linear_image_is_found_in_both_directions() -> None:
    truth, code, weight, bias = _linear_data()
    forward = least_squares(truth, code)
    torch.testing.assert_close(forward.weight.float(), weight, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(forward.bias.float(), bias, atol=1e-4, rtol=1e-4)
    for fitted, inputs, targets in ((forward, truth, code), (least_squares(code, truth), code, truth)):
        mse, r2 = score(fitted.predict(inputs), targets)
        assert mse.shape == r2.shape == (3,)
        torch.testing.assert_close(r2, torch.ones(3, dtype=torch.float64), atol=1e-6, rtol=0)
        assert mse.max() < 1e-8


def test_least_squares_agrees_with_numpy() -> None:
    x, y = torch.randn(101, 3, dtype=torch.float64), torch.randn(101, 2, dtype=torch.float64)
    design = np.column_stack([x.numpy(), np.ones(101)])
    expected, *_ = np.linalg.lstsq(design, y.numpy(), rcond=None)
    fitted = least_squares(x, y)
    np.testing.assert_allclose(fitted.weight.numpy(), expected[:-1], rtol=1e-10)
    np.testing.assert_allclose(fitted.bias.numpy(), expected[-1:], rtol=1e-10)


def test_a_tiny_mean_is_still_a_linear_image() -> None:
    truth, code, _, _ = _linear_data(1)
    small = 1e-3 * code
    assert score(least_squares(small, truth).predict(small), truth).r2.item() > 0.9999


def test_constant_latents_are_defined_in_both_directions() -> None:
    truth = torch.cartesian_prod(*[torch.tensor([0.1, 0.5, 0.9])] * 4)
    code = torch.full((81, 5), 0.3)
    mse, r2 = score(least_squares(truth, code).predict(truth), code)
    assert mse.item() < 1e-12
    assert r2.item() == 0
    mse, r2 = score(least_squares(code, truth).predict(code), truth)
    assert mse.item() == pytest.approx(0.10667, abs=1e-5)  # the variance of a uniform draw of {0.1, 0.5, 0.9}
    assert r2.item() == pytest.approx(0, abs=1e-6)


def test_collapsed_and_duplicated_latents_do_not_disturb_the_others() -> None:
    truth, code, _, _ = _linear_data(1)
    crowded = torch.cat([code[0], torch.full((200, 2), 7.0), code[0, :, :1]], -1)
    fitted = least_squares(crowded, truth)
    assert torch.equal(fitted.weight[5:7], torch.zeros(2, 4, dtype=torch.float64))
    assert score(fitted.predict(crowded), truth).r2.item() > 1 - 1e-6


def test_a_model_that_diverged_is_nan_alone() -> None:
    truth, code, _, _ = _linear_data()
    broken = code.clone()
    broken[1, 5, 2] = math.nan
    for inputs, targets, whole in ((truth, broken, (truth, code)), (broken, truth, (code, truth))):
        fitted, expected = least_squares(inputs, targets), least_squares(*whole)
        assert fitted.weight[1].isnan().all()
        assert torch.equal(fitted.weight[[0, 2]], expected.weight[[0, 2]])
        r2 = score(fitted.predict(inputs), targets).r2
        assert r2.isnan().tolist() == [False, True, False]


def test_r2_weighs_outputs_by_their_variance() -> None:
    target = torch.stack([torch.randn(1000) * 3, torch.randn(1000) * 0.1, torch.full((1000,), 2.0)], -1)
    prediction = target + torch.tensor([1.0, 0.2, 0.0])
    total = ((target - target.mean(0)) ** 2).sum()
    mse, r2 = score(prediction, target)
    assert mse.item() == pytest.approx((1 + 0.04) / 3, rel=1e-5)
    assert r2.item() == pytest.approx(1 - 1040 / total.item(), rel=1e-4)


def test_the_sgd_protocol_converges_to_least_squares() -> None:
    x = torch.randn(2, 512, 3)
    y = x @ torch.randn(2, 3, 4) + 0.1 * torch.randn(2, 512, 4) + 0.5
    fit = sgd_protocol(x, y, epochs=40, learning_rate=3e-2, batch_size=64, seed=0)
    exact = least_squares(x, y)
    torch.testing.assert_close(fit.map.weight.double(), exact.weight, atol=0.05, rtol=0)
    torch.testing.assert_close(fit.map.bias.double(), exact.bias, atol=0.05, rtol=0)
    assert fit.curve.shape == (2, 40 * 8)
    assert (fit.curve[:, -8:].mean(1) < 0.02 * fit.curve[:, 0]).all()


def test_the_sgd_protocol_starts_from_zero_and_counts_the_last_small_batch() -> None:
    x, y = torch.randn(41, 3), torch.randn(41, 2)
    fit = sgd_protocol(x, y, epochs=2, learning_rate=1e-3, batch_size=20, seed=1)
    assert fit.curve.shape == (6,)
    first = torch.randperm(41, generator=torch.Generator().manual_seed(1))[:20]
    torch.testing.assert_close(fit.curve[0], y[first].square().mean())


def test_a_stacked_model_is_projected_as_it_is_alone() -> None:
    truth, code, _, _ = _linear_data()
    settings = {"epochs": 3, "learning_rate": 1e-2, "batch_size": 16, "seed": 5}
    together = sgd_protocol(truth, code, **settings)
    exact = least_squares(truth, code)
    for k in range(3):
        alone = sgd_protocol(truth, code[k], **settings)
        torch.testing.assert_close(together.map.weight[k], alone.map.weight)
        torch.testing.assert_close(together.curve[k], alone.curve)
        torch.testing.assert_close(exact.weight[k], least_squares(truth, code[k]).weight)


def test_adam_takes_the_step_autograd_gives() -> None:
    x, y = torch.randn(32, 3), torch.randn(32, 2)
    weight, bias = torch.zeros(3, 2, requires_grad=True), torch.zeros(1, 2, requires_grad=True)
    optimiser = torch.optim.Adam([weight, bias], lr=0.1)
    ((x @ weight + bias - y) ** 2).mean().backward()
    optimiser.step()
    fit = sgd_protocol(x, y, epochs=1, learning_rate=0.1, batch_size=32, seed=0)
    torch.testing.assert_close(fit.map, LinearMap(weight.detach(), bias.detach()), atol=1e-6, rtol=1e-5)


def test_the_number_of_threads_is_left_as_it_was() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    sgd_protocol(torch.rand(8, 2), torch.rand(8, 2), epochs=1, learning_rate=0.1, batch_size=4, seed=0)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_wrong_input_is_named() -> None:
    x, y = torch.randn(8, 2), torch.randn(7, 2)
    with pytest.raises(ValueError, match="same number of samples"):
        least_squares(x, y)
    with pytest.raises(ValueError, match="same number of samples"):
        sgd_protocol(x, y, epochs=1, learning_rate=0.1, batch_size=4, seed=0)
    for wrong in ({"epochs": 0}, {"learning_rate": 0.0}, {"batch_size": 0}):
        settings = {"epochs": 1, "learning_rate": 0.1, "batch_size": 4, "seed": 0, **wrong}
        with pytest.raises(ValueError, match=next(iter(wrong))):
            sgd_protocol(x, x, **settings)  # type: ignore[arg-type]
