"""diffusers' autoencoder of images trains to the same parameters."""

import pytest

pytest.importorskip("diffusers", reason="needs pip install diffusers")

from examples.drop_ins import diffusers_image
from examples.drop_ins.compare import difference


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(diffusers_image, diffusers_image.before, diffusers_image.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3
