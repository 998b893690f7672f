import pytest
import torch

from pyvae.pictures import prior_samples
from tests.pictures.linear import Linear


def test_codes_are_standard_normal_and_fixed_by_the_seed() -> None:
    found = prior_samples(Linear(size=2), 3, count=4000)
    torch.testing.assert_close(found.std(0), torch.tensor([1 / 2, 1 / 3]), rtol=0.05, atol=0)
    assert torch.equal(found, prior_samples(Linear(size=2), 3, count=4000))
    assert not torch.equal(found, prior_samples(Linear(size=2), 3, count=4000, seed=1))


def test_wrong_arguments_are_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"latents and count must be at least 1, got 3 and 0"):
        prior_samples(Linear(), 3, count=0)
