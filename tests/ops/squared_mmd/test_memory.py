"""Memory of squared_mmd, in MiB."""

from tests.ops.memory import growth

CALL = "pyvae.squared_mmd(a, b, scales=20.0).backward()"


def test_memory_of_squared_mmd_does_not_grow_with_the_square() -> None:
    assert growth(CALL, 16_384) < 20  # [n, n] would be 1024 MiB


def test_memory_of_large_samples() -> None:
    assert growth(CALL, 65_536) < 64
