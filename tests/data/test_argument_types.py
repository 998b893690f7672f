"""Every argument of every data set and bias refuses what it cannot be, in one sentence that begins with its name."""

import inspect
import math
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pyvae.data import DATA_SETS, Bias, DataSet, Factor, FactorTable, ImageGrid, ImageTable, Skew, Sprites, named
from pyvae.data.bias import effective_sample_size, stacked_log_weights
from pyvae.data.bias.changes import CHANGES
from pyvae.data.formats.pixels import Pixels
from pyvae.data.registry import reads_files
from tests.data.biases import FACTORS, GRID
from tests.data.published_files import SMALL, grid, random_images

OTHERS = (2.5, "a", None, True, math.nan, -1)
"""Wrong for a whole number, and some of them for everything else."""
NO_TEXTS = (2.5, "a", None, True, math.nan, -1, [1], [None])
NUMBERS = ("a", None, True, math.nan, math.inf, 10**400, [1.0])
WRONG: dict[str, tuple[object, ...]] = {
    "path": (2.5, None, True, math.nan, -1, ["a"]),
    "images": (2.5, None, True, math.nan, -1, {}, [[1], [2, 3]], torch.eye(4).to_sparse()),
    "factors": (*OTHERS, {}, [None] * 24),
    "cache": (2.5, None, math.nan, -1),
    **dict.fromkeys(("progress", "colour", "antialias"), (2.5, "a", None, math.nan, -1)),
    **dict.fromkeys(("side", "crop", "count", "camera", "colours", "splines"), OTHERS),
    **dict.fromkeys(("shape_seed", "blocks", "pixels", "white"), OTHERS),
    **dict.fromkeys(("sizes", "shape"), (*OTHERS, [2.5] * 5, [True] * 5, np.array(3), [[1, 2]])),
    **dict.fromkeys(("names", "nominal", "attributes", "shapes"), NO_TEXTS),
    **dict.fromkeys(("noise_variance", "strength", "by"), (*NUMBERS, "1e-3")),
    **dict.fromkeys(("factor", "first", "second"), (2.5, None, True, math.nan, -1, ["a"])),
    "shares": (*OTHERS, {}, *([number] for number in NUMBERS)),
    "where": (*OTHERS, {}, {2: [1]}, *({"a": values} for values in (*OTHERS, *([value] for value in OTHERS), {}))),
}
"""What each argument cannot be, by its name; None is no fault where it is the default."""
ARRAYS = {"images": random_images(24, 6, 8), "factors": grid(2, 3, 4)}
RIGHT = {"factor": "a", "first": "a", "second": "b", "strength": 1, "by": 1, "shares": [1], "where": {"a": [1]}}


PARAMETERS = [
    (name, parameter) for name, kind in DATA_SETS.items() for parameter in inspect.signature(kind).parameters.values()
]


