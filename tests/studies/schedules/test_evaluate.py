"""What is measured on models and data, where the answer is known."""

import sys

import numpy as np
import pytest
import torch

from pyvae.data import Arrays, BlockGrid
from pyvae.nn import StackedVAE
from pyvae.studies.schedules.evaluate import measured, spectrum
from pyvae.training import Cell, Trained
from pyvae.training.curves import Curves

CELL = Cell(0.0, 1.0, 0)


def trained(model: StackedVAE) -> Trained:
    return Trained(model, (CELL,), torch.tensor([7]), torch.tensor([7]), Curves(("kl", "loss")))


@pytest.fixture
def known() -> StackedVAE:
    """Latent 0 is the first pixel's depth with deviation 1/2, latent 1 the prior; the decoder says 0.25."""
    vae = StackedVAE(1, 4, (), 2)
    with torch.no_grad():
        vae.encoder[0].weight[0, 0, 0] = 2.0
        vae.encoder[0].bias[0, 0, 2] = 2 * np.log(0.5)
        vae.decoder[0].bias[0, 0] = 0.25
    return vae


def test_a_model_whose_numbers_are_known(known) -> None:
    x = torch.rand(500, 4, generator=torch.Generator().manual_seed(0))
    row, latents = measured(trained(known), 0, x)
    kl = 0.5 * (4 * x[:, 0].square().mean() + 0.25 - 1 - np.log(0.25))
    assert row["kl_nats"] == pytest.approx(float(kl), rel=1e-5)
    assert row["posterior_std"] == pytest.approx(0.75, rel=1e-6)
    assert row["squared_error"] == pytest.approx(float((x - 0.25).square().sum(1).mean()), rel=1e-5)
    assert (row["active"], row["active_kl"], row["active_variance"]) == (1, 1, 1)
    assert row["finite"] and row["steps"] == 7 and (row["beta"], row["seed"]) == (1.0, 0)
    assert [latent["latent"] for latent in latents] == [0, 1] and latents[1]["posterior_std"] == 1.0


def test_a_model_that_has_diverged_gives_no_measure(known) -> None:
    with torch.no_grad():
        known.encoder[0].bias[0, 0, 0] = torch.nan
    row, latents = measured(trained(known), 0, torch.rand(40, 4))
    assert row["finite"] is False and "diverged" in row["reason"] and "kl_nats" not in row and latents == []


@pytest.mark.parametrize("count", [40, 8])  # more images than pixels, and fewer
def test_spectrum_of_images_in_an_array(count) -> None:
    images = np.random.default_rng(0).random((count, 4, 4))
    got = spectrum(Arrays(images))
    want = np.linalg.eigvalsh(np.cov(images.reshape(count, 16).T, bias=True))[::-1][: len(got)]
    assert np.allclose(got.numpy(), np.maximum(want, 0), atol=1e-6)


def test_spectrum_of_images_that_never_end_has_their_noise(monkeypatch) -> None:
    monkeypatch.setattr(sys.modules[spectrum.__module__], "SPECTRUM_DRAWN", 2000)
    got = spectrum(BlockGrid(blocks=2, pixels=2, noise_variance=0.25))
    block = 0.25 + 4 * 0.04341  # of sigmoid(N(0, 1))
    assert got[:4].mean() == pytest.approx(block, rel=0.05) and got[4:].mean() == pytest.approx(0.25, rel=0.05)
