"""What holds for every data set: shapes, named factors and streams, draws that depend on a model's own seeds alone."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pyvae.data import (
    Arrays,
    Bias,
    BlockGrid,
    DataSet,
    Draw,
    ImageGrid,
    ImageTable,
    Remove,
    Shift,
    Skew,
    Sprites,
    stacked_log_weights,
)
from tests.data.published_files import SMALL, grid, random_images


def years(folder: Path) -> Arrays:
    """Factors that do not count from 0, one of them seldom 1994, beside a continuous one."""
    values = grid(4, 3, 2) * [-2, 1, 1] + [1994, 1, -1]
    return Arrays(random_images(24, 6, 8)[2:], np.column_stack([values, np.linspace(-0.5, 1.5, 24)])[2:])


DATA_SETS: dict[str, Callable[[Path], DataSet]] = {
    "block-grid": lambda folder: BlockGrid(blocks=2, pixels=3),
    "sprites": lambda folder: Sprites(sizes=(3, 2, 4, 3, 3), side=12),
    "arrays of years": years,
    **SMALL,
}


@pytest.fixture(scope="module", params=DATA_SETS)
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    return DATA_SETS[request.param](tmp_path_factory.mktemp("files"))


def draw(data: DataSet, count: int, *seeds: int) -> Draw:
    streams = {name: torch.tensor(seeds) + place for place, name in enumerate(data.streams)}
    return data.draw(count, streams)


def test_shapes_say_what_they_hold(data: DataSet) -> None:
    drawn = draw(data, 7, 1, 2, 3)
    assert drawn.factors.shape == (3, 7, len(data.factors)) and drawn.images.shape == (3, 7, data.size)
    assert math.prod(data.shape) == data.size and len(data.shape) in (2, 3)
    assert len(data.shape) == 2 or data.shape[0] == 3
    assert len({factor.name for factor in data.factors}) == len(data.factors)


def test_images_of_drawn_factors_are_in_range(data: DataSet) -> None:
    images = data.images(draw(data, 50, 4).factors)
    assert images.shape == (1, 50, data.size) and images.min() >= 0 and images.max() <= 1


def test_the_test_set_has_a_label_for_every_factor(data: DataSet) -> None:
    labels, factors = data.labels(), data.test_factors()
    assert labels.dtype == torch.int64 and labels.shape == factors.shape == (len(labels), len(data.factors))
    assert data.count is None or len(labels) == data.count
    several_alike = isinstance(data, ImageTable) and not isinstance(data, ImageGrid)
    assert several_alike or len(labels.unique(dim=0)) == len(labels)
    for column, factor in zip(labels.T, data.factors, strict=True):
        assert column.min() == 0 and (factor.size is None or column.max() == factor.size - 1)


def test_a_draw_has_at_least_one_image(data: DataSet) -> None:
    for count in (0, -1):
        with pytest.raises(ValueError, match=f"count must be at least 1, got {count}"):
            draw(data, count, 1)


def test_draws_say_which_images_they_are(data: DataSet) -> None:
    drawn = draw(data, 20, 3, 4)
    if data.count is None:
        assert drawn.rows is None
        return
    assert drawn.rows is not None and drawn.rows.shape == (2, 20) and drawn.rows.dtype == torch.int64
    assert torch.equal(data.test_images(drawn.rows), drawn.images)
    assert torch.equal(data.test_factors()[drawn.rows], drawn.factors)


def test_draws_depend_on_the_models_own_seeds_alone(data: DataSet) -> None:
    together, alone = draw(data, 16, 5, -6, 7), draw(data, 16, -6)
    assert torch.equal(together.factors[1], alone.factors[0]) and torch.equal(together.images[1], alone.images[0])
    assert not torch.equal(together.images[0], together.images[2])


def test_the_test_set_has_an_image_for_every_row(data: DataSet) -> None:
    rows = torch.arange(len(data.labels())).flip(0)[:20].reshape(-1, 2)
    images = data.test_images(rows)
    assert images.shape == (*rows.shape, data.size) and images.dtype == torch.float32
    if isinstance(data, ImageGrid) or not isinstance(data, ImageTable):
        assert torch.equal(images, data.images(data.test_factors()[rows]))


def test_a_data_set_travels_to_other_processes(data: DataSet) -> None:
    again = pickle.loads(pickle.dumps(data))
    assert torch.equal(draw(again, 5, 1).images, draw(data, 5, 1).images)


def draws_of(data: DataSet, count: int, bias: Bias) -> torch.Tensor:
    """Factors [count, F], drawn in parts, since images of some take much memory."""
    parts = [data.draw(500, {name: torch.tensor([k]) for name in data.streams}, bias) for k in range(count // 500)]
    return torch.cat([part.factors[0] for part in parts])


def biased(data: DataSet) -> tuple[Bias, list[int]]:
    """A bias that every data set with factors has, and the columns of the factors that it moves."""
    finite = [k for k, factor in enumerate(data.factors) if factor.size is not None and factor.size > 1][:2]
    if not finite:
        return Bias(Shift(data.factors[0].name, 0.5)), []
    return Bias(
        *(Skew(data.factors[k].name, strength) for k, strength in zip(finite, (-1.5, 1.0), strict=False))
    ), finite


def test_weights_of_draws_make_their_counts_those_of_the_test_set(data: DataSet) -> None:
    if not data.factors:
        return
    count = 4000
    bias, columns = biased(data)
    drawn = draws_of(data, count, bias)
    weights, truth = bias.weights(drawn, data), data.test_factors()
    error = math.sqrt((1 / bias.effective_share(data) - 1) / count)
    assert float(weights.mean()) == pytest.approx(1, abs=5 * error)
    assert torch.equal(stacked_log_weights(drawn[None], data, bias)[0].exp(), weights)
    for column in columns:
        for value in truth[:, column].unique():
            worth = weights * (drawn[:, column] == value)
            expected = (truth[:, column] == value).double().mean()
            assert abs(worth.mean() - expected) < 5 * worth.std() / math.sqrt(count), (column, value)


def test_what_a_bias_removes_is_told_by_the_values_of_the_data_set(data: DataSet) -> None:
    finite = [k for k, factor in enumerate(data.factors) if factor.size is not None and factor.size > 1]
    if not finite:
        return
    bias = Bias(Remove({data.factors[finite[0]].name: [1]}))
    kept = bias.support(data.test_factors(), data)
    assert torch.equal(kept, data.labels()[:, finite[0]] != 1)
    assert bool(kept[(data.test_factors()[:, None] == draws_of(data, 500, bias)).all(-1).any(1)].all())


def test_values_that_the_data_set_has_not_are_one_sentence(data: DataSet) -> None:
    columns = biased(data)[1] if data.factors else []
    for column in columns:
        values = data.test_factors()[:3].double()
        values[1, column] += 0.5
        with pytest.raises(ValueError, match=rf"^values must be .* for {data.factors[column].name}"):
            biased(data)[0].weights(values, data)


def test_rows_may_be_anything_that_holds_whole_numbers(data: DataSet) -> None:
    expected = data.test_images(torch.tensor([[0, 2], [1, 1]]))
    turned = np.array([[2, 0], [1, 1]])[:, ::-1]
    small = torch.tensor([[0, 2], [1, 1]], dtype=torch.uint8)
    for rows in ([[0, 2], [1, 1]], ((0, 2), (1, 1)), turned.astype(">i2"), turned, small):
        assert torch.equal(data.test_images(rows), expected)
    assert torch.equal(data.test_images(2), expected[0, 1])
    assert data.test_images([]).shape == (0, data.size)


def test_other_rows_are_one_sentence(data: DataSet) -> None:
    last = len(data.labels()) - 1
    for row in (-1, last + 1):
        for rows in ([0, row, -7], torch.tensor([0, row])):
            with pytest.raises(ValueError, match=rf"^rows must lie between 0 and {last}, got {row}$"):
                data.test_images(rows)
    wrong = {"float32": torch.tensor([0.5]), "float64": [0.5], "bool": torch.tensor([True, False])}
    for got, rows in wrong.items():
        with pytest.raises(TypeError, match=rf"^rows must be whole numbers, got {got}$"):
            data.test_images(rows)
    for got, rows in {"'first'": "first", "NoneType": None, "list": [[0, 1], [2]]}.items():
        with pytest.raises(TypeError, match=rf"^rows must be a tensor, an array or lists of numbers, got {got}$"):
            data.test_images(rows)


def test_factors_may_be_anything_that_holds_numbers(data: DataSet) -> None:
    factors = data.test_factors()[:6].reshape(2, 3, len(data.factors))
    expected = data.images(factors)
    for given in (factors.tolist(), factors.numpy(), factors.numpy()[::-1][::-1]):
        assert data.images(given).dtype == torch.float32 and torch.equal(data.images(given), expected)
    assert data.images(factors[:0]).shape == (0, 3, data.size)


def test_other_factors_are_one_sentence(data: DataSet) -> None:
    width = len(data.factors)
    with pytest.raises(ValueError, match=rf"^factors must have shape \[..., {width}\], got \[2, {width + 1}\]$"):
        data.images([[0] * (width + 1)] * 2)
    with pytest.raises(TypeError, match=r"^factors must be a tensor, an array or lists of numbers, got dict$"):
        data.images({})
    finite = [k for k, factor in enumerate(data.factors) if factor.size is not None]
    for column in finite:
        factors = data.test_factors()[:3].double()
        factors[1, column] += 0.25
        with pytest.raises(
            ValueError, match=r"^factors must (be whole|be those of an image|lie between).*, got \[.*25"
        ):
            data.images(factors)


def test_other_seeds_are_one_sentence(data: DataSet) -> None:
    right = {name: torch.arange(3) for name in data.streams}
    last = data.streams[-1]
    wrong: list[tuple[object, type[Exception], str]] = [
        (torch.arange(3), TypeError, "got Tensor"),
        (3, TypeError, "got int"),
        ({}, ValueError, f"got none for {data.streams[0]}"),
        (right | {last: 3}, TypeError, f"got int for {last}"),
        (right | {last: [3]}, TypeError, f"got list for {last}"),
        (right | {last: torch.rand(3)}, TypeError, f"got torch.float32 for {last}"),
        (right | {last: torch.arange(3).int()}, TypeError, f"got torch.int32 for {last}"),
        (right | {last: torch.tensor(3)}, ValueError, rf"got shape \[\] for {last}"),
        (right | {last: torch.arange(0)}, ValueError, rf"got shape \[0\] for {last}"),
        (right | {last: torch.arange(4).reshape(2, 2)}, ValueError, rf"got shape \[2, 2\] for {last}"),
    ]
    for seeds, kind, got in wrong:
        with pytest.raises(kind, match=rf"^seeds must be {{'factors': .* with an int64 tensor \[K\], .*, {got}$"):
            data.draw(5, seeds)
    assert torch.equal(data.draw(5, right | {"another": 1}).factors, data.draw(5, right).factors)
