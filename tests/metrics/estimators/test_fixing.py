"""Batches hold what they should and vary what they should."""

import numpy as np
import pytest
import torch

from pyvae.data import BlockGrid
from pyvae.metrics import Factors
from pyvae.metrics.estimators.fixing import Encoded, GivenRows, source_of

VALUES = np.stack(np.meshgrid(np.arange(3), np.arange(4), np.arange(5), indexing="ij"), -1).reshape(-1, 3)


def sources() -> list[tuple[object, int]]:
    grid = BlockGrid(blocks=2, pixels=1)
    return [
        (GivenRows(VALUES.astype(float), Factors(VALUES)), 3),
        (Encoded(lambda images: images, grid), 4),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_one_factor_is_held_and_the_others_vary(which: int) -> None:
    source, factors = sources()[which]
    rng = np.random.default_rng(0)
    held = np.arange(60) % factors
    batch, _ = source.sharing(held, 32, rng)
    constant = batch.std(1) < 1e-12
    assert batch.shape == (60, 32, factors)
    assert (constant == (np.arange(factors) == held[:, None])).all()
    assert len(np.unique(batch[held == 0, 0, 0])) == 3  # every value is held
    first, second, _ = source.pairs(held, 32, rng)
    assert ((np.abs(first - second).max(1) < 1e-12) == (np.arange(factors) == held[:, None])).all()
    assert (first.std(1) > 0).all()  # a batch of pairs has many values of its factor


def test_a_value_that_one_row_has_is_never_held() -> None:
    factors = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 0], [5, 2, 0]])
    source = GivenRows(np.arange(4.0)[:, None], Factors(factors, names=("a", "b", "c")))
    assert source.names == ("a", "b")
    held, _ = source.sharing(np.array([0, 1] * 50), 8, np.random.default_rng(0))
    assert source.groups.tolist() == [[0, -1], [0, 2], [0, 2], [-1, -1]]
    assert set(held[::2].ravel()) == {0, 1, 2} and set(held[1::2].ravel()) == {1, 2}


@pytest.mark.parametrize(("batch", "repeats"), [(2, 1), (8, 1), (15, 1), (20, 1), (100, 1), (2, 20), (100, 20)])
@pytest.mark.parametrize("replacement", [False, True])
def test_every_row_of_a_value_is_drawn_as_often(batch: int, repeats: int, replacement: bool) -> None:
    """Twenty rows of a value, or four hundred: all ways to draw different ones, and too few rows for that."""
    values = np.tile(VALUES, (repeats, 1))
    source = GivenRows(np.arange(float(len(values)))[:, None], Factors(values), replacement=replacement)
    count = 30_000 // batch
    codes, rows = source.sharing(np.zeros(count, dtype=np.int64), batch, np.random.default_rng(0))
    assert (codes[..., 0] == rows).all() and (values[rows, 0] == values[rows[:, :1], 0]).all()
    counts = np.bincount(rows.ravel(), minlength=len(values)) * len(values) / (count * batch)
    # Which value is drawn has an error of its own, the larger the fewer batches there are.
    assert counts.mean() == pytest.approx(1)
    assert (abs(counts - 1) < 5 * np.sqrt(len(values) / (count * batch) + 2 / count)).all()
    twice = (np.diff(np.sort(rows, 1), axis=1) == 0).any(1).mean()
    assert twice == 0 if not replacement and batch <= 20 * repeats else twice > 0.001


def test_a_pair_is_two_rows_unless_a_row_may_be_drawn_twice() -> None:
    codes = np.arange(60.0)[:, None]
    for replacement in (False, True):
        source = GivenRows(codes, Factors(VALUES), replacement=replacement)
        first, second, rows = source.pairs(np.arange(600) % 3, 20, np.random.default_rng(0))
        assert (first[..., 0] == rows[:, :20]).all() and (second[..., 0] == rows[:, 20:]).all()
        assert (first == second).any() == replacement
        assert (abs(np.bincount(rows[:, 20:].ravel(), minlength=60) - 200) < 70).all()


def test_an_encoder_of_images_on_their_device_and_dtype() -> None:
    source = source_of(lambda images: (images.half(), images), BlockGrid(blocks=2, pixels=1))
    sample = source.sample(5000, np.random.default_rng(0))
    assert sample.shape == (5000, 4) and sample.dtype == np.float64
    assert isinstance(source, Encoded)
    with pytest.raises(ValueError, match=r"^codes must be an encoder that gives means \[B, D\] or .* got tuple"):
        source_of(lambda images: (images, images, torch.ones(1)), BlockGrid()).sample(3, np.random.default_rng(0))
    with pytest.raises(
        ValueError, match=r"^codes must be an encoder of the data set's images, \[3, 441\], got the error 'mat1"
    ):
        source_of(lambda images: images @ torch.ones(5, 2), BlockGrid()).sample(3, np.random.default_rng(0))
