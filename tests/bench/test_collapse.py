"""What the benchmark of collapse reads off curves whose answer is known, and the best VAE of a block."""

import math

import numpy as np
import pytest
import torch

from benchmarks.collapse import IN_USE, InNoise, collapse_points, mean_intensity
from benchmarks.one_block import NOISE, PIXELS, OneBlock
from pyvae.data import BlockGrid
from pyvae.studies.biased_grid.theory import collapse_boundary

BETAS = [2.0 * 1.01**k for k in range(30)]
KNOWN = np.array([2.2, 2.4])


def test_curves_of_linear_theory_give_its_boundaries() -> None:
    kl = np.maximum(0, np.log(KNOWN / np.array(BETAS)[:, None]) / 2)
    assert collapse_points(BETAS, kl) == pytest.approx(KNOWN, rel=1e-3)
    # What critical slowing down leaves next to the boundary does not move it.
    assert collapse_points(BETAS, np.maximum(kl, 0.008)) == pytest.approx(KNOWN, rel=1e-3)


def test_a_jump_is_found_to_a_rung_and_what_is_never_seen_to_collapse_is_not() -> None:
    in_use = np.array(BETAS) < 2.3
    kl = np.stack([np.where(in_use, 0.05, 0.0), np.full(30, 0.1), np.zeros(30)], -1)
    jump, never, always = collapse_points(BETAS, kl)
    assert 2.3 / 1.01 <= jump <= 2.3 * 1.01 * math.exp(2 * IN_USE)
    assert math.isnan(never) and math.isnan(always)


@pytest.mark.parametrize("mu", [0.0, 2.0])
def test_images_in_noise_have_the_variance_that_theory_asks_for(mu) -> None:
    means = InNoise(BlockGrid(pixels=1, noise_variance=NOISE / PIXELS), NOISE / PIXELS, mean_intensity)
    drawn = means.draw(20_000, {name: torch.tensor([k]) for k, name in enumerate(means.streams)}, [mu]).images[0]
    assert drawn.mean().abs() < 0.05 and drawn.var(0).mean() == pytest.approx(collapse_boundary(mu), rel=0.02)


def test_the_best_vae_of_a_symmetric_block_follows_linear_theory() -> None:
    block = OneBlock(0.0)
    assert block.collapse == pytest.approx(collapse_boundary(0.0), rel=1e-3)
    found = block.solve(0.95, *block.start())
    assert found.kl == pytest.approx(-math.log(0.95) / 2, rel=0.03) and found.gain < 0


def test_a_skewed_block_stays_in_use_beyond_the_boundary_of_linear_theory() -> None:
    block = OneBlock(2.0)
    found = block.solve(1.05, *block.start())
    assert found.kl == pytest.approx(0.045, rel=0.05) and found.gain < 0