def refusal(call: Callable[..., object], *arguments: Any, **settings: Any) -> str:
    """The sentence of the error that a call raises."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*arguments, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "parameter"), PARAMETERS, ids=[f"{name} {parameter.name}" for name, parameter in PARAMETERS]
)
def test_arguments_of_data_sets(name: str, parameter: inspect.Parameter, tmp_path: Path) -> None:
    """Before any file is looked for: here is none."""
    right = ARRAYS if name == "arrays" else {"path": tmp_path / "none"} if reads_files(name) else {}
    for value in WRONG[parameter.name]:
        if value is None is parameter.default:
            continue
        sentence = refusal(DATA_SETS[name], **right | {parameter.name: value})
        assert sentence.startswith(f"{parameter.name} must "), (value, sentence)


@pytest.mark.parametrize("kind", CHANGES)
def test_fields_of_changes(kind: str) -> None:
    right = {field.name: RIGHT[field.name] for field in fields(CHANGES[kind])}  # type: ignore[arg-type]
    for name in right:
        for value in WRONG[name]:
            sentence = refusal(CHANGES[kind], **right | {name: value})
            assert sentence.startswith(f"{'remove' if name == 'where' else name} must "), (value, sentence)


SETS: dict[str, Callable[[Path], DataSet]] = {
    "block-grid": lambda folder: named("block-grid", blocks=2, pixels=3),
    "sprites": lambda folder: Sprites(sizes=(3, 2, 4, 3, 3), side=12),
    **SMALL,
}


@pytest.mark.parametrize("name", SETS)
def test_arguments_of_draws_and_images(name: str, tmp_path: Path) -> None:
    data = SETS[name](tmp_path)
    seeds = {stream: torch.arange(2) for stream in data.streams}
    for value in OTHERS:
        assert refusal(data.draw, value, seeds).startswith("count must be "), value
    for value in (2.5, "a", True, math.nan, -1, [None], Skew("a", 1.0), torch.ones(()), [Bias.none] * 3):
        assert refusal(data.draw, 3, seeds, value).startswith("bias must "), value
    for value in (None, "a", {}, [[0], [0, 1]], [None], torch.zeros(1, len(data.factors), dtype=torch.complex64)):
        assert refusal(data.images, value).startswith("factors must "), value
    for value in (*OTHERS, {}, [[0], [0, 1]], [None], 1j):
        assert refusal(data.test_images, value).startswith("rows must "), value


def test_arguments_of_biases() -> None:
    bias, values = Bias(Skew("b", 1.0)), GRID[:3]
    for other in (*OTHERS, [1], ("a", "b"), Sprites, [Factor(2, 3)], [Factor("b", 2.5)], [Factor("b", 0)]):  # type: ignore[arg-type]
        for call in (bias.check, bias.effective_share, partial(bias.weights, values), partial(bias.support, values)):
            assert refusal(call, other).startswith("unbiased must "), other
        assert refusal(stacked_log_weights, values[None], other, bias).startswith("unbiased must "), other
        assert refusal(FactorTable, other, GRID).startswith("factors must "), other
    for other in (None, "a", {}, [None], 1j):
        assert refusal(bias.weights, other, FACTORS).startswith("values must ")
        assert refusal(FactorTable, FACTORS, other).startswith("labels must ")
        assert refusal(effective_sample_size, other).startswith("weights must ")
    for shape in ([3], [2, 3]):
        sentence = refusal(stacked_log_weights, torch.zeros(shape), FACTORS, bias)
        assert sentence == f"factors must have shape [K, M, 3], got {shape}"
    for other in (2.5, None, True, Path("bias.yaml"), b"changes: []"):
        assert refusal(Bias.from_yaml, other).startswith("text must ")
    for other in (2.5, "a", True, math.nan, -1):
        assert refusal(Bias.from_dict, other).startswith("bias must ")
        assert refusal(Bias.from_dict, {"changes": other}).startswith("changes must ")
        assert refusal(Bias, other).startswith("changes must ")


def test_arguments_of_tables_and_grids() -> None:
    pixels, factors = Pixels(np.zeros((6, 2, 2), np.uint8), white=1), (Factor("a", 2), Factor("b", 3))
    numbers = torch.from_numpy(grid(2, 3))
    assert refusal(ImageTable, pixels.array, numbers, factors).startswith("pixels must be ")
    assert refusal(ImageTable, pixels, numbers, [1]).startswith("factors must be ")
    assert refusal(ImageTable, pixels, numbers[:, :1], factors) == "values must have shape [N, 2], got [6, 1]"
    fewer = "pixels must hold 5 images, one for each row, got 6"
    assert refusal(ImageTable, pixels, numbers[:5], factors) == fewer
    assert refusal(ImageGrid, pixels, (Factor("a", 5),)) == fewer
    sentence = refusal(ImageGrid, pixels, factors, np.arange(5))
    assert sentence == "order must hold 6 rows, one for each combination, got 5"


def test_names_of_data_sets() -> None:
    for name in (*OTHERS, []):
        assert refusal(named, name).startswith("name must be one of ")


def test_a_path_that_no_system_takes(tmp_path: Path) -> None:
    for path in ("a" * 5000 + ".npz", tmp_path / ("b" * 300 + ".npz")):
        for name in ("arrays", "dsprites", "image-folder"):
            with pytest.raises(ValueError, match=r"^(path|images) must be a path that can be looked at, .*too long$"):
                named(name, path)
    nobody = "~nobody-of-that-name/mine.npz"
    with pytest.raises(FileNotFoundError, match=f"^images must be the path of a file, got '{nobody}', where none is"):
        named("arrays", nobody)


def test_unsigned_numbers_are_numbers() -> None:
    data = Sprites(sizes=(3, 2, 4, 3, 3), side=12)
    expected = data.images(data.labels()[:7])
    for dtype in (np.uint16, np.uint32, np.uint64):
        factors = data.labels()[:7].numpy().astype(dtype)
        assert torch.equal(data.images(factors), expected)
        assert torch.equal(data.images(torch.from_numpy(factors)), expected)
