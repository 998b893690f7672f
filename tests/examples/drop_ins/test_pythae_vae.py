"""pythae's VAE trains to the same parameters."""

import pytest

pytest.importorskip("pythae", reason="needs pip install pythae==0.1.2")

from examples.drop_ins import pythae_vae
from examples.drop_ins.compare import difference


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(pythae_vae, pythae_vae.before, pythae_vae.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3
