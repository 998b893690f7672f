"""The copied script trains to the same parameters."""

from examples.drop_ins import plain_torch
from examples.drop_ins.compare import difference


def test_before_and_after_train_to_the_same_parameters() -> None:
    found = difference(plain_torch, plain_torch.before, plain_torch.after)
    assert found.losses < 1e-5 and found.parameters < 1e-5
    assert found.moved > 1e-3
