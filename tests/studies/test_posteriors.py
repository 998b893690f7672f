"""What studies ask of posteriors beside scores, where the answer is known."""

import math

import pytest
import torch

from pyvae.losses import Autoencoder, BetaVAE
from pyvae.metrics import Codes
from pyvae.studies.posteriors import aggregate, kl, sampled
from tests.pages.runs import run


def test_the_parts_of_separate_posteriors_are_known() -> None:
    """Two latents that are copies and a third that is the prior: four places, far apart beside their width of 0.01."""
    place = torch.tensor([-1.5, -0.5, 0.5, 1.5], dtype=torch.float64).repeat(50)
    mu = torch.stack([place, place, torch.zeros_like(place)], -1)
    logvar = torch.tensor([2 * math.log(0.01)] * 2 + [0.0], dtype=torch.float64).expand_as(mu)
    codes = Codes(mu, logvar.contiguous())
    found, whole = aggregate(codes, seed=0), kl(codes)
    each = 0.5 * (place.square().mean() + 1e-4 - 1 - math.log(1e-4))
    assert whole.value == pytest.approx(2 * float(each))
    assert found.information.value == pytest.approx(math.log(4), abs=1e-6)
    assert found.total_correlation.value == pytest.approx(math.log(4), abs=1e-6)
    assert found.dimwise_kl.value == pytest.approx(2 * (float(each) - math.log(4)), abs=0.05)
    assert found.dimwise_kl.low < found.dimwise_kl.value < found.dimwise_kl.high


@pytest.mark.parametrize("objective", [BetaVAE, Autoencoder])
def test_a_code_is_sampled_but_where_codes_are_deterministic(objective) -> None:
    member = run(steps=1, objective=objective).members[1]
    images = member.data.test_images(torch.arange(30))
    mu, logvar, z = sampled(member.recipe, member.trained, 1, images)
    assert z.shape == mu.shape == logvar.shape == (1, 30, 3)
    assert torch.equal(z, mu) == objective.deterministic
    assert torch.equal(z, sampled(member.recipe, member.trained, 1, images).z)
    assert float(((z - mu) / logvar.mul(0.5).exp()).abs().max()) < 5
    with torch.no_grad():
        next(member.trained.model.parameters())[1] = torch.nan
    assert sampled(member.recipe, member.trained, 1, images) is None
    assert sampled(member.recipe, member.trained, 0, images) is not None
