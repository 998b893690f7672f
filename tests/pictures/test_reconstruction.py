import torch

from pyvae.pictures import reconstruction
from tests.pictures.linear import Linear, images


def test_a_linear_model_keeps_what_its_code_holds() -> None:
    x = images(7)
    found = reconstruction(Linear(), x)
    torch.testing.assert_close(found[:, :2], x[:, :2])
    assert not found[:, 2:].any()
