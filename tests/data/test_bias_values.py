"""Weights of values as data sets have them, whatever these count from and whatever holds them."""

import pickle

import numpy as np
import pytest
import torch

from pyvae.data import Arrays
from pyvae.data.bias import Bias, FactorTable, Skew, stacked_log_weights
from tests.data.biases import CASES, FACTORS, GRID


def test_weights_of_a_table_with_values_are_those_of_their_labels() -> None:
    """In whatever type they are asked for."""
    values = GRID * torch.tensor([-3, 10, 1]) + torch.tensor([1, 1990, 2])
    labels = GRID.clone()
    table, bias = FactorTable(FACTORS, labels, values), CASES["all linked"][0]
    kept = bias.support(values, table)
    assert torch.equal(kept, bias.support(GRID, FACTORS))
    for asked in (values, values.float(), values.double(), values.int(), values.numpy()):
        torch.testing.assert_close(bias.weights(asked[kept], table), bias.weights(GRID[kept], FACTORS))
    again = pickle.loads(pickle.dumps(table))
    assert torch.equal(bias.weights(values[kept], again), bias.weights(values[kept], table))


def test_weights_of_seldom_values() -> None:
    """What counts of rows say: 297 rows of 1, 297 of 2 and 6 of 3, skewed towards 1."""
    rows = np.arange(600)
    given = np.where(rows % 100 == 0, 3, rows % 2 + 1)
    images = Arrays(np.full((600, 8, 8), 255, np.uint8), given, names=("a",))
    bias = Bias(Skew("a", -8.0))
    counts = np.array([(given == value).sum() for value in (1, 2, 3)])
    tilted = counts * np.exp(-8.0 * np.arange(3) / 2)
    expected = torch.from_numpy(counts / 600 / (tilted / tilted.sum()))
    torch.testing.assert_close(bias.weights([[1], [2], [3]], images), expected)
    torch.testing.assert_close(bias.weights([[1], [2], [3]], images.table), expected)


class Frame:
    """A table as pandas has them: numpy takes it, torch does not."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array

    def to_numpy(self) -> np.ndarray:
        return self.array


def test_values_may_be_what_numpy_takes() -> None:
    bias, numbers = CASES["skew"][0], GRID.numpy()
    expected = bias.weights(GRID, FACTORS)
    for given in (numbers, GRID.tolist(), Frame(numbers), numbers[::-1][::-1], numbers.astype(">i4")):
        assert torch.equal(bias.weights(given, FACTORS), expected) and bool(bias.support(given, FACTORS).all())
    assert torch.equal(stacked_log_weights([GRID.tolist()], FACTORS, bias)[0].exp(), expected)
    torch.testing.assert_close(bias.weights(Frame(numbers), FactorTable(FACTORS, Frame(numbers))), expected)
    with pytest.raises(TypeError, match=r"got Frame of objects, of which \.to_numpy\(float\) makes numbers$"):
        bias.weights(Frame(numbers.astype(object)), FACTORS)
