import pytest
import torch

from pyvae.nn import StackedVAE
from pyvae.pictures import OneOfStack
from pyvae.pictures.model import decoded


def test_one_of_a_stack_is_that_model() -> None:
    stack, x, z = StackedVAE(3, 8, (16,), 2, seeds=[0, 1, 2]), torch.rand(5, 8), torch.randn(4, 2)
    one = OneOfStack(stack, 2)
    torch.testing.assert_close(one.encode(x)[0], stack.encode(x)[0][2])
    torch.testing.assert_close(one.decode(z), stack.decode(z.expand(3, 4, 2))[2])
    linked = OneOfStack(stack, 2, link=torch.sigmoid)
    torch.testing.assert_close(linked.decode(z), one.decode(z).sigmoid())
    with pytest.raises(ValueError, match=r"indices must lie between -3 and 2, got 3"):
        OneOfStack(stack, 3)


def test_codes_of_any_shape_are_decoded_in_parts(monkeypatch) -> None:
    one, z = OneOfStack(StackedVAE(1, 8, (16,), 2, seeds=[0])), torch.randn(3, 5, 2)
    whole = decoded(one, z)
    monkeypatch.setattr("pyvae.pictures.model.AT_ONCE", 4)
    assert whole.shape == (3, 5, 8) and not whole.requires_grad
    torch.testing.assert_close(decoded(one, z), whole)
