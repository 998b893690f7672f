import numpy as np
import pytest
import torch

from pyvae.metrics import Factors
from pyvae.pictures import Encoded, NothingToShow, draw_latent_factors, latent_factors

VALUES = np.stack(np.meshgrid(np.arange(4), np.arange(5), np.arange(20)), -1).reshape(-1, 3)[:, :2]


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_latent_that_is_a_factor_tells_all_of_it_and_nothing_of_another(deterministic) -> None:
    noise = torch.randn(len(VALUES), 3, generator=torch.Generator().manual_seed(0)) * 1e-2
    mu = torch.tensor(VALUES[:, [1, 0, 0]], dtype=torch.float32) * torch.tensor([1.0, 2.0, 0.0]) + noise
    logvar = torch.full_like(mu, -8.0)
    logvar[:, 2] = 0.0
    found = latent_factors(Encoded(mu, None if deterministic else logvar), Factors(VALUES, ["a", "b"]))
    assert found.latents == (1, 0, 2) and found.factors == ("a", "b")
    np.testing.assert_allclose(found.shares, [[1, 0], [0, 1], [0, 0]], atol=0.06)
    assert found.shares.min() >= 0 and found.shares.max() <= 1


def test_factors_with_one_value_are_left_out() -> None:
    mu = torch.tensor(VALUES, dtype=torch.float32)
    values = np.column_stack([np.zeros(len(VALUES)), VALUES[:, 0]])
    assert latent_factors(Encoded(mu, mu * 0 - 8), Factors(values, ["still", "moves"])).factors == ("moves",)
    with pytest.raises(NothingToShow, match=r"No factor takes two values among these images"):
        latent_factors(Encoded(mu, None), Factors(values[:, :1]))
    with pytest.raises(ValueError, match=r"factors must have a row for each of the 400 codes, got 3"):
        latent_factors(Encoded(mu, None), Factors(values[:3]))


def test_the_map_has_the_latent_most_in_use_on_top() -> None:
    mu = torch.tensor(VALUES, dtype=torch.float32)
    figure = draw_latent_factors(latent_factors(Encoded(mu, mu * 0 - 8), Factors(VALUES, ["a", "b"]), samples=500))
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["z0", "z1"]  # from the foot up
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["a", "b"]
    assert axes.texts[0].get_text() == "1.00"  # z0 is the first factor
